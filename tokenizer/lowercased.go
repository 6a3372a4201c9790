package tokenizer

import "github.com/seed2010d43f/transformer/tokenizer/internal/normalize"

// Lowercased returns a copy that lower-cases a text before anything else but the search for special tokens: each
// character by itself, "İ" to "i" and a dot above, "Σ" to "σ" wherever it stands.
func (t *Tokenizer) Lowercased() *Tokenizer {
	c := *t
	c.normalizer = normalize.Lowercase()
	if t.normalizer != nil {
		c.normalizer = normalize.Sequence{c.normalizer, t.normalizer}
	}
	return &c
}
