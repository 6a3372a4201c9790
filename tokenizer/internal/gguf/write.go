package gguf

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// Vocabulary is what a file says of a tokenizer, in the terms of its keys tokenizer.ggml.*.
type Vocabulary struct {
	Model, Pre    string
	Tokens        []string
	Scores        []float32 // nil: none
	Types         []int32
	Merges        []string
	IDs           map[string]int  // by part: bos, eos, unknown, seperator, padding, cls, mask, eot, eom
	Flags         map[string]bool // by key: add_bos_token, add_space_prefix, normalizer.lowercase, …
	ChatTemplates map[string]string
}

// WriteOptions say what a folder's tokenizer files leave open.
type WriteOptions struct {
	Pre  string         // the name of the pre-tokenizer; "": the one that splits as the folder's does
	Size int            // rows of the table of words: tokens that nobody has fill it up
	IDs  map[string]int // what the model's config says of the parts bos, eos, unk, sep, pad, cls, mask
}

// source is a folder's tokenizer.
type source struct {
	file   tokenizerJSON // zero where there is no tokenizer.json
	has    bool          // there is one
	config map[string]json.RawMessage
	v      *Vocabulary
	o      WriteOptions
}

// tokenizerJSON is what is read of a tokenizer.json.
type tokenizerJSON struct {
	Model struct {
		Type         string
		Vocab        json.RawMessage
		Merges       json.RawMessage
		IgnoreMerges bool   `json:"ignore_merges"`
		Prefix       string `json:"continuing_subword_prefix"`
	}
	Normalizer   *stage
	PreTokenizer *stage      `json:"pre_tokenizer"`
	Post         *processor  `json:"post_processor"`
	Added        []addedJSON `json:"added_tokens"`
}

type addedJSON struct {
	ID      int
	Content string
	Special bool
}

// FromFolder returns what a file would say of the tokenizer in a folder: a tokenizer.model of SentencePiece's byte pairs, or a
// tokenizer.json of byte-level pairs or WordPiece.
func FromFolder(fsys fs.FS, o WriteOptions) (*Vocabulary, error) {
	s := &source{o: o, v: &Vocabulary{IDs: map[string]int{}, Flags: map[string]bool{}, ChatTemplates: map[string]string{}}}
	err := s.read(fsys)
	if err == nil {
		err = s.vocabulary(fsys)
	}
	if err == nil {
		err = s.special()
	}
	if err == nil {
		err = s.templates(fsys)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: to GGUF: %w", err)
	}
	return s.v, nil
}

func (s *source) read(fsys fs.FS) error {
	if s.has = sidefile.Exists(fsys, "tokenizer.json"); s.has {
		if err := readJSON(fsys, "tokenizer.json", sidefile.MaxVocabulary, &s.file); err != nil {
			return err
		}
		if s.file.Model.Type == "" && s.file.Model.Merges != nil { // old files do not say it
			s.file.Model.Type = "BPE"
		}
	}
	if sidefile.Exists(fsys, "tokenizer_config.json") {
		return readJSON(fsys, "tokenizer_config.json", sidefile.MaxConfig, &s.config)
	}
	return nil
}

func readJSON[T any](fsys fs.FS, name string, limit int64, v *T) error {
	data, err := sidefile.Read(fsys, name, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// vocabulary takes the tokens by the kind of tokenizer.
func (s *source) vocabulary(fsys fs.FS) error {
	switch {
	case sidefile.Exists(fsys, "tokenizer.model"):
		return s.pieces(fsys)
	case !s.has:
		return fmt.Errorf("there is no tokenizer.json and no tokenizer.model; other files of tokenizers are not written")
	case s.file.Model.Type == "WordPiece":
		return s.words()
	case s.file.Model.Type == "BPE" && s.file.PreTokenizer.isByteLevel():
		return s.bytePairs()
	case s.file.Model.Type == "BPE":
		return fmt.Errorf("tokenizer.json holds byte pairs of characters, whose scores are in tokenizer.model, which is not there")
	}
	return fmt.Errorf("a tokenizer.json of the model type %.100q is not written", s.file.Model.Type)
}

// tokens takes the tokens of a tokenizer.json by their ids, as write gives those that are not added.
func (s *source) tokens(write func(string) string) error {
	var vocab map[string]int
	if err := json.Unmarshal(s.file.Model.Vocab, &vocab); err != nil {
		return fmt.Errorf("tokenizer.json: vocab: %w", err)
	}
	size := s.o.Size
	for _, id := range vocab {
		size = max(size, id+1)
	}
	for _, a := range s.file.Added {
		size = max(size, a.ID+1)
	}
	if size > jsonscan.MaxID || size > 16*(len(vocab)+len(s.file.Added))+1<<20 {
		return fmt.Errorf("the largest id is %d with only %d tokens", size-1, len(vocab)+len(s.file.Added))
	}
	if s.o.Size > 0 && size > s.o.Size {
		return fmt.Errorf("there are ids up to %d, and the model has %d rows for them", size-1, s.o.Size)
	}
	v := s.v
	v.Tokens, v.Types = make([]string, size), make([]int32, size)
	for i := range v.Tokens {
		v.Tokens[i], v.Types[i] = fmt.Sprintf("[PAD%d]", i), sentencepiece.Unused
	}
	for token, id := range vocab {
		if id < 0 {
			return fmt.Errorf("tokenizer.json: token %.200q has id %d", token, id)
		}
		v.Tokens[id], v.Types[id] = write(token), sentencepiece.Normal
	}
	for _, a := range s.file.Added {
		if a.ID < 0 {
			return fmt.Errorf("tokenizer.json: token %.200q has id %d", a.Content, a.ID)
		}
		v.Tokens[a.ID], v.Types[a.ID] = addedToken(a.Content, a.Special)
	}
	return nil
}

// addedToken returns a token that is found before the model sees the text, as files have it, with its type.
func addedToken(text string, special bool) (string, int32) {
	if special || looksSpecial(text) {
		return text, sentencepiece.Control
	}
	return strings.ReplaceAll(text, chars.SpaceMark, " "), sentencepiece.UserDefined
}

// looksSpecial reports whether llama.cpp's converter takes a token for one without text.
func looksSpecial(t string) bool {
	between := func(begin, end string) bool { return strings.HasPrefix(t, begin) && strings.HasSuffix(t, end) }
	return t == "<pad>" || t == "<mask>" || t == "<2mass>" || t == "[@BOS@]" || between("<|", "|>") || between("<｜", "｜>") || between("<unused", ">")
}

// bytePairs is a tokenizer of GPT-2's kind.
func (s *source) bytePairs() error {
	s.v.Model, s.v.Pre = "gpt2", s.o.Pre
	if s.v.Pre == "" {
		if s.v.Pre = splitsAs(&s.file); s.v.Pre == "" {
			return fmt.Errorf("no pre-tokenizer of llama.cpp that is known splits as tokenizer.json says: name one that does")
		}
	}
	if err := s.tokens(func(token string) string { return token }); err != nil {
		return err
	}
	var merges []string
	if err := json.Unmarshal(s.file.Model.Merges, &merges); err == nil {
		s.v.Merges = merges
		return nil
	}
	var pairs [][2]string
	if err := json.Unmarshal(s.file.Model.Merges, &pairs); err != nil {
		return fmt.Errorf("tokenizer.json: merges: %w", err)
	}
	for _, p := range pairs {
		s.v.Merges = append(s.v.Merges, strings.ReplaceAll(p[0], " ", "Ġ")+" "+strings.ReplaceAll(p[1], " ", "Ġ"))
	}
	return nil
}

// words is a tokenizer of BERT's kind: what begins a word has a mark in the file, and what goes on has none.
func (s *source) words() error {
	if p := s.file.Model.Prefix; p != "##" {
		return fmt.Errorf("tokenizer.json: words go on with %.100q, and those of a GGUF with \"##\"", p)
	}
	s.v.Model, s.v.Pre = "bert", "jina-v2-en" // what llama.cpp's converter writes for all of BERT's splits; it reads none
	return s.tokens(func(token string) string {
		if rest, ok := strings.CutPrefix(token, "##"); ok {
			return rest
		}
		return chars.SpaceMark + token
	})
}

// pieces is a tokenizer of SentencePiece's byte pairs.
func (s *source) pieces(fsys fs.FS) error {
	data, err := sidefile.Read(fsys, "tokenizer.model", sidefile.MaxVocabulary)
	if err != nil {
		return err
	}
	m, err := sentencepiece.Read(data)
	if err != nil {
		return fmt.Errorf("tokenizer.model: %w", err)
	}
	if m.ModelType != sentencepiece.TypeBPE {
		return fmt.Errorf("tokenizer.model has type %d; byte pairs (%d) are written", m.ModelType, sentencepiece.TypeBPE)
	}
	v := s.v
	v.Model, v.Pre = "llama", "default"
	size := max(s.o.Size, 0)
	if size == 0 {
		size = len(m.Pieces)
	}
	v.Tokens, v.Types, v.Scores = make([]string, size), make([]int32, size), make([]float32, size)
	for i := range v.Tokens {
		v.Tokens[i], v.Types[i], v.Scores[i] = fmt.Sprintf("[PAD%d]", i), sentencepiece.Unused, -10000
	}
	for i, p := range m.Pieces[:min(size, len(m.Pieces))] {
		v.Tokens[i], v.Types[i], v.Scores[i] = p.Text, int32(p.Kind), p.Score
		if p.Kind == sentencepiece.UserDefined {
			v.Types[i] = sentencepiece.Normal
		}
	}
	if raw, ok := s.config["add_prefix_space"]; ok {
		if b, ok := boolean(raw); ok {
			v.Flags["add_space_prefix"] = b
		}
	}
	return s.replaced(fsys)
}

// replaced puts added tokens in the place of pieces.
func (s *source) replaced(fsys fs.FS) error {
	v := s.v
	if sidefile.Exists(fsys, "added_tokens.json") {
		var list map[string]int
		if err := readJSON(fsys, "added_tokens.json", sidefile.MaxConfig, &list); err != nil {
			return err
		}
		for text, id := range list {
			if id >= 0 && id < len(v.Tokens) {
				v.Tokens[id], v.Types[id], v.Scores[id] = text, sentencepiece.UserDefined, -1000
			}
		}
	}
	var decoder map[int]addedJSON
	if raw, ok := s.config["added_tokens_decoder"]; ok {
		if err := json.Unmarshal(raw, &decoder); err != nil {
			return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %w", err)
		}
	}
	set := func(id int, a addedJSON) {
		if id >= 0 && id < len(v.Tokens) {
			v.Tokens[id], v.Types[id] = addedToken(a.Content, a.Special)
			v.Scores[id] = -1000
		}
	}
	for _, id := range slices.Sorted(maps.Keys(decoder)) {
		set(id, decoder[id])
	}
	for _, a := range s.file.Added { // the same tokens, in older folders here alone
		set(a.ID, a)
	}
	return nil
}

func boolean(raw json.RawMessage) (value, ok bool) {
	err := json.Unmarshal(raw, &value)
	return value, err == nil && string(raw) != "null"
}
