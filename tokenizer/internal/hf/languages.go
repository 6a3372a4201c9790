package hf

import (
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/languages"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
)

// setLanguages gives a tokenizer the languages of its class that it has tokens for, and others of their form.
func (c *config) setLanguages(p *plan.Plan) {
	place, source := languages.First, "en_XX"
	switch c.Class {
	case "MBartTokenizer":
		place = languages.Last
	case "NllbTokenizer":
		if source = "eng_Latn"; c.LanguageLast {
			place = languages.Last
		}
	}
	l := languages.New(place, p.Special.EOS)
	for _, code := range publishedCodes(c.Class, "") {
		if id, ok := p.TokenID(code); ok {
			l.Add(code, id)
		}
	}
	for _, a := range p.Added {
		if a.Special && codeShaped(a.Content) {
			l.Add(a.Content, a.ID)
		}
	}
	slices.SortFunc(l.Codes, func(a, b string) int { return l.Ids[a] - l.Ids[b] })
	l.Source, l.Target = source, c.Target
	if c.Source != "" {
		l.Source = c.Source
	}
	p.Languages = l
	p.Post = l.PostProcessor(p.Special.UNK)
}

// codeShaped reports whether a token looks like en_XX or eng_Latn.
func codeShaped(s string) bool {
	language, region, ok := strings.Cut(s, "_")
	if !ok || len(language) < 2 || len(language) > 3 || len(region) != 2 && len(region) != 4 {
		return false
	}
	for _, r := range language {
		if r < 'a' || r > 'z' {
			return false
		}
	}
	for i, r := range region {
		if upper := i == 0 || len(region) == 2; upper && (r < 'A' || r > 'Z') || !upper && (r < 'a' || r > 'z') {
			return false
		}
	}
	return true
}
