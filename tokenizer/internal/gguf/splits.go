package gguf

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
)

// stage is a normalizer or pre-tokenizer of a tokenizer.json.
type stage struct {
	Type          string
	Pretokenizers []stage
	Normalizers   []stage
	Pattern       struct{ Regex, String *string }
	Behavior      string
	Invert        bool
	Digits        bool  `json:"individual_digits"`
	Prefix        *bool `json:"add_prefix_space"`
	UseRegex      *bool `json:"use_regex"`
	Lowercase     *bool
	StripAccents  *bool `json:"strip_accents"`
}

// each yields a stage, or those of a sequence.
func (t *stage) each(yield func(*stage) bool) bool {
	if t == nil {
		return true
	}
	if t.Type != "Sequence" {
		return yield(t)
	}
	for _, list := range [][]stage{t.Pretokenizers, t.Normalizers} {
		for i := range list {
			if !list[i].each(yield) {
				return false
			}
		}
	}
	return true
}

// isByteLevel reports whether text becomes bytes in GPT-2's alphabet.
func (t *stage) isByteLevel() bool {
	found := false
	t.each(func(one *stage) bool {
		found = found || one.Type == "ByteLevel"
		return true
	})
	return found
}

// spell writes what a stage does, so that stages that do the same are equal.
func (t *stage) spell() string {
	var all []string
	t.each(func(one *stage) bool {
		pattern := ""
		for _, p := range []*string{one.Pattern.Regex, one.Pattern.String} {
			if p != nil {
				pattern = *p
			}
		}
		yes := func(b *bool) bool { return b == nil || *b }
		s := fmt.Sprintf("%s %q %s %v %v", one.Type, pattern, strings.ToLower(one.Behavior), one.Invert, one.Digits)
		if one.Type == "ByteLevel" {
			s += fmt.Sprintf(" %v %v", yes(one.Prefix), yes(one.UseRegex))
		}
		all = append(all, s)
		return true
	})
	return strings.Join(all, "\n")
}

// written are the names of pre-tokenizers that are looked for, of several that split alike the one that most models have.
var written = [...]string{
	"gpt-2", "llama-bpe", "qwen2", "smollm", "qwen35", "command-r", "tekken", "gpt-4o", "deepseek-v3", "deepseek-llm", "deepseek-coder", "falcon",
	"mpt", "dbrx", "glm4", "stablelm2", "bloom", "viking", "superbpe", "minicpm5", "seed-coder", "exaone-moe", "bailingmoe", "jais-2", "afmoe", "youtu",
	"laguna", "tiny_aya", "chameleon",
}

// splitsAs returns the name of the pre-tokenizer that does what a tokenizer.json says, or "".
func splitsAs(file *tokenizerJSON) string {
	want := [2]string{file.Normalizer.spell(), file.PreTokenizer.spell()}
	for _, name := range written {
		if p, ok := lookUp(name); ok && !p.raw && p.whole == file.Model.IgnoreMerges && spellings(p.stages) == want {
			return name
		}
	}
	return ""
}

func spellings(stages plan.Stages) (s [2]string) {
	for i, text := range []string{stages.Normalizer, stages.PreTokenizer} {
		var t *stage
		if text != "" {
			if err := json.Unmarshal([]byte(text), &t); err != nil {
				return [2]string{text, text} // of the program itself: it has no such texts
			}
		}
		s[i] = t.spell()
	}
	return s
}
