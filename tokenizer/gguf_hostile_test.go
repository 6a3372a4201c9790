package tokenizer

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// smallPairs are the metadata of a tokenizer of three tokens.
func smallPairs() *gguf.Metadata {
	m := new(gguf.Metadata)
	m.Set("tokenizer.ggml.model", gguf.Of("gpt2"))
	m.Set("tokenizer.ggml.pre", gguf.Of("gpt-2"))
	m.Set("tokenizer.ggml.tokens", gguf.ArrayOf([]string{"a", "b", "ab", "<s>"}))
	m.Set("tokenizer.ggml.token_type", gguf.ArrayOf([]int32{1, 1, 1, 3}))
	m.Set("tokenizer.ggml.scores", gguf.ArrayOf([]float32{0, 0, -1, 0}))
	m.Set("tokenizer.ggml.merges", gguf.ArrayOf([]string{"a b"}))
	m.Set("tokenizer.ggml.bos_token_id", gguf.Of(uint32(3)))
	return m
}

// TestGGUFHostile changes one value of sound metadata at a time. The error names the key.
func TestGGUFHostile(t *testing.T) {
	if _, err := OpenGGUF(smallPairs(), GGUFOptions{}); err != nil {
		t.Fatal(err)
	}
	const tokens, kinds, scores, merges, model = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.scores", "tokenizer.ggml.merges", "tokenizer.ggml.model"
	for _, c := range []struct {
		key   string
		value *gguf.Value // nil: none
		want  string
	}{
		{model, nil, "tokenizer.ggml.model"},
		{model, new(gguf.Of("rwkv")), `tokenizer.ggml.model "rwkv" is not supported`},
		{model, new(gguf.Of(true)), model},
		{"tokenizer.ggml.pre", nil, "there is no tokenizer.ggml.pre"},
		{"tokenizer.ggml.pre", new(gguf.Of("qwen9")), `tokenizer.ggml.pre "qwen9" is not known`},
		{"tokenizer.ggml.pre", new(gguf.Of(int8(1))), "tokenizer.ggml.pre"},
		{tokens, nil, tokens},
		{tokens, new(gguf.ArrayOf([]string{})), tokens},
		{tokens, new(gguf.ArrayOf([]int32{1, 2, 3, 4})), tokens},
		{tokens, new(gguf.ArrayOf([]string{"a", "b", "ab", "a"})), `has "a" twice, with ids 0 and 3`},
		{tokens, new(gguf.ArrayOf([]string{"a", "\xff", "ab", "<s>"})), tokens},
		{tokens, new(gguf.ArrayOf([]string{"a", "b", "ab"})), scores + " has 4 values for the 3 tokens"},
		{tokens, new(gguf.ArrayOf([]string{"a", "b", "ab", strings.Repeat("<", 600)})), "600 bytes"},
		{tokens, new(gguf.ArrayOf([]string{"a", "b", "xy", "<s>"})), merges},
		{kinds, new(gguf.ArrayOf([]int32{1, 1, 1})), kinds + " has 3 values for the 4 tokens"},
		{kinds, new(gguf.ArrayOf([]int32{1, 1, 1, 7})), kinds + " is 7 for token 3"},
		{kinds, new(gguf.ArrayOf([]float32{1, 1, 1, 3})), kinds},
		{scores, new(gguf.ArrayOf([]float32{1, 1, 1, 1, 1})), scores + " has 5 values"},
		{scores, new(gguf.ArrayOf([]float32{1, float32(math.NaN()), 1, 1})), scores + " has NaN for token 1"},
		{scores, new(gguf.ArrayOf([]string{"1", "2", "3", "4"})), scores},
		{merges, nil, merges},
		{merges, new(gguf.ArrayOf([]string{"a c"})), `merge 0: "c" is not in the vocabulary`},
		{merges, new(gguf.ArrayOf([]string{"a b", "ab"})), `merge 1, "ab", is not two tokens`},
		{merges, new(gguf.ArrayOf([]string{" b"})), merges},
		{merges, new(gguf.ArrayOf([]string{""})), merges},
		{merges, new(gguf.ArrayOf([]string{"a "})), merges},
		{merges, new(gguf.ArrayOf([]uint8{1})), merges},
		{"tokenizer.ggml.bos_token_id", new(gguf.Of(uint32(4))), "tokenizer.ggml.bos_token_id is 4; there are 4 tokens"},
		{"tokenizer.ggml.eot_token_id", new(gguf.Of(int64(-2))), "tokenizer.ggml.eot_token_id is -2"},
		{"tokenizer.ggml.eos_token_id", new(gguf.Of("</s>")), "tokenizer.ggml.eos_token_id"},
		{"tokenizer.ggml.add_eos_token", new(gguf.Of(true)), "tokenizer.ggml.eos_token_id"},
		{"tokenizer.ggml.add_bos_token", new(gguf.Of(uint8(1))), "tokenizer.ggml.add_bos_token"},
		{"tokenizer.ggml.precompiled_charsmap", new(gguf.ArrayOf([]int32{1, 300})), "precompiled_charsmap has 300"},
	} {
		m := smallPairs()
		if m.Delete(c.key); c.value != nil {
			m.Set(c.key, *c.value)
		}
		_, err := OpenGGUF(m, GGUFOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "tokenizer: ") {
			t.Errorf("%s: %v; want %q", c.key, err, c.want)
		}
	}
}

// TestGGUFSwapped gives each key of each kind no value, and the values of other keys. What opens encodes and decodes, and
// nothing takes memory out of proportion.
func TestGGUFSwapped(t *testing.T) {
	for _, name := range []string{"llama", "gemma", "gemma4", "t5", "xlmr", "bert", "gpt2"} {
		sound := smallGGUF(t, name)
		for _, key := range sound.Keys() {
			values := []gguf.Value{{}, gguf.Of(int64(math.MinInt64)), gguf.ArrayOf([]string{}), gguf.ArrayOf([]int64{math.MaxInt64, -1})}
			for _, other := range sound.Keys() {
				v, _ := sound.Value(other)
				values = append(values, v)
			}
			for i, v := range values {
				m := sound.Clone()
				if m.Set(key, v); i == 0 {
					m.Delete(key)
				}
				var tok *Tokenizer
				var err error
				if n := tensortest.Allocated(func() { tok, err = OpenGGUF(m, GGUFOptions{}) }); n > 16<<20 {
					t.Errorf("%s: %s: %d bytes", name, key, n)
				}
				if err != nil {
					if !strings.HasPrefix(err.Error(), "tokenizer: GGUF: ") {
						t.Errorf("%s: %s: %v", name, key, err)
					}
					continue
				}
				checkRoundTrip(t, tok, "The cat <s> ▁\xff 12\n", false)
			}
		}
	}
}

// FuzzGGUF makes metadata of what it is given; what opens encodes and decodes.
func FuzzGGUF(f *testing.F) {
	f.Add("gpt2", "gpt-2", "a\nb\nab\n<s>", "a b", "\x01\x01\x01\x03", "\x00\x01", "", uint8(3))
	f.Add("llama", "", "<unk>\n<s>\n</s>\n<0x41>\n▁\na\n▁a", "", "\x02\x03\x03\x06\x01\x01\x01", "\x05\x04\x03\x02\x01", "", uint8(7))
	f.Add("gemma4", "", "<unk>\na\nb\nab\n  \n▁", "a b\n▁ ▁", "\x02\x01\x01\x01\x04\x01", "", "", uint8(0))
	f.Add("bert", "", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n▁a\nb\n▁A", "", "\x03\x03\x03\x03\x01\x01\x01", "", "", uint8(0x21))
	f.Add("t5", "", "<pad>\n</s>\n<unk>\n▁\na\n[PAD5]", "", "\x03\x03\x02\x01\x01\x05", "\x00\x00\x00\x00\x00", "", uint8(0x12))
	f.Add("gpt2", "kimi-k2", "a\nb\nab", "", "", "", "", uint8(0))
	f.Add("gpt2", "", "a\nb\nab", "a b", "", "", bytePairs, uint8(0))
	f.Fuzz(func(t *testing.T, model, pre, tokens, merges, kinds, numbers, json string, ids uint8) {
		if len(tokens)+len(merges)+len(numbers)+len(json) > 1<<13 {
			t.Skip()
		}
		list := strings.Split(tokens, "\n")
		m := new(gguf.Metadata)
		for key, value := range map[string]string{"tokenizer.ggml.model": model, "tokenizer.ggml.pre": pre, "tokenizer.huggingface.json": json} {
			if value != "" {
				m.Set(key, gguf.Of(value))
			}
		}
		m.Set("general.architecture", gguf.Of("t5"))
		m.Set("tokenizer.ggml.tokens", gguf.ArrayOf(list))
		if merges != "" {
			m.Set("tokenizer.ggml.merges", gguf.ArrayOf(strings.Split(merges, "\n")))
		}
		if kinds != "" {
			m.Set("tokenizer.ggml.token_type", gguf.ArrayOf([]uint8(kinds)))
		}
		var scores []float32
		for i := range list {
			s := float32(-i)
			if i < len(numbers) {
				s = -float32(numbers[i])
			}
			scores = append(scores, s)
		}
		m.Set("tokenizer.ggml.scores", gguf.ArrayOf(scores))
		m.Set("tokenizer.ggml.precompiled_charsmap", gguf.ArrayOf([]uint8(numbers)))
		m.Set("tokenizer.ggml.add_space_prefix", gguf.Of(ids&1 == 1))
		m.Set("tokenizer.ggml.add_bos_token", gguf.Of(ids&2 == 2))
		for i, key := range []string{"bos", "eos", "unknown", "cls", "seperator", "mask"} {
			m.Set("tokenizer.ggml."+key+"_token_id", gguf.Of(int32(ids>>4)+int32(i)-1))
		}
		tok, err := OpenGGUF(m, GGUFOptions{})
		if err != nil {
			return
		}
		for _, text := range []string{"", "a b  ab\n", "<s>▁ab<0x41>é 12!", "\xff\xe2\x82", strings.Join(list, " ")} {
			checkRoundTrip(t, tok, text, false)
		}
	})
}

// A tokenizer.huggingface.json is taken where its tokens have the ids of the file, and only there.
func TestGGUFJSON(t *testing.T) {
	const json = `{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[]},"added_tokens":[{"id":3,"content":"<s>","special":true}],
		"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"<s>","type_id":0}}],
		"pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<s>":{"ids":[3]}}}}`
	for _, c := range []struct {
		name, json string
		want       []int
	}{
		{"none", "", []int{2}},
		{"consistent", json, []int{0, 1, 3}},
		{"other ids", strings.Replace(json, `"a":0,"b":1`, `"b":0,"a":1`, 1), []int{2}},
		{"fewer tokens", strings.Replace(json, `"ab":2`, `"ba":2`, 1), []int{2}},
		{"more tokens", strings.Replace(json, `"ab":2`, `"ab":2,"c":4`, 1), []int{2}},
		{"no JSON", "{", []int{2}},
	} {
		m := smallPairs()
		if c.json != "" {
			m.Set("tokenizer.huggingface.json", gguf.Of(c.json))
		}
		tok, err := OpenGGUF(m, GGUFOptions{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got, err := tok.Encode("ab"); err != nil || !slices.Equal(got, c.want) || tok.Special().BOS != 3 {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}
