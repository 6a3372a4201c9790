package hf

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// siglipPieces reads SigLIP's SentencePiece model. In the reference the library reads each stretch of a text behind
// the characters of unk_token, whose pieces are then dropped: it begins without a space of its own.
func siglipPieces(c *config, m *sentencepiece.Model) (*plan.Plan, error) {
	if m.ModelType != sentencepiece.TypeUnigram {
		return nil, fmt.Errorf("model type %d is not supported for %s; Unigram (1) is", m.ModelType, c.Class)
	}
	p, err := m.Plan(true)
	if err != nil {
		return nil, err
	}
	c.null = nil // the reference needs them
	c.setRoles(&c.class.roles)
	p.Added = nil // control pieces in a text are text, unless a file names them
	own := p.Normalizer.(*normalize.SentencePiece)
	own.Dummy, own.Inner = false, true
	p.Normalizer = normalize.Sequence{normalize.Canonical{Lower: jsonscan.OrTrue(c.Lower)}, own}
	special := map[string]bool{}
	for _, s := range c.specials() {
		special[s.Content] = true
	}
	for _, a := range c.added {
		special[a.Content] = special[a.Content] || a.Special
	}
	kinds := m.Kinds()
	p.Decoder = decode.Chain{
		func() decode.Step {
			return &sentencepiece.PieceText{Kinds: kinds, Special: special, Gap: " ", Late: true, Start: true}
		},
		func() decode.Step { return new(decode.TrimText) },
	}
	return p, nil
}
