package tokenizer

import (
	"encoding/json"
	"fmt"
)

type postConfig struct {
	Type        string                    `json:"type"`
	List        []json.RawMessage         `json:"processors"`
	Single      []templateConfig          `json:"single"`
	Pair        []templateConfig          `json:"pair"`
	Tokens      map[string]templateTokens `json:"special_tokens"`
	CLS         tokenAndID                `json:"cls"`
	SEP         tokenAndID                `json:"sep"`
	TrimOffsets *bool                     `json:"trim_offsets"`
	PrefixSpace *bool                     `json:"add_prefix_space"`
}

type templateConfig struct {
	Special *templateRef `json:"SpecialToken"`
	Text    *templateRef `json:"Sequence"`
}

type templateRef struct {
	ID     string `json:"id"`
	TypeID int    `json:"type_id"`
}

type templateTokens struct {
	IDs []uint32 `json:"ids"`
}

// tokenAndID is written as a list of a token and its id.
type tokenAndID struct{ id uint32 }

func (t *tokenAndID) UnmarshalJSON(data []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("%s is not a token and its id", data)
	}
	return json.Unmarshal(pair[1], &t.id)
}

func (p *postProcessor) parse(data []byte, stages *stageCount, depth int) error {
	if err := stages.enter(depth); err != nil {
		return err
	}
	var c postConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	if c.Type == "Sequence" {
		return sequenceOf(c.List, "processors", func(stage []byte) error { return p.parse(stage, stages, depth+1) })
	}
	if c.Type == "ByteLevel" {
		p.trim = orTrue(c.TrimOffsets)
		p.prefixed = orTrue(c.PrefixSpace)
		return nil
	}
	if p.templated {
		return fmt.Errorf("type %.200q after another that adds tokens is not supported", c.Type)
	}
	p.templated = true
	switch c.Type {
	case "TemplateProcessing":
		return p.parseTemplate(&c)
	case "BertProcessing":
		t := bertTemplates(int(c.CLS.id), int(c.SEP.id))
		p.single, p.pair = t.single, t.pair
		return nil
	case "RobertaProcessing":
		if c.TrimOffsets == nil || c.PrefixSpace == nil { // the reference then reads what is left as BERT's
			t := bertTemplates(int(c.CLS.id), int(c.SEP.id))
			p.single, p.pair = t.single, t.pair
			return nil
		}
		t := robertaTemplates(int(c.CLS.id), int(c.SEP.id))
		p.single, p.pair = t.single, t.pair
		p.trim, p.prefixed = *c.TrimOffsets, *c.PrefixSpace
		return nil
	}
	return fmt.Errorf("type %.200q is not supported", c.Type)
}

func (p *postProcessor) parseTemplate(c *postConfig) error {
	single, err := c.template(c.Single, 1)
	if err != nil {
		return fmt.Errorf("single: %w", err)
	}
	pair, err := c.template(c.Pair, 2)
	if err != nil {
		return fmt.Errorf("pair: %w", err)
	}
	p.single, p.pair = single, pair
	return nil
}

const maxTemplate = 1 << 10 // tokens that a template may add

// template resolves the tokens that a template names; it must use each of its texts once.
func (c *postConfig) template(list []templateConfig, texts int) ([]templateItem, error) {
	var items []templateItem
	var used [3]int
	added := 0
	for _, e := range list {
		switch {
		case e.Text != nil:
			n := map[string]int{"A": 1, "B": 2}[e.Text.ID]
			if n == 0 || n > texts {
				return nil, fmt.Errorf("sequence %.200q is not supported here", e.Text.ID)
			}
			used[n]++
			items = append(items, sequence(n-1, e.Text.TypeID))
		case e.Special != nil:
			s, ok := c.Tokens[e.Special.ID]
			if !ok {
				return nil, fmt.Errorf("token %.200q is not among the special_tokens", e.Special.ID)
			}
			if added += len(s.IDs); added > maxTemplate {
				continue
			}
			var ids []int
			for _, id := range s.IDs {
				ids = append(ids, int(id))
			}
			items = append(items, specials(e.Special.TypeID, ids...))
		default:
			return nil, fmt.Errorf("an item is neither a SpecialToken nor a Sequence")
		}
	}
	if added > maxTemplate {
		return nil, fmt.Errorf("the template adds %d tokens; at most %d are supported", added, maxTemplate)
	}
	for n := 1; n <= texts; n++ {
		if used[n] != 1 {
			return nil, fmt.Errorf("sequence %q stands there %d times; once is supported", "?AB"[n:n+1], used[n])
		}
	}
	return items, nil
}

type decoderConfig struct {
	Type        string            `json:"type"`
	List        []json.RawMessage `json:"decoders"`
	Pattern     patternConfig     `json:"pattern"`
	Content     *string           `json:"content"`
	Start       int               `json:"start"`
	Stop        int               `json:"stop"`
	Prefix      *string           `json:"prefix"`
	Cleanup     *bool             `json:"cleanup"`
	Suffix      *string           `json:"suffix"`
	Replacement string            `json:"replacement"`
	Scheme      *string           `json:"prepend_scheme"`
	PrefixSpace *bool             `json:"add_prefix_space"`
	PadToken    *string           `json:"pad_token"`
	Delimiter   *string           `json:"word_delimiter_token"`
}

// decoderParser makes a chain of decoding steps.
type decoderParser struct {
	alphabet bool // the vocabulary is held as bytes
	chain    decoderChain
	bytes    bool // the chain starts from bytes
	joined   bool // tokens have been made one
	stages   stageCount
}

func (d *decoderParser) add(step func() decodeStep) { d.chain = append(d.chain, step) }

func (d *decoderParser) parse(data []byte, depth int) error {
	if data == nil {
		d.add(func() decodeStep { return new(joinSpaces) })
		return nil
	}
	if err := d.stages.enter(depth); err != nil {
		return err
	}
	var c decoderConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	if c.Type == "Sequence" {
		return sequenceOf(c.List, "decoders", func(stage []byte) error { return d.parse(stage, depth+1) })
	}
	return d.parseOne(&c)
}

func (d *decoderParser) parseOne(c *decoderConfig) error {
	switch c.Type {
	case "ByteLevel":
		if len(d.chain) == 0 && d.alphabet {
			d.bytes = true
		} else {
			d.add(func() decodeStep { return alphabetBytes{} })
		}
		d.add(func() decodeStep { return new(validUTF8) })
		d.joined = true
	case "Fuse":
		d.add(func() decodeStep { return new(fuse) })
		d.joined = true
	case "ByteFallback":
		d.add(func() decodeStep { return new(byteFallback) })
	case "Strip":
		if c.Start < 0 || c.Stop < 0 {
			return fmt.Errorf("strip has start %d and stop %d; neither may be negative", c.Start, c.Stop)
		}
		content := or(c.Content, "")
		if err := oneCharacter("the content of Strip", content); err != nil {
			return err
		}
		d.add(func() decodeStep { return &stripEnds{content: []byte(content), left: c.Start, right: c.Stop} })
	case "Replace":
		return d.parseReplace(c)
	case "Metaspace":
		scheme, err := parseScheme(c.Scheme, c.PrefixSpace)
		if err != nil {
			return err
		}
		mark := c.Replacement
		if mark == "" {
			mark = spaceMark
		}
		if err := oneCharacter("the replacement", mark); err != nil {
			return err
		}
		d.addMap(false, func() tokenMap { return metaspaceText(mark, scheme != prependNever) })
	default:
		return d.parseWords(c)
	}
	return nil
}

// parseWords reads a decoder of tokens that mark the beginnings or ends of words.
func (d *decoderParser) parseWords(c *decoderConfig) error {
	switch c.Type {
	case "WordPiece":
		if c.Prefix == nil || c.Cleanup == nil {
			return fmt.Errorf("type %q lacks prefix or cleanup", c.Type)
		}
		d.addMap(false, func() tokenMap { return wordPieceText(*c.Prefix, *c.Cleanup) })
	case "BPEDecoder":
		if c.Suffix == nil {
			return fmt.Errorf("type %q lacks suffix", c.Type)
		}
		d.addMap(true, func() tokenMap { return suffixText(*c.Suffix) })
	case "CTC":
		if c.PadToken == nil || c.Delimiter == nil || c.Cleanup == nil {
			return fmt.Errorf("type %q lacks pad_token, word_delimiter_token or cleanup", c.Type)
		}
		joined := d.joined
		d.add(func() decodeStep {
			return &mapEach{f: ctcText(*c.PadToken, *c.Delimiter, *c.Cleanup), ahead: joined, drops: true}
		})
	default:
		return fmt.Errorf("type %.200q is not supported", c.Type)
	}
	return nil
}

func or(s *string, unset string) string {
	if s == nil {
		return unset
	}
	return *s
}

func (d *decoderParser) addMap(ahead bool, f func() tokenMap) {
	ahead = ahead || d.joined
	d.add(func() decodeStep { return &mapEach{f: f(), ahead: ahead} })
}

func (d *decoderParser) parseReplace(c *decoderConfig) error {
	p, err := c.Pattern.compile()
	switch {
	case err != nil:
		return err
	case c.Content == nil:
		return fmt.Errorf("type %q lacks content", c.Type)
	case p.re != nil:
		d.addMap(false, func() tokenMap { return p.replaceText(*c.Content) })
	case d.joined:
		d.add(func() decodeStep { return &replaceEach{old: p.old, new: []byte(*c.Content)} })
	default:
		d.add(func() decodeStep { return &replaceToken{old: p.old, new: []byte(*c.Content)} })
	}
	return nil
}
