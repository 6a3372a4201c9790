package plan

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
)

// parseWords reads a WordPiece or WordLevel model.
func (p *Plan) parseWords(c *modelConfig) error {
	list, err := ReadVocab(c.vocab)
	if err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	if p.ByteLevel {
		return fmt.Errorf("type %.200q after a ByteLevel pre_tokenizer is not supported", c.Type)
	}
	if err := p.NewVocabulary(list); err != nil {
		return fmt.Errorf("vocab: %w", err)
	}
	if c.Type == "WordLevel" {
		m := &models.WordLevel{Vocab: p.Vocab, Name: jsonscan.Or(c.UnkToken, "<unk>")}
		if id, ok := p.Vocab.Find([]byte(m.Name)); ok {
			m.Unk = id + 1
		}
		p.Model = m
		return nil
	}
	maxChars := 100
	if c.MaxChars != nil {
		maxChars = *c.MaxChars
	}
	if maxChars < 0 {
		return fmt.Errorf("max_input_chars_per_word is %d; it must be at least 0", maxChars)
	}
	p.Model, err = models.NewWordPiece(p.Vocab, jsonscan.Or(c.UnkToken, "[UNK]"), jsonscan.Or(c.Prefix, "##"), maxChars)
	return err
}
