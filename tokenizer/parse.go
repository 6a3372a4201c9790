package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"
)

// parts is a tokenizer in the making.
type parts struct {
	normalizer   normalizer
	preTokenizer preTokenizer
	byteLevel    bool
	model        model
	vocab        *vocab
	foreign      map[int]string    // tokens that no text in GPT-2's alphabet can give
	foreignIDs   map[string]uint32 // and their ids
	added        []AddedToken
	post         postProcessor
	decoder      decoderChain
	decodesBytes bool
	kind         string // the model's type
	exactScores  bool   // the scores of tokenizer.json are read exactly
}

// build finishes a tokenizer.
func (p *parts) build() (*Tokenizer, error) {
	slices.SortStableFunc(p.added, func(a, b AddedToken) int { return a.ID - b.ID })
	added, err := newAddedTokens(p.added, p.normalizer)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{
		normalizer: p.normalizer, preTokenizer: p.preTokenizer, model: p.model, vocab: p.vocab, byteLevel: p.byteLevel,
		rawBytes: p.byteLevel && p.normalizer == nil, foreign: p.foreign, added: added, addedIDs: map[string]int{},
		post: p.post, decoder: p.decoder, decodesBytes: p.decodesBytes, special: noSpecial(),
		pool: new(sync.Pool),
	}
	if u, ok := p.model.(*unigram); ok {
		t.guard = newGuard(u.vocab, p.added)
	}
	for id, s := range p.foreign {
		t.addedIDs[s] = id
	}
	for _, a := range p.added {
		t.addedIDs[a.Content] = a.ID
		raw := []byte(a.Content)
		if p.decodesBytes {
			if b, ok := appendFromAlphabet(nil, raw); ok {
				raw = b
			}
		}
		t.addedBytes = append(t.addedBytes, raw)
	}
	return t, nil
}

// newVocabulary fills the vocabulary from entries, as bytes where the model is byte-level.
func (p *parts) newVocabulary(entries []entry) error {
	for _, e := range entries {
		if !utf8.Valid(e.token) {
			return fmt.Errorf("token %.200q with id %d is not UTF-8", e.token, e.id)
		}
	}
	if p.byteLevel {
		p.foreign, p.foreignIDs = map[int]string{}, map[string]uint32{}
		for i := range entries {
			e := &entries[i]
			raw, ok := appendFromAlphabet(make([]byte, 0, len(e.token)), e.token)
			if !ok {
				token := string(e.token)
				p.foreign[int(e.id)], p.foreignIDs[token] = token, e.id
				raw = nil
			}
			e.token = raw
		}
	}
	v, err := newVocab(entries)
	p.vocab = v
	return err
}

// find returns the id of a token as the file writes it.
func (p *parts) find(token []byte) (uint32, bool) {
	if p.byteLevel {
		var buf [64]byte
		raw, ok := appendFromAlphabet(buf[:0], token)
		if !ok {
			id, ok := p.foreignIDs[string(token)]
			return id, ok
		}
		return p.vocab.find(raw)
	}
	return p.vocab.find(token)
}

// tokenizerFile is tokenizer.json with its parts unread.
type tokenizerFile struct {
	added, normalizer, preTokenizer, model, post, decoder []byte
}

func (f *tokenizerFile) read(data []byte) error {
	r := jsonReader{data: data}
	err := r.object(func(key []byte) error {
		field := f.field(string(key))
		value, err := r.skip()
		if field != nil && string(value) != "null" {
			*field = value
		}
		return err
	})
	if err == nil {
		err = r.done()
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
	}
	return nil // version, truncation and padding play no part in encoding
}

// ParseJSON reads a tokenizer.json, the format of Hugging Face tokenizers. Its truncation and padding are not applied.
// The file does not say which tokens play what part, so Special has none; Open takes that from tokenizer_config.json. An
// error names the part that is wrong or not supported.
func ParseJSON(data []byte) (*Tokenizer, error) {
	p, err := parseJSON(data, false)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
	}
	t, err := p.build()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tokenizer.json: %w", err)
	}
	return t, nil
}

func parseJSON(data []byte, exactScores bool) (*parts, error) {
	var f tokenizerFile
	if err := f.read(data); err != nil {
		return nil, err
	}
	p := &parts{exactScores: exactScores}
	err := checkPatterns(f.normalizer, f.preTokenizer, f.decoder)
	if err != nil {
		return nil, err
	}
	if p.normalizer, err = new(normalizerParser).parse(f.normalizer, 0); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	pre := preTokenizerParser{}
	if p.preTokenizer, err = pre.parse(f.preTokenizer, 0); err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	p.byteLevel = pre.byteLevel
	if err = p.parseModel(f.model); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if err = p.parseAdded(f.added); err != nil {
		return nil, fmt.Errorf("added_tokens: %w", err)
	}
	p.post = plainTemplates()
	if f.post != nil {
		if err = p.post.parse(f.post, new(stageCount), 0); err != nil {
			return nil, fmt.Errorf("post_processor: %w", err)
		}
		p.post.configured = true
	}
	d := decoderParser{alphabet: p.byteLevel}
	if err = d.parse(f.decoder, 0); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	p.decoder, p.decodesBytes = d.chain, d.bytes
	return p, nil
}

// addedTokenConfig is an added token as the files write it.
type addedTokenConfig struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized *bool  `json:"normalized"`
	Special    bool   `json:"special"`
}

func (c *addedTokenConfig) token() AddedToken {
	a := AddedToken{ID: c.ID, Content: c.Content, Special: c.Special, SingleWord: c.SingleWord, LStrip: c.LStrip, RStrip: c.RStrip}
	if a.Normalized = !c.Special; c.Normalized != nil {
		a.Normalized = *c.Normalized
	}
	return a
}

func (p *parts) parseAdded(data []byte) error {
	if data == nil {
		return nil
	}
	var list []struct {
		addedTokenConfig
		ID      *int    `json:"id"`
		Content *string `json:"content"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	seen := make(map[string]bool, len(list))
	for i := range list {
		c := &list[i]
		if c.ID == nil || c.Content == nil {
			return fmt.Errorf("token %d of the list has no id or no content", i)
		}
		c.addedTokenConfig.ID, c.addedTokenConfig.Content = *c.ID, *c.Content
		a := c.token()
		if id, ok := p.find([]byte(a.Content)); ok {
			a.ID = int(id)
		}
		if a.ID < 0 || a.ID >= maxVocab {
			return fmt.Errorf("token %.200q has id %d; ids must be at least 0 and below %d", a.Content, a.ID, maxVocab)
		}
		if seen[a.Content] {
			continue
		}
		seen[a.Content] = true
		p.added = append(p.added, a)
	}
	return nil
}
