package hf

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// nativeParts makes a tokenizer of SentencePiece's own and a vocabulary, from pieces to ids.
func (c *config) nativeParts(m *sentencepiece.Model, list []models.Entry) (*plan.Plan, error) {
	p := plan.New()
	p.Kind = "SentencePiece"
	if err := p.NewVocabulary(list); err != nil {
		return nil, err
	}
	if m.SpaceSuffix {
		return nil, fmt.Errorf("treat_whitespace_as_suffix is not supported")
	}
	n := &normalize.SentencePiece{Own: m.UserDefined(), Dummy: m.DummyPrefix, Squeeze: m.RemoveExtraSpaces, Escape: m.EscapeSpaces}
	if len(m.CharsMap) > 0 {
		var err error
		if n.CharsMap, err = normalize.NewCharsMap(m.CharsMap); err != nil {
			return nil, err
		}
	}
	p.Normalizer = n
	unk, ok := p.Find([]byte(c.UNK.Content))
	if !ok {
		return nil, fmt.Errorf("the vocabulary lacks the unknown token %.200q", c.UNK.Content)
	}
	inner, err := m.Native(p)
	if err != nil {
		return nil, err
	}
	ids := &models.PieceIDs{Model: inner.Model, Pieces: inner.Vocab, Ids: make([]uint32, len(m.Pieces)), Vocab: p.Vocab, Unk: unk}
	for id, piece := range m.Pieces {
		if at, ok := p.Vocab.Find([]byte(piece.Text)); ok && piece.Kind != sentencepiece.Unknown {
			ids.Ids[id] = at + 1
		} else if piece.Kind != sentencepiece.Unknown {
			ids.Ids[id] = unk + 1
		}
	}
	if m.ByteFallback {
		for c := range 256 {
			id, ok := p.Vocab.Find(fmt.Appendf(nil, "<0x%02X>", c))
			if !ok {
				id = unk
			}
			ids.Bytes = append(ids.Bytes, id)
		}
	}
	p.Model = ids
	return p, nil
}
