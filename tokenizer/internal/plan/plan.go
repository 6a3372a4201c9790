// Package plan holds a tokenizer under construction: its stages, vocabulary and tokens. It reads tokenizer.json.
package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/added"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/languages"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
	"github.com/seed2010d43f/transformer/tokenizer/internal/normalize"
	"github.com/seed2010d43f/transformer/tokenizer/internal/post"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
)

// Plan is a tokenizer under construction.
type Plan struct {
	Normalizer   normalize.Normalizer
	PreTokenizer pretoken.PreTokenizer
	ByteLevel    bool
	Model        models.Model
	Vocab        *models.Vocab
	Foreign      map[int]string    // tokens that no text in GPT-2's alphabet can give
	foreignIDs   map[string]uint32 // and their ids
	Added        []added.Token
	Post         post.Processor
	Decoder      decode.Chain
	DecodesBytes bool
	Kind         string // the model's type
	exactScores  bool   // the scores of tokenizer.json are read exactly

	CutLeft      bool // texts that are too long are cut at their beginning
	PadLeft      bool // texts of a batch are padded at their beginning
	NoTypes      bool // the model reads no segments
	SplitSpecial bool // special tokens in a text are text
	FromPieces   bool // from a SentencePiece model

	Special   Special
	AddedIDs  map[string]int       // ids of added and foreign tokens, once settled
	Languages *languages.Languages // nil: none
	Prefixed  bool                 // a text may begin with the code of a language, >>fra<<

	Target      *Plan // of the texts that the model writes; nil: the same
	SharesAdded bool  // of a target: its added and special tokens are those of the source
	ReadsTarget bool  // ids are decoded by the target
}

// New returns a plan without any stage or token.
func New() *Plan { return &Plan{Post: post.Plain(), Special: noSpecial()} }

// Settle ends the making of the list of added tokens.
func (p *Plan) Settle() {
	slices.SortStableFunc(p.Added, func(a, b added.Token) int { return a.ID - b.ID })
	p.AddedIDs = make(map[string]int, len(p.Added)+len(p.Foreign))
	for id, s := range p.Foreign {
		p.AddedIDs[s] = id
	}
	for _, a := range p.Added {
		p.AddedIDs[a.Content] = a.ID
	}
}

// TokenID returns the id of a token as the file writes it, once settled.
func (p *Plan) TokenID(token string) (int, bool) {
	if id, ok := p.AddedIDs[token]; ok {
		return id, true
	}
	id, ok := p.Find([]byte(token))
	return int(id), ok
}

// Special holds the ids of the tokens that play a part of their own; −1 where the tokenizer has none.
type Special struct {
	BOS, EOS, PAD, UNK, SEP, CLS, Mask int
}

// noSpecial is a special without any token.
func noSpecial() Special { return Special{-1, -1, -1, -1, -1, -1, -1} }

// NewVocabulary fills the vocabulary from entries, as bytes where the model is byte-level.
func (p *Plan) NewVocabulary(entries []models.Entry) error {
	for _, e := range entries {
		if !utf8.Valid(e.Token) {
			return fmt.Errorf("token %.200q with id %d is not UTF-8", e.Token, e.Id)
		}
	}
	if p.ByteLevel {
		p.Foreign, p.foreignIDs = map[int]string{}, map[string]uint32{}
		for i := range entries {
			e := &entries[i]
			raw, ok := chars.AppendFromAlphabet(make([]byte, 0, len(e.Token)), e.Token)
			if !ok {
				token := string(e.Token)
				p.Foreign[int(e.Id)], p.foreignIDs[token] = token, e.Id
				raw = nil
			}
			e.Token = raw
		}
	}
	v, err := models.NewVocab(entries)
	p.Vocab = v
	return err
}

// NewPieces fills the vocabulary of a model that is not byte-level from texts with the ids from 0 on.
func (p *Plan) NewPieces(n int, text func(id int) string) (err error) {
	for id := range n {
		if !utf8.ValidString(text(id)) {
			return fmt.Errorf("token %.200q with id %d is not UTF-8", text(id), id)
		}
	}
	p.Vocab, err = models.NewPieces(n, text)
	return err
}

// Find returns the id of a token as the file writes it.
func (p *Plan) Find(token []byte) (uint32, bool) {
	if p.ByteLevel {
		var buf [64]byte
		raw, ok := chars.AppendFromAlphabet(buf[:0], token)
		if !ok {
			id, ok := p.foreignIDs[string(token)]
			return id, ok
		}
		return p.Vocab.Find(raw)
	}
	return p.Vocab.Find(token)
}

// tokenizerFile is tokenizer.json with its parts unread.
type tokenizerFile struct {
	added, normalizer, preTokenizer, model, post, decoder, truncation, padding []byte
}

func (f *tokenizerFile) read(data []byte) error {
	r := jsonscan.Reader{Data: data}
	err := r.Object(func(key []byte) error {
		field := f.field(string(key))
		value, err := r.Skip()
		if field != nil && string(value) != "null" {
			*field = value
		}
		return err
	})
	if err == nil {
		err = r.Done()
	}
	if err == nil && f.model == nil {
		err = fmt.Errorf("there is no \"model\"")
	}
	return err
}

func (f *tokenizerFile) field(key string) *[]byte {
	switch key {
	case "added_tokens":
		return &f.added
	case "normalizer":
		return &f.normalizer
	case "pre_tokenizer":
		return &f.preTokenizer
	case "model":
		return &f.model
	case "post_processor":
		return &f.post
	case "decoder":
		return &f.decoder
	case "truncation":
		return &f.truncation
	case "padding":
		return &f.padding
	}
	return nil // its version
}

// Stages are stages as tokenizer.json writes them; an empty one is none. A Precompiled normalizer without a map is that of
// the file, and none where the file has none.
type Stages struct{ Normalizer, PreTokenizer, Decoder string }

// A Class says which stages take the place of the file's, given the type of the model and whether the file has a precompiled
// map, nil if the file's stand; and whether it reads scores exactly.
type Class func(kind string, mapped bool) (own *Stages, exact bool)

// Parse reads a tokenizer.json. class may be nil.
func Parse(data []byte, class Class) (*Plan, error) {
	var f tokenizerFile
	if err := f.read(data); err != nil {
		return nil, err
	}
	p := New()
	var own *Stages
	var model modelConfig
	if err := model.read(f.model); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	m, err := f.charsMap(class)
	if err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	if class != nil {
		own, p.exactScores = class(model.Type, m != nil)
	}
	if own != nil {
		err = p.SetStages(own, m)
	} else {
		err = p.parseStages(&f, &normalize.Parser{})
	}
	if err == nil {
		err = p.parseRest(&f, &model)
	}
	return p, err
}

// SetStages takes the stages of a class. It comes before the vocabulary.
func (p *Plan) SetStages(s *Stages, m *normalize.CharsMap) error {
	raw := func(s string) []byte {
		if s == "" {
			return nil
		}
		return []byte(s)
	}
	return p.parseStages(&tokenizerFile{normalizer: raw(s.Normalizer), preTokenizer: raw(s.PreTokenizer), decoder: raw(s.Decoder)}, &normalize.Parser{Class: true, Own: m})
}

// charsMap returns the first precompiled map of the file's normalizer.
func (f *tokenizerFile) charsMap(class Class) (*normalize.CharsMap, error) {
	if f.normalizer == nil || class == nil {
		return nil, nil
	}
	type stage struct {
		Type string `json:"type"`
		Map  string `json:"precompiled_charsmap"`
	}
	var c struct {
		stage
		List []stage `json:"normalizers"`
	}
	if err := json.Unmarshal(f.normalizer, &c); err != nil {
		return nil, err
	}
	for _, s := range append(c.List, c.stage) {
		if s.Type == "Precompiled" {
			return normalize.DecodeCharsMap(s.Map)
		}
	}
	return nil, nil
}

// parseStages reads the stages but for the post-processor.
func (p *Plan) parseStages(f *tokenizerFile, n *normalize.Parser) error {
	err := regex.Check(f.normalizer, f.preTokenizer, f.decoder)
	if err != nil {
		return err
	}
	if p.Normalizer, err = n.Parse(f.normalizer, 0); err != nil {
		return fmt.Errorf("normalizer: %w", err)
	}
	pre := pretoken.Parser{}
	if p.PreTokenizer, err = pre.Parse(f.preTokenizer, 0); err != nil {
		return fmt.Errorf("pre_tokenizer: %w", err)
	}
	p.ByteLevel = pre.ByteLevel
	d := decode.Parser{Alphabet: p.ByteLevel}
	if err = d.Parse(f.decoder, 0); err != nil {
		return fmt.Errorf("decoder: %w", err)
	}
	p.Decoder, p.DecodesBytes = d.Chain, d.Bytes
	return nil
}

// parseRest reads the model, the added tokens and the post-processor.
func (p *Plan) parseRest(f *tokenizerFile, model *modelConfig) error {
	if err := p.parseModel(model); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if err := p.parseAdded(f.added); err != nil {
		return fmt.Errorf("added_tokens: %w", err)
	}
	if f.post != nil {
		if err := p.Post.Parse(f.post, new(jsonscan.StageCount), 0); err != nil {
			return fmt.Errorf("post_processor: %w", err)
		}
		p.Post.Configured = true
	}
	p.CutLeft, p.PadLeft = left(f.truncation), left(f.padding)
	return nil
}

// left reports whether truncation or padding is on the left; what else there is of them plays no part.
func left(data []byte) bool {
	var c struct {
		Direction string `json:"direction"`
	}
	return data != nil && json.Unmarshal(data, &c) == nil && c.Direction == "Left"
}

// AddedTokenConfig is an added token as the files write it.
type AddedTokenConfig struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized *bool  `json:"normalized"`
	Special    bool   `json:"special"`
}

func (c *AddedTokenConfig) Token() added.Token {
	a := added.Token{ID: c.ID, Content: c.Content, Special: c.Special, SingleWord: c.SingleWord, LStrip: c.LStrip, RStrip: c.RStrip}
	if a.Normalized = !c.Special; c.Normalized != nil {
		a.Normalized = *c.Normalized
	}
	return a
}

// NextID returns the id that an added token gets which the vocabulary lacks, where top is the largest of the added tokens
// before it, or −1. What a file says of its id does not count, as in the reference.
func (p *Plan) NextID(top int) int { return max(top+1, p.Vocab.Count) }

func (p *Plan) parseAdded(data []byte) error {
	if data == nil {
		return nil
	}
	var list []struct {
		AddedTokenConfig
		ID      *int    `json:"id"`
		Content *string `json:"content"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	seen := make(map[string]bool, len(list))
	top := -1 // of the ids so far
	for i := range list {
		c := &list[i]
		if c.ID == nil || c.Content == nil {
			return fmt.Errorf("token %d of the list has no id or no content", i)
		}
		c.AddedTokenConfig.ID, c.AddedTokenConfig.Content = *c.ID, *c.Content
		a := c.Token()
		if id, ok := p.Find([]byte(a.Content)); ok {
			a.ID = int(id)
		}
		if a.ID < 0 || a.ID >= jsonscan.MaxID {
			return fmt.Errorf("token %.200q has id %d; ids must be at least 0 and below %d", a.Content, a.ID, jsonscan.MaxID)
		}
		if seen[a.Content] {
			continue
		}
		seen[a.Content] = true
		if _, ok := p.Find([]byte(a.Content)); !ok {
			a.ID = p.NextID(top)
		}
		top = max(top, a.ID)
		p.Added = append(p.Added, a)
	}
	return nil
}
