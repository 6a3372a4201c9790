package hf

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// nllbModel makes byte pairs of pieces: any two that make up a third merge, in the order of the third's place in the file.
func (c *config) nllbModel(p *plan.Plan, m, file *sentencepiece.Model) error {
	if file.ModelType != sentencepiece.TypeBPE {
		return fmt.Errorf("model type %d is not supported for %s; BPE (2) is", file.ModelType, c.Class)
	}
	tokens := make([]models.Entry, len(m.Pieces))
	for id, piece := range m.Pieces {
		tokens[id] = models.Entry{Token: []byte(piece.Text), Id: uint32(id)}
	}
	if err := p.NewVocabulary(tokens); err != nil {
		return err
	}
	place := make(map[string]float32, len(file.Pieces))
	for i, piece := range file.Pieces {
		place[piece.Text] = float32(-i)
	}
	all := *m
	all.Pieces = slices.Clone(m.Pieces)
	for i := range all.Pieces {
		all.Pieces[i].Kind, all.Pieces[i].Score = sentencepiece.Unused, place[all.Pieces[i].Text]
		if _, ok := place[all.Pieces[i].Text]; ok {
			all.Pieces[i].Kind = sentencepiece.Normal
		}
	}
	b := &models.BPE{Vocab: p.Vocab, FuseUnk: true}
	if id, ok := p.Vocab.Find([]byte(c.UNK.Content)); ok {
		b.Unk = id + 1
	}
	if err := all.Merges(b); err != nil {
		return err
	}
	b.Finish()
	p.Model, p.Kind = b, "BPE"
	// The reference leaves the languages out here and puts the mask in place of the first; models have them in order.
	for i, code := range publishedCodes(c.Class, "") {
		if _, ok := p.Find([]byte(code)); !ok {
			p.Added = append(p.Added, added.Token{ID: p.Vocab.Size() + i, Content: code, Special: true})
		}
	}
	return nil
}
