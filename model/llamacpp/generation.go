package llamacpp

import (
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// stops are texts of special tokens that end a turn: llama.cpp looks for them too. Many files name only one token that
// ends a text.
var stops = map[string]bool{
	"<|eot_id|>": true, "<|eom_id|>": true, "<|im_end|>": true, "<|end|>": true, "<|return|>": true, "<|call|>": true,
	"<end_of_turn>": true, "<|endoftext|>": true, "<|end_of_text|>": true, "<EOT>": true, "_<EOT>": true, "[EOT]": true,
	"[EOS]": true, "<end_of_utterance>": true, "[e~[": true, "<turn|>": true,
}

// control is the type of a token that is no text.
const control = 3

// generation sets the special tokens, and how the file recommends to sample.
func (f *file) generation() {
	c := f.config
	for _, k := range []struct{ stored, key string }{{"bos", "bos_token_id"}, {"padding", "pad_token_id"}} {
		if key := "tokenizer.ggml." + k.stored + "_token_id"; f.meta.Has(key) {
			set(c, k.key, f.number(key))
		} else {
			c.setNull(k.key)
		}
	}
	if f.sentencePiece() && !f.meta.Has("tokenizer.ggml.bos_token_id") {
		set(c, "bos_token_id", 1)
	}
	if eos := f.eos(); len(eos) == 1 {
		set(c, "eos_token_id", eos[0])
	} else if len(eos) > 1 {
		set(c, "eos_token_id", eos)
	}
	f.sampling()
}

// sentencePiece reports whether the tokenizer is SentencePiece's. Files need not say that 1 begins a text then and 2 ends it.
func (f *file) sentencePiece() bool {
	const key = "tokenizer.ggml.model"
	return f.meta.Has(key) && get(f, key, f.meta.String) == "llama"
}

// eos returns the tokens that end a text, the file's own first.
func (f *file) eos() []int {
	var eos []int
	seen := map[int]bool{}
	add := func(id int) {
		if !seen[id] {
			seen[id] = true
			eos = append(eos, id)
		}
	}
	for _, name := range []string{"eos", "eot", "eom"} {
		if key := "tokenizer.ggml." + name + "_token_id"; f.meta.Has(key) {
			add(f.number(key))
		}
	}
	if len(eos) == 0 && f.sentencePiece() {
		add(2)
	}
	const tokens, types = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
	if !f.meta.Has(tokens) || !f.meta.Has(types) {
		return eos
	}
	texts, _ := f.meta.Value(tokens)
	kinds, _ := f.meta.Value(types)
	if t, isArray := texts.Type(); t != gguf.String || !isArray {
		f.fail("%s is not an array of texts", tokens)
		return eos
	}
	var found []int
	harmony := false // gpt-oss ends with <|return|> and <|call|>, and goes on after <|end|>
	for i := range min(texts.Len(), kinds.Len()) {
		kind, ok := kinds.Int(i)
		if !ok {
			f.fail("%s is not an array of integers", types)
			return eos
		}
		if kind == control && stops[texts.Text(i)] {
			found = append(found, i)
			harmony = harmony || texts.Text(i) == "<|return|>"
		}
	}
	for _, i := range found {
		if !harmony || texts.Text(i) != "<|end|>" {
			add(i)
		}
	}
	return eos
}

const prefix = "general.sampling."

// sampled are the numbers of general.sampling, as files and generation_config.json call them.
var sampled = [...]struct{ stored, key string }{
	{"temp", "temperature"}, {"top_p", "top_p"}, {"min_p", "min_p"}, {"penalty_repeat", "repetition_penalty"},
}

// SetSampling sets what a generation_config.json says of sampling, as [Open] reads it. It returns the errors of c.
func SetSampling(meta *gguf.Metadata, c *hf.Config) error {
	for _, k := range sampled {
		if c.Has(k.key) {
			meta.Set(prefix+k.stored, gguf.Of(float32(c.Float(k.key, 0))))
		}
	}
	if c.Has("top_k") {
		meta.Set(prefix+"top_k", gguf.Of(int32(c.Int("top_k", 0, 0, maxNumber))))
	}
	return c.Err()
}

// sampling sets what general.sampling recommends.
func (f *file) sampling() {
	c, any := f.config, false
	for _, k := range sampled {
		if key := prefix + k.stored; f.meta.Has(key) {
			set(c, k.key, shortest(get(f, key, f.meta.Float)))
			any = true
		}
	}
	if key := prefix + "top_k"; f.meta.Has(key) {
		set(c, "top_k", max(0, int(get(f, key, f.meta.Int)))) // less than 1 means all
		any = true
	}
	if any && string(c["temperature"]) != "0" {
		set(c, "do_sample", true)
	}
	for _, name := range []string{"mirostat", "xtc_probability"} {
		if key := prefix + name; f.meta.Has(key) {
			if v := f.other(key); v != 0 {
				f.fail("%s is %v, and is not supported", key, v)
			}
		}
	}
}

// other returns a number of either type.
func (f *file) other(key string) float64 {
	if n, err := f.meta.Int(key); err == nil {
		return float64(n)
	}
	return get(f, key, f.meta.Float)
}
