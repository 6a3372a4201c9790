package normalize

import (
	"encoding/json"
	"fmt"

	"golang.org/x/text/unicode/norm"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
)

type normalizerConfig struct {
	Type        string            `json:"type"`
	List        []json.RawMessage `json:"normalizers"`
	Pattern     regex.Config      `json:"pattern"`
	Content     *string           `json:"content"`
	Prepend     *string           `json:"prepend"`
	Left        *bool             `json:"strip_left"`
	Right       *bool             `json:"strip_right"`
	Clean       *bool             `json:"clean_text"`
	Chinese     *bool             `json:"handle_chinese_chars"`
	Accents     *bool             `json:"strip_accents"`
	Lower       *bool             `json:"lowercase"`
	Precompiled string            `json:"precompiled_charsmap"`
}

// Parser reads a normalizer.
type Parser struct {
	Class  bool      // the stages are a class's: a Precompiled without a map is Own
	Own    *CharsMap // nil: none
	stages jsonscan.StageCount
}

func (r *Parser) Parse(data []byte, depth int) (Normalizer, error) {
	if data == nil {
		return nil, nil
	}
	if err := r.stages.Enter(depth); err != nil {
		return nil, err
	}
	var c normalizerConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	if c.Type != "Sequence" {
		return r.parseOne(&c)
	}
	var all Sequence
	err := jsonscan.SequenceOf(c.List, "normalizers", func(stage []byte) error {
		n, err := r.Parse(stage, depth+1)
		if n != nil {
			all = append(all, n)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all, nil
}

func (r *Parser) parseOne(c *normalizerConfig) (Normalizer, error) {
	switch c.Type {
	case "NFC":
		return unicodeForm{norm.NFC}, nil
	case "NFD":
		return unicodeForm{norm.NFD}, nil
	case "NFKC":
		return unicodeForm{norm.NFKC}, nil
	case "NFKD":
		return unicodeForm{norm.NFKD}, nil
	case "Lowercase":
		return lowercase{}, nil
	case "Strip":
		if c.Left == nil || c.Right == nil {
			return nil, fmt.Errorf("type %q lacks strip_left or strip_right", c.Type)
		}
		return strip{left: *c.Left, right: *c.Right}, nil
	case "StripAccents":
		return filter{drop: chars.Combining}, nil
	case "Prepend":
		if c.Prepend == nil {
			return nil, fmt.Errorf("type %q lacks prepend", c.Type)
		}
		return prepend{*c.Prepend}, nil
	case "Nmt":
		return nmt{}, nil
	case "Replace":
		return parseReplace(c)
	case "BertNormalizer":
		n := BertNormalizer{Clean: jsonscan.OrTrue(c.Clean), Chinese: jsonscan.OrTrue(c.Chinese), Lower: jsonscan.OrTrue(c.Lower)}
		if n.Accents = n.Lower; c.Accents != nil {
			n.Accents = *c.Accents
		}
		return n, nil
	case "Precompiled":
		if r.Class && r.Own == nil {
			return nil, nil
		}
		if r.Class {
			return r.Own, nil
		}
		return DecodeCharsMap(c.Precompiled)
	}
	return nil, fmt.Errorf("type %q is not supported", c.Type)
}

func parseReplace(c *normalizerConfig) (Normalizer, error) {
	p, err := c.Pattern.Compile()
	switch {
	case err != nil:
		return nil, err
	case c.Content == nil:
		return nil, fmt.Errorf("type %q lacks content", c.Type)
	case p.Old != nil:
		return ReplaceString{p.Literal, *c.Content}, nil
	case p.Literal == `\s+`:
		return replaceSpaces{*c.Content}, nil
	case p.Literal == ` {2,}`:
		return ReplaceRuns{*c.Content}, nil
	}
	return replaceMatches{p, *c.Content}, nil
}
