package tokenizer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// languages is what a tokenizer of several languages knows about them.
type languages struct {
	codes []string       // in order of their ids
	ids   map[string]int // of each code
	place languagePlace
	eos   int

	source, target string // "" for none
}

// languagePlace says where the token of a language stands.
type languagePlace int

const (
	languageFirst  languagePlace = iota // language, text, end: mBART-50, M2M-100, NLLB
	languageLast                        // text, end, language: mBART, NLLB of old
	languagePrompt                      // the target's language before the source text: Marian
)

func newLanguages(place languagePlace, eos int) *languages {
	return &languages{ids: map[string]int{}, place: place, eos: eos}
}

func (l *languages) add(code string, id int) {
	if _, ok := l.ids[code]; !ok {
		l.codes = append(l.codes, code)
		l.ids[code] = id
	}
}

// templates returns what stands around texts in the language with an id; −1 for none.
func (l *languages) templates(id int) postProcessor {
	var before, after []templateItem
	if l.eos >= 0 {
		after = append(after, specials(0, l.eos))
	}
	switch {
	case id < 0:
	case l.place == languageLast:
		after = append(after, specials(0, id))
	default:
		before = append(before, specials(0, id))
	}
	around := func(texts ...templateItem) []templateItem { return slices.Concat(before, texts, after) }
	return postProcessor{single: around(sequence(0, 0)), pair: around(sequence(0, 0), sequence(1, 0)), configured: true}
}

// id returns the id of a code; unset where it is none.
func (l *languages) id(code string, unset int) int {
	if id, ok := l.ids[code]; ok {
		return id
	}
	return unset
}

// Languages returns the codes of the languages that the tokenizer has tokens for, in the order of their ids and in the
// form that [Tokenizer.Language] takes: en_XX of mBART, eng_Latn of NLLB, en of M2M-100, fra of Marian.
func (t *Tokenizer) Languages() []string {
	if t.languages == nil {
		return nil
	}
	return slices.Clone(t.languages.codes)
}

// Language returns the id of a language's token. A model that translates into the language starts its text with it, or
// is told so by it: it is the forced_bos_token_id of mBART-50, M2M-100 and NLLB and the decoder_start_token_id of mBART.
// The error for a code that is not there names it and what there is.
func (t *Tokenizer) Language(code string) (int, error) {
	if t.languages == nil || len(t.languages.codes) == 0 {
		return 0, fmt.Errorf("tokenizer: no language %q: the tokenizer has no tokens for languages", code)
	}
	if id, ok := t.languages.ids[code]; ok {
		return id, nil
	}
	near := nearest(code, t.languages.codes, 5)
	return 0, fmt.Errorf("tokenizer: no language %q among the %d there are; the nearest are %s", code, len(t.languages.codes),
		strings.Join(near, ", "))
}

// Direction returns the languages that texts are from and translations are in, as the folder, [Tokenizer.WithSource] and
// [Tokenizer.WithTarget] have set them; "" for none.
func (t *Tokenizer) Direction() (source, target string) {
	if t.languages == nil {
		return "", ""
	}
	return t.languages.source, t.languages.target
}

// WithSource returns a tokenizer for texts in a language: what is added around them names it. It shares all else with t,
// which stays as it is. The error is that of [Tokenizer.Language]; a Marian model's source has no token, so for it every
// code is an error.
func (t *Tokenizer) WithSource(code string) (*Tokenizer, error) {
	if t.languages != nil && t.languages.place == languagePrompt {
		return nil, fmt.Errorf("tokenizer: no source language %q: only what the model translates into has tokens; WithTarget takes it", code)
	}
	if _, err := t.Language(code); err != nil {
		return nil, err
	}
	l := *t.languages
	l.source = code
	return t.withLanguages(&l), nil
}

// WithTarget returns a tokenizer for translation into a language. [Tokenizer.Target] then encodes texts in that language;
// of a Marian model with several targets, the language's token goes before the source text. It shares all else with t,
// which stays as it is. The error is that of [Tokenizer.Language].
func (t *Tokenizer) WithTarget(code string) (*Tokenizer, error) {
	if _, err := t.Language(code); err != nil {
		return nil, err
	}
	l := *t.languages
	l.target = code
	return t.withLanguages(&l), nil
}

// Target returns the tokenizer of the texts that the model writes, as for the labels of training: for a Marian model that
// of target.spm, for one with languages that of the target language, or of the source where no target is set, for others
// t itself. Decoding takes t either way: its Decode and NewStream read what the model writes.
func (t *Tokenizer) Target() *Tokenizer {
	if t.target != nil {
		return t.target
	}
	if t.languages == nil || t.languages.target == "" || t.languages.place == languagePrompt {
		return t
	}
	c := *t
	c.post = t.languages.templates(t.languages.id(t.languages.target, t.special.UNK))
	return &c
}

// withLanguages returns the tokenizer with other languages set.
func (t *Tokenizer) withLanguages(l *languages) *Tokenizer {
	c := *t
	c.languages = l
	c.setTemplates()
	return &c
}

// setTemplates puts the source language, or of Marian the target's, around texts. A language that the files set but have
// no token for is the unknown token, as in the reference.
func (t *Tokenizer) setTemplates() {
	l := t.languages
	code := l.source
	if l.place == languagePrompt {
		code = l.target
	}
	id := -1
	if code != "" {
		id = l.id(code, t.special.UNK)
	}
	t.post = l.templates(id)
}

// setLanguages gives a tokenizer the languages of its class that it has tokens for, and others of their form.
func (c *config) setLanguages(t *Tokenizer) {
	place, source := languageFirst, "en_XX"
	switch c.Class {
	case "MBartTokenizer":
		place = languageLast
	case "NllbTokenizer":
		if source = "eng_Latn"; c.LanguageLast {
			place = languageLast
		}
	}
	l := newLanguages(place, t.special.EOS)
	for _, code := range publishedCodes(c.Class, "") {
		if id, ok := t.TokenID(code); ok {
			l.add(code, id)
		}
	}
	for _, a := range t.added.tokens {
		if a.Special && codeShaped(a.Content) {
			l.add(a.Content, a.ID)
		}
	}
	slices.SortFunc(l.codes, func(a, b string) int { return l.ids[a] - l.ids[b] })
	l.source, l.target = source, c.Target
	if c.Source != "" {
		l.source = c.Source
	}
	t.languages = l
	t.setTemplates()
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

// nearest returns the n codes that begin as s does for longest, and of those that differ from the first letters on, the
// ones with the fewest edits from s (Levenshtein 1966).
func nearest(s string, codes []string, n int) []string {
	type scored struct {
		code        string
		edits, same int
	}
	s = s[:min(len(s), 32)]
	all := make([]scored, len(codes))
	for i, c := range codes {
		same := 0
		for same < min(len(s), len(c)) && s[same] == c[same] {
			same++
		}
		if same < 2 {
			same = 0
		}
		all[i] = scored{c, edits(s, c), same}
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		return cmp.Or(b.same-a.same, a.edits-b.edits)
	})
	var out []string
	for _, c := range all[:min(n, len(all))] {
		out = append(out, c.code)
	}
	return out
}

// edits returns the number of bytes to insert, delete or replace to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
