package gguf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// words makes a tokenizer of BERT's kind.
func (v *vocabulary) words() (*plan.Plan, error) {
	lower := !v.cased()
	take(&lower, v.lower)
	accents := lower
	take(&accents, v.accents)
	p := plan.New()
	stages := plan.Stages{
		Normalizer:   fmt.Sprintf(`{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":%v,"lowercase":%v}`, accents, lower),
		PreTokenizer: `{"type":"BertPreTokenizer"}`,
		Decoder:      `{"type":"WordPiece","prefix":"##","cleanup":true}`,
	}
	if err := p.SetStages(&stages, nil); err != nil {
		return nil, err
	}
	if err := p.NewVocabulary(v.entries(v.wordPiece)); err != nil {
		return nil, fmt.Errorf("tokenizer.ggml.tokens: %w", err)
	}
	if v.roles.unk < 0 || v.tokens[v.roles.unk] == "" {
		return nil, fmt.Errorf("there is no unknown token: tokenizer.ggml.unknown_token_id names none of the %d tokens", len(v.tokens))
	}
	var err error
	p.Model, err = models.NewWordPiece(p.Vocab, v.wordPiece(v.roles.unk), "##", 100)
	p.Kind = "WordPiece"
	return p, err
}

// cased reports whether a token that is not special has an upper-case letter: text is then not lower-cased, unless the file
// says otherwise.
func (v *vocabulary) cased() bool {
	for id, t := range v.tokens {
		if v.kind(id) == sentencepiece.Normal && !strings.HasPrefix(t, chars.SpaceMark+"[") && !strings.HasPrefix(t, "[") &&
			strings.ContainsAny(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			return true
		}
	}
	return false
}

// wordPiece returns a token in WordPiece's spelling: what begins a word has no mark, what goes on has ##.
func (v *vocabulary) wordPiece(id int) string {
	t := v.tokens[id]
	if v.kind(id) != sentencepiece.Normal || t == "" || id == v.roles.unk || v.isSpecial(id) {
		return t
	}
	if word, ok := strings.CutPrefix(t, chars.SpaceMark); ok && word != "" {
		return word
	}
	if strings.HasPrefix(t, "[") && strings.HasSuffix(t, "]") && len(t) > 2 {
		return t // older converters left all of these as they are
	}
	return "##" + t
}

// sentinels is the number of T5's tokens <extra_id_0>, the last of which comes first.
const sentinels = 100

// nameSentinels names the sentinels of a T5 model, which converters take for ids that only fill up the table.
func (v *vocabulary) nameSentinels() {
	first, n := -1, 0
	for id, t := range v.tokens {
		if t == "<extra_id_0>" {
			return
		}
		if v.fills(id) {
			if n++; first < 0 {
				first = id
			}
		}
	}
	if n < sentinels || n >= 2*sentinels || first+sentinels > len(v.tokens) || v.arch != "t5" && v.arch != "t5encoder" {
		return
	}
	for i := range sentinels {
		if !v.fills(first + i) {
			return
		}
	}
	v.tokens = slices.Clone(v.tokens) // which are the metadata's
	for i := range sentinels {
		v.tokens[first+i] = fmt.Sprintf("<extra_id_%d>", sentinels-1-i)
		v.kinds[first+i] = sentencepiece.Control
	}
}

// unigram makes a tokenizer of T5's and XLM-RoBERTa's kind.
func (v *vocabulary) unigram() (*plan.Plan, error) {
	if v.scores == nil {
		return nil, fmt.Errorf("there is no tokenizer.ggml.scores")
	}
	v.nameSentinels()
	scheme := "never"
	if v.spacePrefix == nil || *v.spacePrefix {
		scheme = "always"
	}
	metaspace := fmt.Sprintf(`{"type":"Metaspace","replacement":"▁","prepend_scheme":%q,"split":true}`, scheme)
	stages := plan.Stages{PreTokenizer: `{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},` + metaspace + `]}`, Decoder: metaspace}
	var m *normalize.CharsMap
	if len(v.charsMap) > 0 {
		var err error
		if m, err = normalize.NewCharsMap(v.charsMap); err != nil {
			return nil, fmt.Errorf("tokenizer.ggml.%w", err)
		}
		stages.Normalizer = `{"type":"Precompiled"}`
	}
	p := plan.New()
	if err := p.SetStages(&stages, m); err != nil {
		return nil, err
	}
	scores := make([]float64, len(v.tokens))
	bytes := false
	for id, s := range v.scores {
		if k := v.kind(id); k == sentencepiece.Normal {
			scores[id] = s
		} else { // what else there is has no probability, and converters write what they like
			bytes = bytes || k == sentencepiece.Byte
		}
	}
	list := v.entries(func(id int) string { return v.tokens[id] })
	if err := p.NewUnigram(list, scores, v.roles.unk, bytes); err != nil {
		return nil, fmt.Errorf("tokenizer.ggml.tokens: %w", err)
	}
	return p, nil
}
