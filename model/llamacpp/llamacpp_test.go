package llamacpp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// metadata returns those of a small LLaMA, with changes: a key and its value, or a key alone to take it away.
func metadata(changes map[string]gguf.Value) *gguf.Metadata {
	m := &gguf.Metadata{}
	m.Set("general.architecture", gguf.Of("llama"))
	for key, n := range map[string]uint32{"block_count": 1, "embedding_length": 4, "attention.head_count": 1, "feed_forward_length": 6, "context_length": 32} {
		m.Set("llama."+key, gguf.Of(n))
	}
	m.Set("llama.attention.layer_norm_rms_epsilon", gguf.Of(float32(1e-5)))
	for key, v := range changes {
		m.Set(key, v)
		if v.Len() == 0 {
			m.Delete(key)
		}
	}
	return m
}

// weights returns tensors with the values 0, 1, 2, …
func weights(t testing.TB, shapes map[string][]int) checkpoint.Source {
	t.Helper()
	var entries []checkpoint.Entry
	for name, shape := range shapes {
		x := tensor.New(shape...)
		for i := range x.Data {
			x.Data[i] = float32(i)
		}
		entries = append(entries, checkpoint.Float32(name, x))
	}
	src, err := checkpoint.Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func llamaWeights() map[string][]int {
	return map[string][]int{"token_embd.weight": {5, 4}, "blk.0.attn_q.weight": {4, 4}, "blk.0.ffn_down.weight": {4, 6}}
}

func ExampleOpen() {
	src, err := checkpoint.Memory(
		checkpoint.Float32("token_embd.weight", tensor.New(5, 4)),
		checkpoint.Float32("blk.0.attn_q.weight", tensor.From([]float32{0, 1, 2, 3}, 4, 1)))
	if err != nil {
		log.Fatal(err)
	}
	m, err := llamacpp.Open(metadata(nil), src) // both of a gguf.File
	if err != nil {
		log.Fatal(err)
	}
	q, err := checkpoint.ReadFloat32(m.Weights, "model.layers.0.self_attn.q_proj.weight")
	fmt.Println(q.Data, err)
	// Output: [0 2 1 3] <nil>
}

func TestRefused(t *testing.T) {
	none := gguf.ArrayOf([]uint32{})
	for want, changes := range map[string]map[string]gguf.Value{
		`architecture "mamba" is not supported; these are:`:                {"general.architecture": gguf.Of("mamba")},
		`general.type is "adapter"`:                                        {"general.type": gguf.Of("adapter")},
		`mmproj`:                                                           {"general.architecture": gguf.Of("clip")},
		`"general.architecture" is uint32`:                                 {"general.architecture": gguf.Of(uint32(1))},
		`"general.architecture"`:                                           {"general.architecture": none},
		`"llama.block_count"`:                                              {"llama.block_count": none},
		`llama.block_count is 0`:                                           {"llama.block_count": gguf.Of(uint32(0))},
		`"llama.embedding_length" is string`:                               {"llama.embedding_length": gguf.Of("4")},
		`llama.embedding_length is 4294967295`:                             {"llama.embedding_length": gguf.Of(uint32(1<<32 - 1))},
		`"llama.attention.layer_norm_rms_epsilon" is uint32`:               {"llama.attention.layer_norm_rms_epsilon": gguf.Of(uint32(1))},
		`llama.attention.head_count is missing or 0`:                       {"llama.attention.head_count": gguf.Of(uint32(0))},
		`llama.rope.scaling.type is "ntk"`:                                 {"llama.rope.scaling.type": gguf.Of("ntk")},
		`rope_factors_long.weight`:                                         {"llama.rope.scaling.type": gguf.Of("longrope")},
		`llama.rope.dimension_count is 2 and a head has 4 values`:          {"llama.rope.dimension_count": gguf.Of(uint32(2))},
		`llama.logit_scale is not supported for this architecture`:         {"llama.logit_scale": gguf.Of(float32(2))},
		`llama.expert_gating_func is not supported`:                        {"llama.expert_gating_func": gguf.Of(uint32(2))},
		`llama.attention.causal is not supported`:                          {"llama.attention.causal": gguf.Of(false)},
		`llama.attention.head_count_kv is 1 for layer 0 and 2 for layer 1`: {"llama.block_count": gguf.Of(uint32(2)), "llama.attention.head_count_kv": gguf.ArrayOf([]uint32{1, 2})},
		`llama.attention.head_count_kv has 1 entries for 2 layers`:         {"llama.block_count": gguf.Of(uint32(2)), "llama.attention.head_count_kv": gguf.ArrayOf([]uint32{1})},
		`keys and values of different lengths`:                             {"llama.attention.key_length": gguf.Of(uint32(4)), "llama.attention.value_length": gguf.Of(uint32(2))},
		`llama.pooling_type is 9`:                                          {"llama.pooling_type": gguf.Of(uint32(9))},
		`general.sampling.mirostat is 2`:                                   {"general.sampling.mirostat": gguf.Of(int32(2))},
		`rows cannot be divided by 3`:                                      {"llama.attention.head_count": gguf.Of(uint32(3))},
		`tokenizer.ggml.eos_token_id is`:                                   {"tokenizer.ggml.eos_token_id": gguf.Of(int32(-1))},
	} {
		_, err := llamacpp.Open(metadata(changes), weights(t, llamaWeights()))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant: %s", err, want)
		}
	}
	if _, err := llamacpp.Open(metadata(nil), weights(t, nil)); err == nil || !strings.Contains(err.Error(), "no tensors") {
		t.Errorf("a file without tensors: %v", err)
	}
	var e *checkpoint.Error
	if _, err := llamacpp.Open(metadata(map[string]gguf.Value{"llama.block_count": none}), weights(t, llamaWeights())); !errors.As(err, &e) {
		t.Errorf("%v is no checkpoint.Error", err)
	}
}

// generation returns the generation settings of metadata.
func generation(t *testing.T, changes map[string]gguf.Value) hf.Generation {
	t.Helper()
	m, err := llamacpp.Open(metadata(changes), weights(t, llamaWeights()))
	if err != nil {
		t.Fatal(err)
	}
	c, err := hf.ParseConfig("config.json", m.Config)
	if err != nil {
		t.Fatal(err)
	}
	g, err := hf.ReadGeneration(nil, c, hf.Tokens{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGeneration(t *testing.T) {
	g := generation(t, map[string]gguf.Value{
		"tokenizer.ggml.bos_token_id": gguf.Of(uint32(1)),
		"tokenizer.ggml.eos_token_id": gguf.Of(uint32(2)),
		"tokenizer.ggml.tokens":       gguf.ArrayOf([]string{"<|eot_id|>", "<s>", "</s>", "<|im_end|>"}),
		"tokenizer.ggml.token_type":   gguf.ArrayOf([]int32{1, 3, 3, 3}),
	})
	if g.BOS == nil || *g.BOS != 1 || g.PAD != nil || !slices.Equal(g.EOS, []int{2, 3}) || g.Sampling.Temperature != 0 {
		t.Errorf("%+v", g)
	}
	g = generation(t, map[string]gguf.Value{
		"tokenizer.ggml.eos_token_id": gguf.Of(uint32(0)),
		"tokenizer.ggml.tokens":       gguf.ArrayOf([]string{"<|return|>", "<|call|>", "<|end|>"}),
		"tokenizer.ggml.token_type":   gguf.ArrayOf([]int32{3, 3, 3}),
		"general.sampling.temp":       gguf.Of(float32(0.6)),
		"general.sampling.top_k":      gguf.Of(int32(20)),
		"general.sampling.top_p":      gguf.Of(float32(0.95)),
	})
	if !slices.Equal(g.EOS, []int{0, 1}) || g.Sampling.Temperature != 0.6 || g.Sampling.TopK != 20 || g.Sampling.TopP != 0.95 {
		t.Errorf("%+v", g)
	}
}

// A file with a SentencePiece tokenizer need not name its special tokens; another one has none then.
func TestGenerationDefaults(t *testing.T) {
	g := generation(t, map[string]gguf.Value{"tokenizer.ggml.model": gguf.Of("llama")})
	if g.BOS == nil || *g.BOS != 1 || !slices.Equal(g.EOS, []int{2}) {
		t.Errorf("SentencePiece: %+v", g)
	}
	g = generation(t, map[string]gguf.Value{"tokenizer.ggml.model": gguf.Of("gpt2")})
	if g.BOS != nil || g.EOS != nil {
		t.Errorf("GPT-2: %+v", g)
	}
}

func TestChatTemplates(t *testing.T) {
	m, err := llamacpp.Open(metadata(map[string]gguf.Value{
		"tokenizer.chat_template":          gguf.Of("usual"),
		"tokenizer.chat_templates":         gguf.ArrayOf([]string{"tool_use"}),
		"tokenizer.chat_template.tool_use": gguf.Of("tools"),
		"llama.pooling_type":               gguf.Of(uint32(3)),
	}), weights(t, llamaWeights()))
	if err != nil || len(m.ChatTemplates) != 2 || m.ChatTemplates[""] != "usual" || m.ChatTemplates["tool_use"] != "tools" || m.Pooling != llamacpp.PoolingLast {
		t.Errorf("%+v %v", m, err)
	}
}

// A reranker made of Qwen 3 is a classifier.
func TestReranker(t *testing.T) {
	m := &gguf.Metadata{}
	old := metadata(nil)
	for _, key := range old.Keys() {
		v, _ := old.Value(key)
		m.Set(strings.ReplaceAll(key, "llama.", "qwen3."), v)
	}
	m.Set("general.architecture", gguf.Of("qwen3"))
	m.Set("qwen3.pooling_type", gguf.Of(uint32(4)))
	m.Set("qwen3.classifier.output_labels", gguf.ArrayOf([]string{"yes", "no"}))
	shapes := llamaWeights()
	shapes["cls.output.weight"] = []int{2, 4}
	got, err := llamacpp.Open(m, weights(t, shapes))
	if err != nil {
		t.Fatal(err)
	}
	c, err := hf.ParseConfig("config.json", got.Config)
	if err != nil {
		t.Fatal(err)
	}
	_, stored := got.Weights.Lookup("score.weight")
	if c.Architecture() != "Qwen3ForSequenceClassification" || !slices.Equal(c.Labels(), []string{"yes", "no"}) || !stored || got.Pooling != llamacpp.PoolingRank {
		t.Errorf("%s, score.weight %v, pooling %v", got.Config, stored, got.Pooling)
	}
}

// Fused queries, keys and values come apart, and are put back; experts of old files have names of their own.
func TestNames(t *testing.T) {
	shapes := map[string][]int{"blk.0.attn_qkv.weight": {12, 4}, "blk.0.ffn_gate.5.weight": {6, 4}, "blk.0.ffn_gate_up_exps.weight": {2, 6, 4}, "blk.x.attn_q.weight": {1, 1}, "odd": {1, 1}, "rope_freqs.weight": {2}}
	m, err := llamacpp.Open(metadata(map[string]gguf.Value{"llama.expert_count": gguf.Of(uint32(2)), "llama.expert_used_count": gguf.Of(uint32(1))}), weights(t, shapes))
	if err != nil {
		t.Fatal(err)
	}
	const layer = "model.layers.0."
	for name, first := range map[string][]float32{
		layer + "self_attn.q_proj.weight": {0, 8, 4, 12}, layer + "self_attn.k_proj.weight": {16, 24, 20, 28}, layer + "self_attn.v_proj.weight": {32, 36, 40, 44},
		layer + "block_sparse_moe.experts.1.w3.weight": {36, 40, 44}, layer + "block_sparse_moe.experts.5.w1.weight": {0, 4, 8},
		"blk.x.attn_q.weight": {0}, "odd": {0}, // of no architecture: the model has no place for them
	} {
		x, err := checkpoint.ReadFloat32(m.Weights, name)
		if err != nil {
			t.Error(err)
			continue
		}
		for i, v := range first {
			if x.Row(i)[0] != v {
				t.Errorf("%s: row %d begins with %v, want %v", name, i, x.Row(i)[0], v)
			}
		}
	}
	if _, ok := m.Weights.Lookup("rope_freqs.weight"); ok || !json.Valid(m.Config) {
		t.Errorf("rope_freqs is shown: %v; config: %s", ok, m.Config)
	}
}
