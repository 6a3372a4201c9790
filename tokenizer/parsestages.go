package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxNesting = 8   // of sequences within sequences
	maxStages  = 256 // of a kind; a text passes through all of them
)

// stageCount counts the stages of a kind, sequences too.
type stageCount int

// enter counts a stage that lies in so many sequences.
func (n *stageCount) enter(depth int) error {
	if *n++; *n > maxStages {
		return fmt.Errorf("more than %d stages are not supported", maxStages)
	}
	if depth > maxNesting {
		return fmt.Errorf("sequences nest deeper than %d", maxNesting)
	}
	return nil
}

// sequenceOf calls parse with each stage of a sequence, which the file lists under key.
func sequenceOf(list []json.RawMessage, key string, parse func(stage []byte) error) error {
	if list == nil {
		return fmt.Errorf("a Sequence lacks %q", key)
	}
	for _, stage := range list {
		if err := parse(stage); err != nil {
			return err
		}
	}
	return nil
}

// oneCharacter checks a value that must be a single character.
func oneCharacter(what, s string) error {
	if utf8.RuneCountInString(s) != 1 {
		return fmt.Errorf("%s %q must be one character", what, s)
	}
	return nil
}

// patternConfig is a string or a regular expression.
type patternConfig struct {
	String *string `json:"String"`
	Regex  *string `json:"Regex"`
}

// UnmarshalJSON also takes a bare string, as old files have.
func (c *patternConfig) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &c.String)
	}
	type plain patternConfig
	return json.Unmarshal(data, (*plain)(c))
}

const maxLiteral = 1 << 10 // bytes of a String

func (c *patternConfig) compile() (*pattern, error) {
	switch {
	case c.String != nil && c.Regex != nil:
		return nil, fmt.Errorf("the pattern is both a String and a Regex")
	case c.String != nil && *c.String == "":
		return compilePattern("") // between all characters
	case c.String != nil && len(*c.String) > maxLiteral:
		return nil, fmt.Errorf("a pattern of %d bytes; at most %d are supported", len(*c.String), maxLiteral)
	case c.String != nil:
		return literalPattern(*c.String), nil
	case c.Regex != nil:
		return compilePattern(*c.Regex)
	}
	return nil, fmt.Errorf("the pattern is neither a String nor a Regex")
}

type normalizerConfig struct {
	Type        string            `json:"type"`
	List        []json.RawMessage `json:"normalizers"`
	Pattern     patternConfig     `json:"pattern"`
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

// normalizerParser reads a normalizer.
type normalizerParser struct{ stages stageCount }

func (r *normalizerParser) parse(data []byte, depth int) (normalizer, error) {
	if data == nil {
		return nil, nil
	}
	if err := r.stages.enter(depth); err != nil {
		return nil, err
	}
	var c normalizerConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	if c.Type != "Sequence" {
		return parseNormalizer(&c)
	}
	var all normalizers
	err := sequenceOf(c.List, "normalizers", func(stage []byte) error {
		n, err := r.parse(stage, depth+1)
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

func parseNormalizer(c *normalizerConfig) (normalizer, error) {
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
		return filter{drop: combining}, nil
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
		n := bertNormalizer{clean: orTrue(c.Clean), chinese: orTrue(c.Chinese), lower: orTrue(c.Lower)}
		if n.accents = n.lower; c.Accents != nil {
			n.accents = *c.Accents
		}
		return n, nil
	case "Precompiled":
		raw, err := base64.StdEncoding.DecodeString(c.Precompiled)
		if err != nil {
			return nil, fmt.Errorf("precompiled_charsmap: %w", err)
		}
		return newCharsMap(raw)
	}
	return nil, fmt.Errorf("type %q is not supported", c.Type)
}

func orTrue(b *bool) bool { return b == nil || *b }

func parseReplace(c *normalizerConfig) (normalizer, error) {
	p, err := c.Pattern.compile()
	switch {
	case err != nil:
		return nil, err
	case c.Content == nil:
		return nil, fmt.Errorf("type %q lacks content", c.Type)
	case p.re == nil:
		return replaceString{p.literal, *c.Content}, nil
	case p.literal == `\s+`:
		return replaceSpaces{*c.Content}, nil
	case p.literal == ` {2,}`:
		return replaceRuns{*c.Content}, nil
	}
	return replaceMatches{p, *c.Content}, nil
}

type preTokenizerConfig struct {
	Type        string            `json:"type"`
	List        []json.RawMessage `json:"pretokenizers"`
	Pattern     patternConfig     `json:"pattern"`
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

// preTokenizerParser reads a pre-tokenizer; byteLevel says that what follows sees GPT-2's byte alphabet.
type preTokenizerParser struct {
	byteLevel bool
	stages    stageCount
}

func (r *preTokenizerParser) parse(data []byte, depth int) (preTokenizer, error) {
	if data == nil {
		return nil, nil
	}
	if err := r.stages.enter(depth); err != nil {
		return nil, err
	}
	var c preTokenizerConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	if c.Type == "Sequence" {
		var all preTokenizers
		err := sequenceOf(c.List, "pretokenizers", func(stage []byte) error {
			p, err := r.parse(stage, depth+1)
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
	if r.byteLevel {
		return r.parseOverBytes(&c)
	}
	return r.parseOne(&c)
}

// parseOverBytes reads a pre-tokenizer that comes after ByteLevel.
func (r *preTokenizerParser) parseOverBytes(c *preTokenizerConfig) (preTokenizer, error) {
	if c.Type == "Metaspace" || c.Type == "ByteLevel" {
		return nil, fmt.Errorf("type %q after ByteLevel is not supported", c.Type)
	}
	p, err := r.parseOne(c)
	if err != nil || p == nil {
		return nil, err
	}
	return newOverBytes(p), nil
}

func (r *preTokenizerParser) parseOne(c *preTokenizerConfig) (preTokenizer, error) {
	switch c.Type {
	case "ByteLevel":
		r.byteLevel = true
		var all preTokenizers
		if orTrue(c.PrefixSpace) {
			all = append(all, prefixSpace{})
		}
		if orTrue(c.UseRegex) {
			all = append(all, scan{next: scanGPT2})
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
			return splitClass{numeric, isolated}, nil
		}
		return splitClass{numeric, contiguous}, nil
	case "Punctuation":
		how, err := parseBehaviour(c.Behavior, isolated)
		return splitClass{punct, how}, err
	case "Whitespace":
		return wordsAndSymbols{}, nil
	case "WhitespaceSplit":
		return splitClass{space, removed}, nil
	case "BertPreTokenizer":
		return bertWords{}, nil
	case "CharDelimiterSplit":
		return splitPattern{pattern: literalPattern(c.Delimiter), how: removed}, oneCharacter("the delimiter", c.Delimiter)
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

func parseMetaspace(c *preTokenizerConfig) (preTokenizer, error) {
	m := metaspace{mark: c.Replacement, cut: orTrue(c.Split)}
	if m.mark == "" {
		m.mark = spaceMark
	}
	if err := oneCharacter("the replacement", m.mark); err != nil {
		return nil, err
	}
	scheme, err := parseScheme(c.Scheme, c.PrefixSpace)
	m.prepend = scheme
	return m, err
}

// parseScheme reads prepend_scheme; files before it have add_prefix_space.
func parseScheme(scheme *string, prefixSpace *bool) (prependScheme, error) {
	if scheme == nil {
		if orTrue(prefixSpace) {
			return prependAlways, nil
		}
		return prependNever, nil
	}
	switch *scheme {
	case "always":
		return prependAlways, nil
	case "first":
		return prependFirst, nil
	case "never":
		return prependNever, nil
	}
	return 0, fmt.Errorf("prepend_scheme %q is not supported; always, first and never are", *scheme)
}

func parseBehaviour(s string, unset behaviour) (behaviour, error) {
	switch s {
	case "":
		return unset, nil
	case "Removed":
		return removed, nil
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
func parseSplit(c *preTokenizerConfig) (preTokenizer, error) {
	how, err := parseBehaviour(c.Behavior, isolated)
	if err != nil {
		return nil, err
	}
	if re := c.Pattern.Regex; re != nil {
		covers := how == isolated || how == removed && c.Invert
		switch {
		case *re == gpt2Pattern && covers:
			return scan{next: scanGPT2}, nil
		case *re == llama3Pattern && covers:
			return scan{next: scanLLaMA3}, nil
		case *re == qwen2Pattern && covers:
			return scan{next: scanQwen2}, nil
		case *re == clipPattern && how == removed && c.Invert:
			return scan{next: scanCLIP, dropSpaces: true}, nil
		}
		const digit = "[0-9]"
		if n := len(*re) / len(digit); n > 0 && how == isolated && !c.Invert && *re == strings.Repeat(digit, n) {
			return digitGroups{n}, nil
		}
	}
	p, err := c.Pattern.compile()
	if err != nil {
		return nil, err
	}
	return splitPattern{p, how, c.Invert}, nil
}
