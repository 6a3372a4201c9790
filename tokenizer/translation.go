package tokenizer

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/languages"
)

// Languages returns the codes of the languages that the tokenizer has tokens for, in the order of their ids: en_XX
// for mBART, eng_Latn for NLLB, en for M2M-100, fra for Marian.
func (t *Tokenizer) Languages() []string {
	if t.languages == nil {
		return nil
	}
	return slices.Clone(t.languages.Codes)
}

// Language returns the id of a language's token. It tells the model which language to write: it is the
// forced_bos_token_id of mBART-50, M2M-100 and NLLB, and the decoder_start_token_id of mBART. The error for an
// unknown code lists the codes.
func (t *Tokenizer) Language(code string) (int, error) { return t.languages.Language(code) }

// Direction returns the source and the target language, as set by the folder, [Tokenizer.WithSource] and
// [Tokenizer.WithTarget]; "" means none.
func (t *Tokenizer) Direction() (source, target string) {
	if t.languages == nil {
		return "", ""
	}
	return t.languages.Source, t.languages.Target
}

// WithSource returns a tokenizer for source texts in the given language: the tokens added around them name it. It
// shares everything else with t, which does not change. The error is that of [Tokenizer.Language]. A Marian model has
// no tokens for source languages, so every code is an error.
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

// WithTarget returns a tokenizer for translation into the given language. [Tokenizer.Target] then encodes texts in
// that language. For a Marian model with several targets, the language's token goes before the source text. It shares
// everything else with t, which does not change. The error is that of [Tokenizer.Language].
func (t *Tokenizer) WithTarget(code string) (*Tokenizer, error) {
	if _, err := t.Language(code); err != nil {
		return nil, err
	}
	l := *t.languages
	l.Target = code
	return t.withLanguages(&l), nil
}

// Target returns the tokenizer of the texts that the model writes, as for the labels in training. For a Marian model
// that is the tokenizer of target.spm. For one with languages it is that of the target language, or of the source
// language if no target is set. For other models it is t itself. For decoding use t or Target: both read what the
// model writes.
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
