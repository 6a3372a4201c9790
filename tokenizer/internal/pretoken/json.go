package pretoken

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
)

type preTokenizerConfig struct {
	Type        string            `json:"type"`
	List        []json.RawMessage `json:"pretokenizers"`
	Pattern     regex.Config      `json:"pattern"`
	Behavior    string            `json:"behavior"`
	Invert      bool              `json:"invert"`
	Individual  bool              `json:"individual_digits"`
	PrefixSpace *bool             `json:"add_prefix_space"`
	UseRegex    *bool             `json:"use_regex"`
	Replacement string            `json:"replacement"`
	Scheme      *string           `json:"prepend_scheme"`
	Split       *bool             `json:"split"`
	Delimiter   string            `json:"delimiter"`
	Length      *int              `json:"length"`
}

// Parser reads a pre-tokenizer; byteLevel says that what follows sees GPT-2's byte alphabet.
type Parser struct {
	ByteLevel bool
	stages    jsonscan.StageCount
}

func (r *Parser) Parse(data []byte, depth int) (PreTokenizer, error) {
	if data == nil {
		return nil, nil
	}
	if err := r.stages.Enter(depth); err != nil {
		return nil, err
	}
	var c preTokenizerConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	if c.Type == "Sequence" {
		var all Sequence
		err := jsonscan.SequenceOf(c.List, "pretokenizers", func(stage []byte) error {
			p, err := r.Parse(stage, depth+1)
			if p != nil {
				all = append(all, p)
			}
			return err
		})
		if err != nil || len(all) == 0 {
			return nil, err
		}
		return all, nil
	}
	if r.ByteLevel {
		return r.parseOverBytes(&c)
	}
	return r.parseOne(&c)
}

// parseOverBytes reads a pre-tokenizer that comes after ByteLevel.
func (r *Parser) parseOverBytes(c *preTokenizerConfig) (PreTokenizer, error) {
	if c.Type == "Metaspace" || c.Type == "ByteLevel" {
		return nil, fmt.Errorf("type %q after ByteLevel is not supported", c.Type)
	}
	p, err := r.parseOne(c)
	if err != nil || p == nil {
		return nil, err
	}
	return newOverBytes(p), nil
}

func (r *Parser) parseOne(c *preTokenizerConfig) (PreTokenizer, error) {
	switch c.Type {
	case "ByteLevel":
		r.ByteLevel = true
		var all Sequence
		if jsonscan.OrTrue(c.PrefixSpace) {
			all = append(all, PrefixSpace{})
		}
		if jsonscan.OrTrue(c.UseRegex) {
			all = append(all, Scan{Next: ScanGPT2})
		}
		if len(all) == 0 {
			return nil, nil
		}
		return all, nil
	case "Metaspace":
		return parseMetaspace(c)
	case "Split":
		return parseSplit(c)
	case "Digits":
		if c.Individual {
			return SplitClass{chars.Numeric, isolated}, nil
		}
		return SplitClass{chars.Numeric, contiguous}, nil
	case "Punctuation":
		how, err := parseBehaviour(c.Behavior, isolated)
		return SplitClass{chars.Punct, how}, err
	case "Whitespace":
		return wordsAndSymbols{}, nil
	case "WhitespaceSplit":
		return SplitClass{chars.Space, Removed}, nil
	case "BertPreTokenizer":
		return BertWords{}, nil
	case "CharDelimiterSplit":
		return splitPattern{pattern: regex.Literal(c.Delimiter), how: Removed}, jsonscan.OneCharacter("the delimiter", c.Delimiter)
	case "FixedLength":
		n := 5
		if c.Length != nil {
			n = *c.Length
		}
		if n < 1 {
			return nil, fmt.Errorf("FixedLength has length %d; it must be at least 1", n)
		}
		return fixedLength{n}, nil
	}
	return nil, fmt.Errorf("type %q is not supported", c.Type)
}

func parseMetaspace(c *preTokenizerConfig) (PreTokenizer, error) {
	m := Metaspace{Mark: c.Replacement, Cut: jsonscan.OrTrue(c.Split)}
	if m.Mark == "" {
		m.Mark = chars.SpaceMark
	}
	if err := jsonscan.OneCharacter("the replacement", m.Mark); err != nil {
		return nil, err
	}
	scheme, err := ParseScheme(c.Scheme, c.PrefixSpace)
	m.Prepend = scheme
	return m, err
}

// ParseScheme reads prepend_scheme; files before it have add_prefix_space.
func ParseScheme(scheme *string, prefixSpace *bool) (PrependScheme, error) {
	if scheme == nil {
		if jsonscan.OrTrue(prefixSpace) {
			return PrependAlways, nil
		}
		return PrependNever, nil
	}
	switch *scheme {
	case "always":
		return PrependAlways, nil
	case "first":
		return PrependFirst, nil
	case "never":
		return PrependNever, nil
	}
	return 0, fmt.Errorf("prepend_scheme %q is not supported; always, first and never are", *scheme)
}

func parseBehaviour(s string, unset behaviour) (behaviour, error) {
	switch s {
	case "":
		return unset, nil
	case "Removed":
		return Removed, nil
	case "Isolated":
		return isolated, nil
	case "MergedWithPrevious":
		return mergedWithPrevious, nil
	case "MergedWithNext":
		return mergedWithNext, nil
	case "Contiguous":
		return contiguous, nil
	}
	return 0, fmt.Errorf("behavior %q is not supported", s)
}

// parseSplit takes a hand-written scanner for the patterns that have one.
func parseSplit(c *preTokenizerConfig) (PreTokenizer, error) {
	how, err := parseBehaviour(c.Behavior, isolated)
	if err != nil {
		return nil, err
	}
	if re := c.Pattern.Regex; re != nil {
		covers := how == isolated || how == Removed && c.Invert
		switch {
		case *re == GPT2Pattern && covers:
			return Scan{Next: ScanGPT2}, nil
		case *re == LLaMA3Pattern && covers:
			return Scan{Next: ScanLLaMA3}, nil
		case *re == Qwen2Pattern && covers:
			return Scan{Next: ScanQwen2}, nil
		case *re == Qwen35Pattern && covers:
			return Scan{Next: scanQwen35}, nil
		case *re == O200KPattern && covers:
			return Scan{Next: ScanO200K}, nil
		case *re == TekkenPattern && covers:
			return Scan{Next: ScanTekken}, nil
		case *re == KimiPattern && covers:
			return Scan{Next: ScanKimi}, nil
		case *re == BloomPattern && how == isolated && !c.Invert:
			return Scan{Next: scanBloom}, nil
		case *re == threesPattern && how == isolated && !c.Invert:
			return Scan{Next: scanThrees}, nil
		case *re == cjkPattern && how == isolated && !c.Invert:
			return Scan{Next: scanCJK}, nil
		case *re == DeepSeekPattern && how == isolated && !c.Invert:
			return Scan{Next: scanDeepSeek}, nil
		case *re == CLIPPattern && how == Removed && c.Invert:
			return Scan{Next: ScanCLIP, DropSpaces: true}, nil
		}
		const digit = "[0-9]"
		if n := len(*re) / len(digit); n > 0 && how == isolated && !c.Invert && *re == strings.Repeat(digit, n) {
			return digitGroups{n}, nil
		}
	}
	p, err := c.Pattern.Compile()
	if err != nil {
		return nil, err
	}
	return splitPattern{p, how, c.Invert}, nil
}
