package tokenizer

import (
	"sync"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
)

// newTokenizer puts a tokenizer together.
func newTokenizer(p *plan.Plan) (*Tokenizer, error) {
	p.Settle()
	added, err := added.New(p.Added, p.Normalizer)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{
		normalizer: p.Normalizer, preTokenizer: p.PreTokenizer, model: p.Model, vocab: p.Vocab, byteLevel: p.ByteLevel,
		rawBytes: p.ByteLevel && p.Normalizer == nil, foreign: p.Foreign, added: added, addedIDs: p.AddedIDs,
		post: p.Post, decoder: p.Decoder, decodesBytes: p.DecodesBytes, special: p.Special, splitSpecial: p.SplitSpecial,
		cutLeft: p.CutLeft, padLeft: p.PadLeft, noTypes: p.NoTypes,
		languages: p.Languages, prefixed: p.Prefixed, pool: new(sync.Pool),
	}
	if u, ok := p.Model.(*models.Unigram); ok {
		t.guard = models.NewGuard(u.Vocab, p.Added)
	}
	for _, text := range added.Texts {
		raw := []byte(text)
		if p.DecodesBytes {
			if b, ok := chars.AppendFromAlphabet(nil, raw); ok {
				raw = b
			}
		}
		t.addedBytes = append(t.addedBytes, raw)
	}
	return t, t.addTarget(p)
}

// addTarget adds the tokenizer of the texts that the model writes.
func (t *Tokenizer) addTarget(p *plan.Plan) (err error) {
	if p.Target == nil {
		return nil
	}
	if t.target, err = newTokenizer(p.Target); err != nil {
		return err
	}
	if u := t.target; p.Target.SharesAdded {
		u.added, u.addedIDs, u.addedBytes, u.special = t.added, t.addedIDs, t.addedBytes, t.special
	}
	if p.ReadsTarget {
		t.reads = t.target
	}
	return nil
}
