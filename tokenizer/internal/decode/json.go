package decode

import (
	"encoding/json"
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
)

type decoderConfig struct {
	Type        string            `json:"type"`
	List        []json.RawMessage `json:"decoders"`
	Pattern     regex.Config      `json:"pattern"`
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

// Parser makes a chain of decoding steps.
type Parser struct {
	Alphabet bool // the vocabulary is held as bytes
	Chain    Chain
	Bytes    bool // the chain starts from bytes
	joined   bool // tokens have been made one
	stages   jsonscan.StageCount
}

func (d *Parser) Add(step func() Step) { d.Chain = append(d.Chain, step) }

func (d *Parser) Parse(data []byte, depth int) error {
	if data == nil {
		d.Add(func() Step { return new(joinSpaces) })
		return nil
	}
	if err := d.stages.Enter(depth); err != nil {
		return err
	}
	var c decoderConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	if c.Type == "Sequence" {
		return jsonscan.SequenceOf(c.List, "decoders", func(stage []byte) error { return d.Parse(stage, depth+1) })
	}
	return d.parseOne(&c)
}

func (d *Parser) parseOne(c *decoderConfig) error {
	switch c.Type {
	case "ByteLevel":
		if len(d.Chain) == 0 && d.Alphabet {
			d.Bytes = true
		} else {
			d.Add(func() Step { return alphabetBytes{} })
		}
		d.Add(func() Step { return new(ValidUTF8) })
		d.joined = true
	case "Fuse":
		d.Add(func() Step { return new(Fuse) })
		d.joined = true
	case "ByteFallback":
		d.Add(func() Step { return new(ByteFallback) })
	case "Strip":
		if c.Start < 0 || c.Stop < 0 {
			return fmt.Errorf("strip has start %d and stop %d; neither may be negative", c.Start, c.Stop)
		}
		content := jsonscan.Or(c.Content, "")
		if err := jsonscan.OneCharacter("the content of Strip", content); err != nil {
			return err
		}
		d.Add(func() Step { return &StripEnds{Content: []byte(content), Left: c.Start, right: c.Stop} })
	case "Replace":
		return d.parseReplace(c)
	case "Metaspace":
		scheme, err := pretoken.ParseScheme(c.Scheme, c.PrefixSpace)
		if err != nil {
			return err
		}
		mark := c.Replacement
		if mark == "" {
			mark = chars.SpaceMark
		}
		if err := jsonscan.OneCharacter("the replacement", mark); err != nil {
			return err
		}
		d.addMap(false, func() tokenMap { return MetaspaceText(mark, scheme != pretoken.PrependNever) })
	default:
		return d.parseWords(c)
	}
	return nil
}

// parseWords reads a decoder of tokens that mark the beginnings or ends of words.
func (d *Parser) parseWords(c *decoderConfig) error {
	switch c.Type {
	case "WordPiece":
		if c.Prefix == nil || c.Cleanup == nil {
			return fmt.Errorf("type %q lacks prefix or cleanup", c.Type)
		}
		d.addMap(false, func() tokenMap { return WordPieceText(*c.Prefix, *c.Cleanup) })
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
		d.Add(func() Step {
			return &MapEach{F: ctcText(*c.PadToken, *c.Delimiter, *c.Cleanup), ahead: joined, drops: true}
		})
	default:
		return fmt.Errorf("type %.200q is not supported", c.Type)
	}
	return nil
}

func (d *Parser) addMap(ahead bool, f func() tokenMap) {
	ahead = ahead || d.joined
	d.Add(func() Step { return &MapEach{F: f(), ahead: ahead} })
}

func (d *Parser) parseReplace(c *decoderConfig) error {
	p, err := c.Pattern.Compile()
	switch {
	case err != nil:
		return err
	case c.Content == nil:
		return fmt.Errorf("type %q lacks content", c.Type)
	case p.Old == nil:
		d.addMap(false, func() tokenMap { return replaceText(p, *c.Content) })
	case d.joined:
		d.Add(func() Step { return &ReplaceEach{Old: p.Old, New: []byte(*c.Content)} })
	default:
		d.Add(func() Step { return &ReplaceToken{Old: p.Old, New: []byte(*c.Content)} })
	}
	return nil
}
