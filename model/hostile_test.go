package model_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

type object = map[string]json.RawMessage

func (g *golden) object(t testing.TB) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(g.Config, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// with returns the object with a key set, or deleted for "missing". A path "a.b" is key b of object a.
func with(o object, path, value string) object {
	o = maps.Clone(o)
	key, rest, nested := strings.Cut(path, ".")
	switch {
	case nested:
		var inner object
		_ = json.Unmarshal(o[key], &inner)
		if inner == nil {
			inner = object{}
		}
		o[key] = encode(with(inner, rest, value))
	case value == "missing":
		delete(o, key)
	default:
		o[key] = json.RawMessage(value)
	}
	return o
}

// encode is json.Marshal for values that may be invalid.
func encode(o object) []byte {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(o)) {
		parts = append(parts, fmt.Sprintf("%q: %s", key, o[key]))
	}
	return []byte("{" + strings.Join(parts, ", ") + "}")
}

// open opens a config on the case's weights within bounds of time and memory, and if that succeeds
// reads a short text.
func (g *golden) open(t testing.TB, config []byte) error {
	t.Helper()
	g.Config = config
	src := g.stored(t)
	var d *model.Decoder
	var err error
	bounded(t, 64<<20+20*len(config), func() { d, err = model.NewDecoder(config, src, model.Options{}) })
	if err != nil {
		if d != nil {
			t.Fatal("a decoder and an error")
		}
		if len(err.Error()) > 5_000 {
			t.Fatalf("an error of %d bytes: %.300s", len(err.Error()), err)
		}
		return err
	}
	s := d.NewSession(model.SessionOptions{})
	err = s.Append(0, d.Vocab-1, 1)
	if err == nil {
		err = s.Append(2)
	}
	if err != nil && !strings.Contains(err.Error(), "at most") {
		t.Fatalf("reading a text: %v", err)
	}
	return nil
}

// bounded fails the test if open takes too long or allocates more than most bytes.
func bounded(t testing.TB, most int, open func()) {
	t.Helper()
	start := time.Now()
	n := tensortest.Allocated(open)
	if took := time.Since(start); took > 5*time.Second { // a second, if nothing else is running
		t.Fatalf("opening takes %v", took)
	}
	if n > uint64(most) {
		t.Fatalf("opening allocates %d bytes", n)
	}
}

// stored returns the weights in memory, which a test opens many times.
func (g *golden) stored(t testing.TB) checkpoint.Source {
	t.Helper()
	if g.memory == nil {
		g.memory = g.weights(t, tensor.F32)
	}
	return g.memory
}

// Every key of every golden config, replaced by values of every kind, gives an error or a model that
// works; nothing panics, hangs or allocates.
func TestHostileValues(t *testing.T) {
	values := []string{"missing", "null", "0", "-1", "1", "2", "3", "1e18", "-1e18", "1.5", "1e-310", "0.0001", `"x"`, `""`, "true", "false", "[]", "{}", `[1e18]`,
		`[[]]`, `{"a": {}}`, "4096.0", strings.Repeat("9", 400)}
	kinds := "gpt2-n-inner llama-gqa llama-rope-dynamic llama-rope-llama3 llama-rope-yarn-mscale mistral-window qwen2-layer-types qwen3-window " +
		"gemma-legacy-gelu gemma2-softcaps gemma3-new-config gemma3-old-config phi3-longrope-short phi3-window"
	for i, g := range goldens(t) {
		if !strings.Contains(kinds, g.Name) || testing.Short() && i%4 != 0 {
			continue
		}
		base := g.object(t)
		var paths []string
		for key, raw := range base {
			if ignored(key) {
				continue
			}
			paths = append(paths, key)
			var inner object
			if json.Unmarshal(raw, &inner) == nil {
				for k := range inner {
					paths = append(paths, key+"."+k)
				}
			}
		}
		slices.Sort(paths)
		for _, path := range paths {
			for _, value := range values {
				err := g.open(t, encode(with(base, path, value)))
				if err != nil && !knownPrefix(err) {
					t.Errorf("%s: %s = %s: error %v", g.Name, path, value, err)
				}
			}
		}
	}
}

// ignored reports whether no recipe reads a key.
func ignored(key string) bool {
	for _, word := range []string{"architectures", "version", "initializer", "drop", "use_cache", "dtype", "pretraining", "summary", "_name"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// knownPrefix reports whether an error says which package it is from.
func knownPrefix(err error) bool {
	for _, p := range []string{"model: ", "nn: ", "attention: ", "checkpoint: "} {
		if strings.HasPrefix(err.Error(), p) {
			return true
		}
	}
	return false
}

// Values that contradict each other or the weights are told as what they are.
func TestContradictions(t *testing.T) {
	for _, c := range []struct {
		family, changes string
		want            []string
	}{
		{"llama", "num_attention_heads=5", []string{"5 attention heads", "2 key/value heads"}},
		{"llama", "num_key_value_heads=4", []string{"6 attention heads", "4 key/value heads"}},
		{"llama", "num_key_value_heads=3", []string{"k_proj.weight", "[20 60]", "[30 60]"}},
		{"llama", "hidden_size=61", []string{"embed_tokens.weight", "[97 60]", "[97 61]"}},
		{"llama", "hidden_size=1048576", []string{"embed_tokens.weight", "[97 1048576]"}},
		{"llama", "vocab_size=98", []string{"embed_tokens.weight", "[98 60]"}},
		{"llama", "vocab_size=67108864", []string{"embed_tokens.weight", "[67108864 60]"}},
		{"llama", "head_dim=11", []string{"11"}},
		{"llama", "head_dim=missing num_attention_heads=64 num_key_value_heads=64", []string{"hidden_size", "num_attention_heads"}},
		{"llama", "intermediate_size=71", []string{"gate_proj.weight", "[70 60]", "[71 60]"}},
		{"llama", "num_hidden_layers=4", []string{"model.layers.3.", "has no tensor"}},
		{"llama", "num_hidden_layers=4096", []string{"model.layers.3.", "has no tensor"}},
		{"llama", "num_hidden_layers=2", []string{"no place", "model.layers.2."}},
		{"llama", "attention_bias=true", []string{"q_proj.bias", "has no tensor"}},
		{"llama", "mlp_bias=true", []string{"gate_proj.bias", "has no tensor"}},
		{"llama", `model_type="qwen3"`, []string{"q_norm.weight", "has no tensor"}},
		{"llama", `model_type="qwen2"`, []string{"q_proj.bias", "has no tensor"}},
		{"llama", `model_type="phi3"`, []string{"qkv_proj.weight", "has no tensor"}},
		{"llama", `model_type="gpt2"`, []string{"n", "wte.weight"}},
		{"llama", `model_type="nonesuch"`, []string{"nonesuch", "llama", "phi3"}},
		{"qwen3", `model_type="llama"`, []string{"no place", "q_norm.weight"}},
		{"qwen2", `layer_types=["full_attention"]`, []string{"layer_types has 1 entries for 4 layers"}},
		{"qwen2", `layer_types=["full_attention","linear_attention","full_attention","full_attention"]`, []string{`layer_types[1] is "linear_attention"`}},
		{"gemma2", `sliding_window=null`, []string{"sliding_window"}},
		{"qwen2", `num_hidden_layers=4096 layer_types=missing use_sliding_window="x"`, []string{"use_sliding_window"}},
		{"llama", `eos_token_id=[1,-1]`, []string{"eos_token_id"}},
		{"gpt2", "n_head=7", []string{"n_embd", "n_head 7"}},
		{"gpt2", "n_positions=129", []string{"wpe.weight", "[129 "}},
		{"gpt2", "tie_word_embeddings=false", []string{"lm_head.weight", "has no tensor"}},
		{"gpt2", "n_layer=1", []string{"no place", "h.1."}},
		{"falcon", "multi_query=false num_kv_heads=1", []string{"num_kv_heads is 1 with 3 heads"}},
		{"falcon", "new_decoder_architecture=true parallel_attn=false", []string{"parallel_attn", "new_decoder_architecture"}},
		{"falcon", "num_ln_in_parallel_attn=2", []string{"num_ln_in_parallel_attn is 2"}},
		{"falcon", "num_attention_heads=5", []string{"5 attention heads", "42"}},
		{"gpt_neox", "num_attention_heads=5", []string{"5 attention heads", "48"}},
		{"deepseek_v3", "n_group=5", []string{"12 experts into 5 groups"}},
		{"deepseek_v3", "topk_group=5", []string{"5 of 4 groups"}},
		{"deepseek_v3", "n_group=12", []string{"two best scores of groups that have 1 expert"}},
		{"deepseek_v3", "num_experts_per_tok=7", []string{"7 experts from 2 groups of 3"}},
		{"deepseek_v3", "num_experts_per_tok=13", []string{"13 of 12 experts"}},
		{"deepseek_v3", "n_routed_experts=11", []string{"gate.weight", "[12 45]", "[11 45]"}},
		{"deepseek_v3", "num_key_value_heads=1", []string{"num_key_value_heads is 1 of 3 heads"}},
		{"deepseek_v3", "q_lora_rank=null", []string{"q_proj.weight", "has no tensor"}},
		{"deepseek_v3", "kv_lora_rank=18", []string{"kv_a_proj_with_mqa.weight", "[25 45]", "[24 45]"}},
		{"deepseek_v3", "num_nextn_predict_layers=0", []string{"no place", "model.layers.3."}},
		{"deepseek_v2", "num_experts_per_tok=missing", []string{"num_experts_per_tok is missing"}},
		{"deepseek_v2", `topk_method="noaux_tc"`, []string{"topk_method", "noaux_tc", "greedy"}},
		{"llama4_text", "no_rope_layers=[1,0]", []string{"no_rope_layers has 2 entries for 4 layers"}},
		{"llama4_text", `layer_types=["chunked_attention","full_attention","full_attention","full_attention"] attention_chunk_size=null`, []string{"chunked_attention", "attention_chunk_size"}},
		{"llama4_text", `layer_types=["sliding_attention","full_attention","full_attention","full_attention"]`, []string{`layer_types[0] is "sliding_attention"`, "chunked_attention"}},
		{"llama4_text", "num_experts_per_tok=6", []string{"num_experts_per_tok is 6", "5 experts"}},
		{"llama4_text", "num_local_experts=4", []string{"gate_up_proj", "[5 42 52]", "[4 42 52]"}},
		{"llama4_text", "interleave_moe_layer_step=2", []string{"feed_forward.gate_proj.weight", "has no tensor"}},
		{"granite", "logits_scaling=0", []string{"logits_scaling is 0"}},
		{"olmo3", "sliding_window=null", []string{"sliding_window is null"}},
		{"opt", "word_embed_proj_dim=null", []string{"embed_tokens.weight", "[97 42]"}},
		{"opt", "num_attention_heads=5", []string{"5 attention heads", "42"}},
		{"phi", "head_dim=12", []string{"head_dim 12", "qk_layernorm"}},
		{"phi", `rope_parameters={"rope_theta":1e4,"partial_rotary_factor":0.3}`, []string{"3 values of each head rotate", "even"}},
		{"smollm3", "no_rope_layers=[1,0]", []string{"no_rope_layers has 2 entries"}},
		{"smollm3", `layer_types=["sliding_attention","full_attention","full_attention"] sliding_window=null num_hidden_layers=3`, []string{"sliding_window"}},
		{"llama", `rope_parameters={"rope_type":"longrope","rope_theta":1e4,"short_factor":[1,1],"long_factor":[1,1],"original_max_position_embeddings":64}`, []string{"longrope", "half the rotary dimension"}},
		{"llama", `rope_parameters={"rope_type":"llama3","rope_theta":1e4,"factor":8}`, []string{"llama3", "low_freq_factor"}},
		{"llama", `rope_parameters={"rope_type":"yarn","rope_theta":1e4,"factor":4,"beta_fast":-2}`, []string{"yarn", "beta_fast"}},
		{"llama", `rope_parameters={"rope_type":"yarn","rope_theta":1e4,"factor":"x"}`, []string{"rope_parameters", "factor"}},
		{"llama", `rope_parameters={"rope_type":"longrope","rope_theta":1e4,"short_factor":"x"}`, []string{"short_factor", "list of numbers"}},
		{"llama", `rope_parameters={"rope_type":"linear","rope_theta":1e4}`, []string{"linear", "factor"}},
	} {
		g := plain(t, c.family)
		o := g.object(t)
		for change := range strings.FieldsSeq(c.changes) {
			key, value, _ := strings.Cut(change, "=")
			o = with(o, key, value)
		}
		err := g.open(t, encode(o))
		if err == nil {
			t.Errorf("%s with %s is accepted", c.family, c.changes)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s with %s: error lacks %q: %v", c.family, c.changes, want, err)
			}
		}
	}
}

// Values that the reference takes, or that say the same in other words, are accepted.
func TestToleratedConfigs(t *testing.T) {
	for _, c := range []struct{ family, changes string }{
		{"llama", "hidden_size=60.0 num_hidden_layers=3.0"},
		{"llama", "rope_scaling=null rope_parameters=missing"},
		{"llama", "quantization_config=null"},
		{"llama", "unknown_key={} another=[1,2,3]"},
		{"llama", `hidden_act="swish"`},
		{"llama", `eos_token_id=[1,2] bos_token_id=null pad_token_id=-1`},
		{"mistral", "sliding_window=null"},
		{"mistral", "sliding_window=1"},
		{"mistral", "sliding_window=1000000000"},
		{"qwen2", "use_sliding_window=false sliding_window=null layer_types=missing"},
		{"gemma2", "attn_logit_softcapping=null final_logit_softcapping=null"},
		{"gpt2", "n_inner=null"},
		{"phi3", "sliding_window=null"},
		{"gpt_neox", "rotary_pct=0"},
		{"gpt_neox", "rope_theta=5 partial_rotary_factor=0.5"},
		{"falcon", "num_kv_heads=2"},
		{"cohere", "num_key_value_heads=2.0"},
		{"smollm3", "no_rope_layers=[1,0,1,0,1,0,1,0,1,0]"},
	} {
		g := plain(t, c.family)
		o := g.object(t)
		for change := range strings.FieldsSeq(c.changes) {
			key, value, _ := strings.Cut(change, "=")
			o = with(o, key, value)
		}
		if err := g.open(t, encode(o)); err != nil {
			t.Errorf("%s with %s: %v", c.family, c.changes, err)
		}
	}
	g := plain(t, "llama")
	if err := g.open(t, append([]byte("\xef\xbb\xbf"), g.Config...)); err != nil {
		t.Errorf("with a byte order mark: %v", err)
	}
}

func TestConfigsThatAreNoObjects(t *testing.T) {
	g := plain(t, "llama")
	deep := strings.Repeat(`{"a":`, 1<<20) + "1" + strings.Repeat("}", 1<<20)
	for name, config := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "a number": "5", "a string": `"x"`, "cut": `{"model_type": "llama"`, "twice": `{} {}`,
		"not UTF-8": "{\"\xff\": 1}", "binary": "\x00\x01\x02", "deep": deep, "deep lists": strings.Repeat("[", 1<<20),
		"deep value": `{"model_type": "llama", "rope_scaling": ` + deep + "}",
		"large":      `{"a": "` + strings.Repeat("x", sidefile.MaxConfig) + `"}`, "a tensor file": "\x08\x00\x00\x00\x00\x00\x00\x00{}      ",
		"no type": `{"hidden_size": 5}`,
	} {
		if err := g.open(t, []byte(config)); err == nil || !strings.HasPrefix(err.Error(), "model: ") || !strings.Contains(err.Error(), "config.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := `["full_attention"` + strings.Repeat(`,"full_attention"`, 100_000) + "]"
	g = plain(t, "qwen2")
	if err := g.open(t, encode(with(g.object(t), "layer_types", many))); err == nil || !strings.Contains(err.Error(), "layer_types has 100001 entries for 4 layers") {
		t.Errorf("a hundred thousand layer types: %v", err)
	}
}

// Ids that the model does not have and texts that are too long give errors and change nothing.
func TestHostileTokens(t *testing.T) {
	for _, family := range model.Decoders() {
		g := plain(t, family)
		d := g.decoder(t, model.Options{})
		if d.Family != family {
			t.Errorf("the family of %s is %q", family, d.Family)
		}
		s := d.NewSession(model.SessionOptions{})
		if err := s.Append(); err != nil || s.Logits() != nil || s.Len() != 0 {
			t.Fatalf("%s: feeding nothing: error %v, %d logits", family, err, len(s.Logits()))
		}
		feed(t, s, 1, 2, 3)
		want := slices.Clone(s.Logits())
		for _, ids := range [][]int{{-1}, {d.Vocab}, {0, 1, 2, d.Vocab + 1}, {math.MaxInt}, {math.MinInt}, {math.MinInt >> 31}} { // the last ends in 32 zeros
			err := s.Append(ids...)
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("token %d has id %d; the model's ids are 0 to %d", len(ids)-1, ids[len(ids)-1], d.Vocab-1)) {
				t.Errorf("%s: ids %v: error %v", family, ids, err)
			}
		}
		for _, n := range []int{d.MaxLen - 2, d.MaxLen, 10 * d.MaxLen} {
			err := s.Append(make([]int, n)...)
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("a text of %d tokens; the model reads at most %d", n+3, d.MaxLen)) {
				t.Errorf("%s: %d tokens: error %v", family, n, err)
			}
		}
		if err := s.Append(); err != nil || s.Len() != 3 {
			t.Errorf("%s: feeding nothing: error %v, %d tokens", family, err, s.Len())
		}
		same(t, family+" after errors", s.Logits(), want)
		feed(t, s, make([]int, d.MaxLen-3)...) // exactly full
		if err := s.Append(0); err == nil || s.Len() != d.MaxLen {
			t.Errorf("%s: a token more than fit: error %v, %d tokens", family, err, s.Len())
		}
		for _, n := range []int{-1, 0, math.MaxInt / 2} {
			if n > 1000 && d.MaxLen > 1000 {
				continue
			}
			if s := d.NewSession(model.SessionOptions{Reserve: n}); s.Len() != 0 {
				t.Error("a new session has tokens")
			}
		}
	}
}
