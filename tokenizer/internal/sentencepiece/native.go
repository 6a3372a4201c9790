package sentencepiece

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// newNativeUnigram searches the pieces that text can match; its tokens are ids of pieces, unk that of the unknown one.
func newNativeUnigram(m *Model, vocab *models.Vocab, unk int) (*models.SentencePiece, error) {
	u := &models.SentencePiece{Unigram: models.Unigram{Vocab: vocab, Scores: make([]float64, len(m.Pieces)), Trie: trie.NewBytes(vocab.Keys), Unk: uint32(unk + 1)}}
	lowest := math.Inf(1)
	for _, piece := range m.Pieces {
		if piece.Kind == Normal {
			lowest = min(lowest, float64(piece.Score))
		}
	}
	for id, piece := range m.Pieces {
		u.Scores[id] = float64(piece.Score)
		switch {
		case piece.Text == "":
			continue
		case piece.Kind == UserDefined: // the longer, the better
			u.Scores[id] = float64(float32(0.1 * float64(len(piece.Text)-1)))
		case piece.Kind != Normal:
			continue
		}
		if err := u.Trie.Add([]byte(piece.Text), uint32(id)); err != nil {
			return nil, err
		}
	}
	u.Trie.Finish()
	u.UnkScore = float64(float32(lowest) - models.UnkPenalty)
	return u, nil
}

// Native returns the model over the ids of pieces, with their vocabulary.
func (m *Model) Native(p *plan.Plan) (*plan.Plan, error) {
	unk := slices.IndexFunc(m.Pieces, func(p Piece) bool { return p.Kind == Unknown })
	if unk < 0 {
		return nil, fmt.Errorf("no piece is the unknown one")
	}
	inner := plan.New()
	tokens := make([]models.Entry, len(m.Pieces))
	for id, piece := range m.Pieces {
		if piece.Kind == Normal || piece.Kind == UserDefined || m.ModelType == TypeUnigram {
			tokens[id] = models.Entry{Token: []byte(piece.Text), Id: uint32(id)}
		} else {
			tokens[id] = models.Entry{Token: nil, Id: uint32(id)} // no text gives it
		}
	}
	if err := inner.NewVocabulary(tokens); err != nil {
		return nil, err
	}
	switch m.ModelType {
	case TypeUnigram:
		u, err := newNativeUnigram(m, inner.Vocab, unk)
		inner.Model = u
		return inner, err
	case TypeBPE:
		own := m.UserDefined()
		b := &models.BPE{Vocab: inner.Vocab, Unk: uint32(unk) + 1, FuseUnk: true, Ignore: !own.Empty}
		if err := m.Merges(b); err != nil {
			return nil, err
		}
		b.Finish()
		if inner.Model = b; !own.Empty {
			p.PreTokenizer = pretoken.SplitLiterals{Set: own}
		}
		return inner, nil
	}
	return nil, fmt.Errorf("model type %d is not supported; Unigram (1) and BPE (2) are", m.ModelType)
}
