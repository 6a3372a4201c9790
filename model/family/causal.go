package family

import (
	"strings"

	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// CausalEncoder makes an encoder of the recipe's decoder: each token sees those before it. It has the heads that
// transformers gives every decoder under the name score. The loader must not read the projection to the vocabulary.
func CausalEncoder(r Recipe) func(c *hf.Config, w nn.Loader) *arch.Encoder {
	return func(c *hf.Config, w nn.Loader) *arch.Encoder {
		d := r.Decoder(c, w)
		e := &arch.Encoder{Trunk: d.Trunk}
		if d.Project != nil {
			c.Fail("a decoder whose hidden states are projected (word_embed_proj_dim) is not supported as an encoder")
			return e
		}
		if d.LongFrom > 0 {
			e.MaxLen = min(e.MaxLen, d.LongFrom-1)
		}
		scoreHeads(c, w, e, r.Tokens.PAD)
		return e
	}
}

// scoreHeads gives an encoder the heads under the name score: a classifier of sequences, which reads the last token
// that is no padding, and one of tokens, which has a bias. pad is the class's token for padding, or nil.
func scoreHeads(c *hf.Config, w nn.Loader, e *arch.Encoder, pad *int) {
	e.Pool = arch.LastToken
	class := -1
	if pad != nil && c.Raw("pad_token_id") == nil { // null is none
		class = *pad
	}
	if id := c.Int("pad_token_id", class, -1, hf.MaxVocab); id >= 0 {
		e.Pads = []int{id}
	}
	score := func(bias bool) func() *arch.Head {
		return func() *arch.Head {
			out := w.Linear("score", e.Dim, c.NumLabels(), bias)
			return &arch.Head{Out: &out}
		}
	}
	h := heads{c: c, w: w, e: e, dim: e.Dim, generates: true}
	s := headSet{
		classify: head{score(false), []string{"score.weight"}},
		tokens:   head{score(true), []string{"score.weight", "score.bias"}},
	}
	if w.Has("score.bias") {
		s.classify = head{}
	}
	h.set(s, "score.", "qa_outputs.", "lm_head.", "embed_out.")
}

// isCausalLM reports whether a transformers class is that of a decoder with its projection to the vocabulary.
func isCausalLM(class string) bool {
	return strings.HasSuffix(class, "ForCausalLM") || strings.HasSuffix(class, "LMHeadModel")
}
