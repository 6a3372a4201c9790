package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
)

// modelConfig is the "model" of tokenizer.json; vocabulary and merges stay unread until the rest is known.
type modelConfig struct {
	Type         string   `json:"type"`
	UnkToken     *string  `json:"unk_token"`
	UnkID        *int     `json:"unk_id"`
	Dropout      *float64 `json:"dropout"`
	Prefix       *string  `json:"continuing_subword_prefix"`
	Suffix       *string  `json:"end_of_word_suffix"`
	FuseUnk      bool     `json:"fuse_unk"`
	ByteFallback bool     `json:"byte_fallback"`
	IgnoreMerges bool     `json:"ignore_merges"`
	MaxChars     *int     `json:"max_input_chars_per_word"`

	vocab, merges []byte
}

func (c *modelConfig) read(data []byte) error {
	r := jsonscan.Reader{Data: data}
	rest := []byte{'{'}
	err := r.Object(func(key []byte) error {
		name := string(key)
		value, err := r.Skip()
		switch name {
		case "vocab":
			c.vocab = value
		case "merges":
			c.merges = value
		default:
			if len(rest) > 1 {
				rest = append(rest, ',')
			}
			rest = append(strconv.AppendQuote(rest, name), ':')
			rest = append(rest, value...)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(append(rest, '}'), c); err != nil {
		return err
	}
	if c.vocab == nil {
		return fmt.Errorf("there is no \"vocab\"")
	}
	if c.Type == "" {
		c.Type = c.guess()
	}
	return nil
}

// guess tells the type of a model written before models named it.
func (c *modelConfig) guess() string {
	switch {
	case c.merges != nil:
		return "BPE"
	case c.vocab[0] == '[':
		return "Unigram"
	case c.MaxChars != nil:
		return "WordPiece"
	}
	return "WordLevel"
}

func (p *Plan) parseModel(c *modelConfig) error {
	p.Kind = c.Type
	switch c.Type {
	case "BPE":
		return p.parseBPE(c)
	case "WordPiece", "WordLevel":
		return p.parseWords(c)
	case "Unigram":
		return p.parseUnigram(c)
	}
	return fmt.Errorf("type %.200q is not supported; BPE, Unigram, WordLevel and WordPiece are", c.Type)
}

// ReadVocab reads an object from tokens to ids.
func ReadVocab(data []byte) ([]models.Entry, error) {
	r := jsonscan.Reader{Data: data}
	var list []models.Entry
	arena := make([]byte, 0, len(data)/2)
	err := r.Object(func(key []byte) error {
		start := len(arena)
		arena = append(arena, key...)
		id, err := r.Id()
		list = append(list, models.Entry{Token: arena[start:len(arena):len(arena)], Id: id})
		return err
	})
	if err == nil {
		err = r.Done()
	}
	return list, err
}

const maxAffix = 1 << 8 // bytes of what marks the parts of a word

func (p *Plan) parseBPE(c *modelConfig) error {
	if c.Dropout != nil && *c.Dropout != 0 {
		return fmt.Errorf("dropout %g is not supported", *c.Dropout)
	}
	list, err := ReadVocab(c.vocab)
	if err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	if err := p.NewVocabulary(list); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	m := &models.BPE{Vocab: p.Vocab, ByteLevel: p.ByteLevel, FallsBack: c.ByteFallback, FuseUnk: c.FuseUnk, Ignore: c.IgnoreMerges}
	if m.Prefix, m.Suffix = deref(c.Prefix), deref(c.Suffix); len(m.Prefix) > maxAffix || len(m.Suffix) > maxAffix {
		return fmt.Errorf("continuing_subword_prefix or end_of_word_suffix has more than %d bytes", maxAffix)
	}
	if c.UnkToken != nil {
		p.SetUnknown(m, *c.UnkToken)
	}
	if c.merges == nil {
		c.merges = []byte("[]")
	}
	if err := p.readMerges(m, c.merges); err != nil {
		return fmt.Errorf("merges: %w", err)
	}
	m.Finish()
	p.Model = m
	return nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// readMerges reads a list of pairs, written "left right" or ["left", "right"].
func (p *Plan) readMerges(m *models.BPE, data []byte) error {
	r := jsonscan.Reader{Data: data}
	m.Merges = models.NewMergeTable(min(bytes.Count(data, []byte(",")), len(data)/len(`"a b",`)) + 1)
	var left, right []byte
	rank := uint32(0)
	err := r.Array(func() error {
		if r.Peek() == '[' {
			n := 0
			err := r.Array(func() error {
				s, err := r.Str()
				if n++; n == 1 {
					left = append(left[:0], s...)
				} else {
					right = append(right[:0], s...)
				}
				return err
			})
			if err == nil && n != 2 {
				err = fmt.Errorf("merge %d has %d parts; two belong", rank, n)
			}
			if err != nil {
				return err
			}
		} else {
			s, err := r.Str()
			if err != nil {
				return err
			}
			l, rt, ok := bytes.Cut(s, []byte(" "))
			if !ok || bytes.IndexByte(rt, ' ') >= 0 {
				return fmt.Errorf("merge %d, %.200q, is not two tokens with a space between", rank, s)
			}
			left, right = append(left[:0], l...), append(right[:0], rt...)
		}
		rank++
		return p.addMerge(m, left, right, rank-1)
	})
	if err == nil {
		err = r.Done()
	}
	return err
}

// addMerge adds the pair of the given rank, whose parts and result must be in the vocabulary.
func (p *Plan) addMerge(m *models.BPE, left, right []byte, rank uint32) error {
	if len(left) == 0 || len(right) == 0 {
		return fmt.Errorf("merge %d, of %.200q and %.200q, has an empty part", rank, left, right)
	}
	a, ok := p.Find(left)
	if !ok {
		return fmt.Errorf("merge %d: %.200q is not in the vocabulary", rank, left)
	}
	b, ok := p.Find(right)
	if !ok {
		return fmt.Errorf("merge %d: %.200q is not in the vocabulary", rank, right)
	}
	if len(right) < len(m.Prefix) {
		return fmt.Errorf("merge %d: %.200q is shorter than the prefix %.200q", rank, right, m.Prefix)
	}
	var buf [128]byte
	both := append(append(buf[:0], left...), right[len(m.Prefix):]...)
	into, ok := p.Find(both)
	if !ok {
		return fmt.Errorf("merge %d: %.200q is not in the vocabulary", rank, string(both))
	}
	if !m.Merges.Add(a, b, rank, into) {
		return fmt.Errorf("merge %d: %w", rank, models.ErrCrowded)
	}
	return nil
}

// SetUnknown names the unknown token, as the file writes it.
func (p *Plan) SetUnknown(m *models.BPE, token string) {
	if id, ok := p.Find([]byte(token)); ok {
		m.Unk = id + 1
	} else {
		m.LacksUnk = strconv.Quote(token)
	}
}
