package model_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Special tokens that no file names are those of transformers' config classes, as 5.24.0 prints them:
//
//	c = CONFIG_MAPPING[name](); c = getattr(c, "text_config", c); print(c.bos_token_id, c.eos_token_id, c.pad_token_id)
func TestTokensOfClasses(t *testing.T) {
	const none = -1
	want := map[string][3]int{
		"cohere": {5, 255001, 0}, "cohere2": {5, 255001, 0}, "falcon": {11, 11, none}, "gemma": {2, 1, 0}, "gemma2": {2, 1, 0},
		"gemma3": {2, 1, 0}, "gemma3_text": {2, 1, 0}, "gpt2": {50256, 50256, none}, "gpt_neox": {0, 2, none}, "granite": {1, 2, none},
		"granitemoe": {1, 2, none}, "granitemoeshared": {1, 2, none}, "phimoe": {1, 2, none},
		"llama": {1, 2, none}, "llama4": {1, 2, none}, "llama4_text": {1, 2, none}, "mistral": {1, 2, none}, "olmo2": {none, 50279, 1}, "olmo3": {none, 50279, 1}, "opt": {2, 2, 1},
		"phi": {1, 2, none}, "phi3": {1, 32000, 32000}, "qwen2": {none, none, none}, "qwen3": {none, none, none},
		"deepseek_v2": {1, 2, none}, "deepseek_v3": {0, 1, none}, "glm4_moe": {none, none, none}, "glm4_moe_lite": {0, 1, none}, "kimi_k2": {0, 1, none}, "minimax_m2": {200034, 200020, none},
		"gpt_oss": {none, none, none}, "mixtral": {1, 2, none}, "olmoe": {none, 50279, 1}, "qwen2_moe": {none, none, none}, "qwen3_moe": {none, none, none},
		"smollm3": {128000, 128001, 128004}, "starcoder2": {50256, 50256, none},
	}
	for _, name := range model.Decoders() {
		of := family.Recipes()[name].Tokens
		var got [3]int
		for i, id := range []*int{of.BOS, of.EOS, of.PAD} {
			if got[i] = none; id != nil {
				got[i] = *id
			}
		}
		if w, ok := want[name]; !ok || got != w {
			t.Errorf("%s: %v, want %v", name, got, w)
		}
	}
}

func TestTokensOfConfigs(t *testing.T) {
	for more, want := range map[string][]int{``: {2}, `,"eos_token_id":5`: {5}, `,"eos_token_id":null`: nil, `,"eos_token_id":[3,4]`: {3, 4}} {
		d, err := model.NewDecoder([]byte("{"+smallLlama+more+"}"), checkpoint.Random(1, tensor.F32), model.Options{})
		if err != nil || !slices.Equal(d.Generation.EOS, want) {
			t.Errorf("%q: %v, error %v; want %v", more, d.Generation.EOS, err, want)
		}
	}
	gemma := `{"model_type":"gemma2","vocab_size":8,"hidden_size":4,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":1,
		"num_key_value_heads":1,"head_dim":4,"architectures":["Gemma2ForSequenceClassification"]%s}`
	for more, want := range map[string][]int{``: {0}, `,"pad_token_id":3`: {3}, `,"pad_token_id":null`: nil} {
		e, err := model.NewEncoder(fmt.Appendf(nil, gemma, more), checkpoint.Random(1, tensor.F32), model.Options{Heads: []arch.Task{arch.SequenceClassification}})
		if err != nil || !slices.Equal(e.Pads, want) {
			t.Errorf("%q: pads %v, error %v; want %v", more, e.Pads, err, want)
		}
	}
}
