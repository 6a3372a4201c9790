package plan

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// NewUnigram takes tokens in order of their ids. unk is −1 for none.
func (p *Plan) NewUnigram(tokens []models.Entry, scores []float64, unk int, fallsBack bool) error {
	if len(tokens) == 0 {
		return fmt.Errorf("the vocabulary is empty")
	}
	if unk >= len(tokens) {
		return fmt.Errorf("unk_id %d is not in the vocabulary of %d", unk, len(tokens))
	}
	if err := p.NewVocabulary(tokens); err != nil {
		return err
	}
	m := &models.Unigram{Vocab: p.Vocab, Scores: scores, Trie: trie.NewBytes(p.Vocab.Keys), Unk: uint32(unk + 1)}
	lowest := math.Inf(1)
	for id, e := range tokens {
		lowest = min(lowest, scores[id])
		if len(e.Token) > 0 {
			if err := m.Trie.Add(e.Token, uint32(id)); err != nil {
				return err
			}
			m.Joints.Add(e.Token)
		}
	}
	m.Trie.Finish()
	_, m.Marked = p.Vocab.Find([]byte(chars.SpaceMark))
	m.UnkScore = lowest - models.UnkPenalty
	m.FallsBack = fallsBack
	for c := range 256 {
		if id, ok := p.Vocab.Find(fmt.Appendf(nil, "<0x%02X>", c)); ok {
			m.Fallback[c] = id + 1
		}
	}
	p.Model, p.Kind = m, "Unigram"
	return nil
}

// score reads a score. The reference's reader of tokenizer.json divides the digits by a power of ten, which may be off in
// the last place and so decide between segmentations that are as good; classes that read the file themselves do not.
func (p *Plan) score(s string) (float64, error) {
	exact, err := strconv.ParseFloat(s, 64)
	if err != nil || p.exactScores {
		return exact, err
	}
	digits, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, _ := strings.Cut(strings.ToLower(digits), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	n, err := strconv.ParseUint(whole+fraction, 10, 64)
	shift, _ := strconv.Atoi(exponent)
	if shift -= len(fraction); err != nil || shift < -308 || shift > 308 {
		return exact, nil
	}
	f := float64(n)
	if power, _ := strconv.ParseFloat("1e"+strconv.Itoa(max(shift, -shift)), 64); shift < 0 {
		f /= power
	} else {
		f *= power
	}
	if negative {
		f = -f
	}
	return f, nil
}

// parseUnigram reads a list of tokens, each with its score.
func (p *Plan) parseUnigram(c *modelConfig) error {
	r := jsonscan.Reader{Data: c.vocab}
	var tokens []models.Entry
	var scores []float64
	arena := make([]byte, 0, len(c.vocab)/2)
	err := r.Array(func() error {
		n := 0
		err := r.Array(func() error {
			n++
			if n == 1 {
				s, err := r.Str()
				start := len(arena)
				arena = append(arena, s...)
				tokens = append(tokens, models.Entry{Token: arena[start:len(arena):len(arena)], Id: uint32(len(tokens))})
				return err
			}
			text, err := r.Number()
			if err != nil {
				return err
			}
			score, err := p.score(string(text))
			scores = append(scores, score)
			return err
		})
		if err == nil && n != 2 {
			err = fmt.Errorf("entry %d has %d parts; a token and its score belong", len(tokens)-1, n)
		}
		return err
	})
	if err == nil {
		err = r.Done()
	}
	if err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	unk := -1
	if c.UnkID != nil {
		unk = *c.UnkID
	}
	if unk < -1 {
		return fmt.Errorf("unk_id %d is negative", unk)
	}
	if p.ByteLevel {
		return fmt.Errorf("type \"Unigram\" after a ByteLevel pre_tokenizer is not supported")
	}
	return p.NewUnigram(tokens, scores, unk, c.ByteFallback)
}
