package tokenizer

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/languages"
)

// Languages returns the codes of the languages that the tokenizer has tokens for, in the order of their ids and in the
// form that [Tokenizer.Language] takes: en_XX of mBART, eng_Latn of NLLB, en of M2M-100, fra of Marian.
func (t *Tokenizer) Languages() []string {
	if t.languages == nil {
		return nil
	}
	return slices.Clone(t.languages.Codes)
}

// Language returns the id of a language's token. A model that translates into the language starts its text with it, or
// is told so by it: it is the forced_bos_token_id of mBART-50, M2M-100 and NLLB and the decoder_start_token_id of mBART.
// The error for a code that is not there names it and what there is.
func (t *Tokenizer) Language(code string) (int, error) { return t.languages.Language(code) }

// Direction returns the languages that texts are from and translations are in, as the folder, [Tokenizer.WithSource] and
// [Tokenizer.WithTarget] have set them; "" for none.
func (t *Tokenizer) Direction() (source, target string) {
	if t.languages == nil {
		return "", ""
	}
	return t.languages.Source, t.languages.Target
}

// WithSource returns a tokenizer for texts in a language: what is added around them names it. It shares all else with t,
// which stays as it is. The error is that of [Tokenizer.Language]; a Marian model's source has no token, so for it every
// code is an error.
func (t *Tokenizer) WithSource(code string) (*Tokenizer, error) {
	if t.languages != nil && t.languages.Place == languages.Prompt {
		return nil, fmt.Errorf("tokenizer: no source language %q: only what the model translates into has tokens; WithTarget takes it", code)
	}
	if _, err := t.Language(code); err != nil {
		return nil, err
	}
	l := *t.languages
	l.Source = code
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
	l.Target = code
	return t.withLanguages(&l), nil
}

// Target returns the tokenizer of the texts that the model writes, as for the labels of training: for a Marian model that
// of target.spm, for one with languages that of the target language, or of the source where no target is set, for others
// t itself. Decoding takes t either way: its Decode and NewStream read what the model writes.
func (t *Tokenizer) Target() *Tokenizer {
	if t.target != nil {
		return t.target
	}
	if t.languages == nil || t.languages.Target == "" || t.languages.Place == languages.Prompt {
		return t
	}
	c := *t
	c.post = t.languages.Templates(t.languages.Id(t.languages.Target, t.special.UNK))
	return &c
}

// withLanguages returns the tokenizer with other languages set.
func (t *Tokenizer) withLanguages(l *languages.Languages) *Tokenizer {
	c := *t
	c.languages = l
	c.post = l.PostProcessor(t.special.UNK)
	return &c
}
