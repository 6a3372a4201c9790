package gguf

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
	"github.com/seed2010d43f/transformer/tokenizer/internal/tiktoken"
)

// bytePairs makes a tokenizer of GPT-2's kind.
func (v *vocabulary) bytePairs(pre preTokenizer, known bool) (*plan.Plan, error) {
	switch {
	case v.pre == "":
		return nil, fmt.Errorf("there is no tokenizer.ggml.pre, so how texts are split is not known; name a pre-tokenizer, such as that of a newer file of the same model")
	case !known:
		return nil, fmt.Errorf("tokenizer.ggml.pre %.100q is not known; name a pre-tokenizer that splits likewise", v.pre)
	case pre.raw:
		return v.rankedPieces()
	}
	p := plan.New()
	if err := p.SetStages(&pre.stages, nil); err != nil {
		return nil, err
	}
	list := v.entries(func(id int) string {
		if k := v.kind(id); k == sentencepiece.Control || k == sentencepiece.UserDefined || k == sentencepiece.Unknown {
			return "" // no text gives it but its own
		}
		return v.tokens[id]
	})
	if v.merges == nil && pre.listed {
		return p, v.listed(p, list)
	}
	if v.merges == nil {
		return nil, fmt.Errorf("there is no tokenizer.ggml.merges")
	}
	if err := p.NewVocabulary(list); err != nil {
		return nil, fmt.Errorf("tokenizer.ggml.tokens: %w", err)
	}
	m := &models.BPE{Vocab: p.Vocab, ByteLevel: true, Ignore: pre.whole}
	if err := p.AddMerges(m, v.merges); err != nil {
		return nil, fmt.Errorf("tokenizer.ggml.merges: %w", err)
	}
	m.Finish()
	p.Model, p.Kind = m, "BPE"
	return p, nil
}

// listed sets a vocabulary that is a list by rank, without merges.
func (v *vocabulary) listed(p *plan.Plan, list []models.Entry) error {
	for i := range list {
		e := &list[i]
		if e.Token == nil {
			continue
		}
		raw, ok := chars.AppendFromAlphabet(nil, e.Token)
		if !ok {
			return fmt.Errorf("tokenizer.ggml.tokens: token %.200q with id %d is not written in GPT-2's alphabet of bytes", e.Token, e.Id)
		}
		e.Token = raw
	}
	return tiktoken.Build(p, list)
}

// rankedPieces makes a tokenizer of byte pairs over text, whose merges the file lists: Gemma 4's kind.
func (v *vocabulary) rankedPieces() (*plan.Plan, error) {
	if v.merges == nil {
		return nil, fmt.Errorf("there is no tokenizer.ggml.merges")
	}
	if v.spacePrefix == nil {
		v.spacePrefix = new(bool)
	}
	return v.pieces()
}

// pieces makes a tokenizer of SentencePiece's byte pairs.
func (v *vocabulary) pieces() (*plan.Plan, error) {
	m := &sentencepiece.Model{ModelType: sentencepiece.TypeBPE, UnkID: v.roles.unk, BosID: v.roles.bos, EosID: v.roles.eos, PadID: v.roles.pad,
		DummyPrefix: true, EscapeSpaces: true}
	take(&m.DummyPrefix, v.spacePrefix)
	take(&m.RemoveExtraSpaces, v.squeeze)
	switch {
	case v.merges != nil:
		m.Ranked = func(p *plan.Plan, b *models.BPE) error {
			if err := p.AddMerges(b, v.merges); err != nil {
				return fmt.Errorf("tokenizer.ggml.merges: %w", err)
			}
			return nil
		}
	case v.scores == nil:
		return nil, fmt.Errorf("there is no tokenizer.ggml.scores")
	}
	m.Pieces = make([]sentencepiece.Piece, 0, len(v.tokens))
	for id := range v.tokens {
		piece := sentencepiece.Piece{Text: v.marked(id), Kind: v.kind(id)}
		if v.scores != nil {
			piece.Score = float32(v.scores[id])
		}
		switch {
		case v.fills(id):
			piece.Text = ""
		case piece.Kind == sentencepiece.UserDefined && v.isMarks(id): // runs of spaces come first, in the order of their ids
			piece.Kind, piece.Score = sentencepiece.Normal, 0
		case piece.Kind == sentencepiece.UserDefined: // found before the model sees the text
			piece.Kind = sentencepiece.Control
		case piece.Kind == sentencepiece.Byte:
			m.ByteFallback = true
		}
		m.Pieces = append(m.Pieces, piece)
	}
	v.scores = nil // the pieces have them
	if v.roles.unk >= 0 {
		m.UnkPiece = m.Pieces[v.roles.unk].Text
	}
	return m.Plan(true)
}

// isMarks reports whether a token is a run of spaces that is found before the model sees the text. Converters write them
// as spaces.
func (v *vocabulary) isMarks(id int) bool {
	return v.kind(id) == sentencepiece.UserDefined && v.tokens[id] != "" && strings.Trim(v.tokens[id], " ") == "" && v.model != "gpt2"
}

// marked returns a token with marks for spaces, as SentencePiece writes it.
func (v *vocabulary) marked(id int) string {
	if v.isMarks(id) {
		return strings.ReplaceAll(v.tokens[id], " ", chars.SpaceMark)
	}
	return v.tokens[id]
}
