package gguf

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
)

// preTokenizer is what the name of a pre-tokenizer stands for: the stages of the model that the name is from. The metadata
// have none of them.
type preTokenizer struct {
	stages plan.Stages
	whole  bool // a word that is in the vocabulary is one token, whatever the merges say
	bos    bool // texts begin with BOS where the file does not say
	sep    bool // two texts have one more token between them where the file does not say
	raw    bool // the vocabulary is text, with marks for spaces, not bytes in GPT-2's alphabet
	listed bool // the vocabulary is a list by rank: without merges, any two tokens that make up a third merge
	lstrip bool // the mask takes the white space before it
}

const (
	gpt2Words = `{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}`
	toBytes   = `{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}`
	digits    = `{"type":"Digits","individual_digits":true}`
	nfc       = `{"type":"NFC"}`
)

// split is the stage that makes each match of a pattern a word.
func split(pattern string) string {
	data, _ := json.Marshal(pattern) // a string has no other error
	return fmt.Sprintf(`{"type":"Split","pattern":{"Regex":%s},"behavior":"Isolated","invert":false}`, data)
}

func sequence(stages ...string) plan.Stages {
	return plan.Stages{Decoder: `{"type":"ByteLevel"}`, PreTokenizer: `{"type":"Sequence","pretokenizers":[` + strings.Join(stages, ",") + `]}`}
}

// patterns splits by one pattern after the other.
func patterns(list ...string) plan.Stages {
	var stages []string
	for _, p := range list {
		stages = append(stages, split(p))
	}
	return sequence(append(stages, toBytes)...)
}

// composed puts Unicode's form C before the stages.
func composed(s plan.Stages) plan.Stages {
	s.Normalizer = nfc
	return s
}

// lookUp returns the pre-tokenizer of a name; ok is false where it is not known.
func lookUp(name string) (p preTokenizer, ok bool) {
	for _, family := range []func(string) preTokenizer{gpt2Family, llama3Family, deepSeekFamily, caseFamily, otherFamily} {
		if p := family(name); p.raw || p.stages.PreTokenizer != "" {
			return p, true
		}
	}
	return p, false
}

// gpt2Family are the splits of GPT-2, alone or after single digits.
func gpt2Family(name string) (p preTokenizer) {
	switch name {
	case "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum", "exaone4", "jais", "trillion",
		"granite-docling":
		p.stages = sequence(gpt2Words)
		p.lstrip = strings.HasPrefix(name, "jina-v2")
	case "jina-v1-en", "jina-v2-code", "roberta-bpe":
		p.stages = sequence(gpt2Words)
		p.sep, p.lstrip = true, true
	case "mpt", "olmo": // GPT-NeoX
		p.stages = composed(sequence(gpt2Words))
	case "modern-bert":
		p.stages = composed(sequence(gpt2Words))
		p.lstrip = true
	case "starcoder", "refact", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2":
		p.stages = sequence(digits, gpt2Words)
	case "command-r":
		p.stages = composed(sequence(digits, gpt2Words))
	case "falcon":
		p.stages = sequence(`{"type":"Punctuation","behavior":"Contiguous"}`, gpt2Words, `{"type":"Digits","individual_digits":false}`, split(`[0-9][0-9][0-9]`))
	case "chameleon":
		p.stages = sequence(split(`<sentinel:[0-9]+>`), split(`(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z`), split(`([\t\n]|    |  )`), digits,
			`{"type":"Punctuation","behavior":"Isolated"}`, gpt2Words)
		p.bos = true
	case "default": // what llama.cpp does with files that name none
		p.stages = patterns(`[\p{P}\$\+<=>\^~\|]+`, pretoken.GPT2Pattern, `\p{N}+`, `[0-9][0-9][0-9]`)
	}
	return p
}

// The splits of LLaMA 3 and Qwen, and their relatives.
const (
	folded = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	tail   = `\s*[\r\n]+|\s+(?!\S)|\s+`

	exaoneMoEPattern = folded + `|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+`
	bailingPattern   = `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`
	seedPattern      = folded + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}` + "\r\n" + `]+|\s*` + "[\r\n]" + `+|\s+(?!\S)|\s+`
	turkishPattern   = `[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|` + tail
	miniCPMPattern   = folded + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|` + tail
	jais2Pattern     = folded + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|` +
		`\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}`
)

func llama3Family(name string) (p preTokenizer) {
	switch name {
	case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano":
		p = preTokenizer{stages: patterns(pretoken.LLaMA3Pattern), whole: true, bos: true}
	case "dbrx", "smaug-bpe", "chatglm-bpe":
		p.stages = patterns(pretoken.LLaMA3Pattern)
	case "glm4", "glm5":
		p = preTokenizer{stages: patterns(pretoken.LLaMA3Pattern), whole: true}
	case "jais-2":
		p.stages = patterns(jais2Pattern)
	case "qwen2", "deepseek-r1-qwen", "f2llmv2":
		p.stages = composed(patterns(pretoken.Qwen2Pattern))
	case "kormo", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2":
		p.stages = patterns(pretoken.Qwen2Pattern)
	case "qwen35":
		p.stages = composed(patterns(pretoken.Qwen35Pattern))
	case "laguna":
		p.stages = patterns(`[^\n]+|[\n]+`, pretoken.Qwen2Pattern)
	case "exaone-moe":
		p.stages = patterns(exaoneMoEPattern)
	case "bailingmoe", "bailingmoe2", "llada-moe":
		p.stages = patterns(bailingPattern)
	case "seed-coder":
		p.stages = patterns(seedPattern)
	case "ufakzeka":
		p.stages = patterns(turkishPattern)
	case "minicpm5":
		p = preTokenizer{stages: patterns(`\p{N}{1,3}`, miniCPMPattern), whole: true}
	}
	return p
}

const (
	threes      = `\p{N}{1,3}`
	kanji       = `[一-龥぀-ゟ゠-ヿ]+`
	hanAndMore  = `[一-龥ࠀ-一가-퟿]+`
	casedLetter = "[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d" +
		"\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-" +
		"\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-" +
		"\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-" +
		"\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139" +
		"\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-" +
		"\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-" +
		"\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943]"

	// fromRight groups digits in threes from the right.
	fromRight = `\p{N}{1,2}(?=(?:\p{N}{3})*(?!\p{N}))|\p{N}{3}`
	asian     = "[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e40-\u0e7f\u0e80-\u0eff\u1780-" +
		"\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff]+"
	spark = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+|[\r\n]|\\s+(?!\\S)|\\s+"
)

// deepSeekFamily are splits in several steps.
func deepSeekFamily(name string) (p preTokenizer) {
	switch name {
	case "deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4":
		p.stages = patterns(threes, kanji, pretoken.DeepSeekPattern)
	case "deepseek-llm":
		p.stages = patterns("[\r\n]", `\s?`+casedLetter+`+`, `\s?[!-/:-~！-／：-～‘-‟　-。]+`, `\s+$`, hanAndMore, `\p{N}+`)
	case "deepseek-coder":
		p.stages = patterns("[\r\n]", `\s?\p{L}+`, `\s?\p{P}+`, hanAndMore, `\p{N}`)
	case "spark2_5":
		p.stages = patterns(threes, kanji, spark, `\p{N}`)
	case "afmoe":
		p.stages = patterns(fromRight, asian, pretoken.DeepSeekPattern)
	}
	return p
}

// The splits that look at upper and lower case.
const (
	upperWord = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
	lowerWord = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`

	youtuScripts = `[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+`
	youtuPattern = upperWord + folded + `?|` + lowerWord + folded + `?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|` + tail
)

func caseFamily(name string) (p preTokenizer) {
	switch name {
	case "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2":
		p.stages = patterns(pretoken.O200KPattern)
	case "granite-embed-multi-97m":
		p = preTokenizer{stages: patterns(pretoken.O200KPattern), whole: true}
	case "tekken":
		p = preTokenizer{stages: patterns(pretoken.TekkenPattern), whole: true, bos: true}
	case "kimi-k2":
		p = preTokenizer{stages: patterns(pretoken.KimiPattern), listed: true}
	case "tiny_aya", "cohere2moe":
		p.stages = patterns(`\d{1,3}(?=(?:\d{3})*\b)`, pretoken.O200KPattern)
	case "youtu":
		p = preTokenizer{stages: patterns(youtuScripts, youtuPattern), whole: true}
	}
	return p
}

// otherFamily are BLOOM's split, SuperBPE's, and the vocabularies that are text.
func otherFamily(name string) (p preTokenizer) {
	switch name {
	case "bloom", "poro-chat", "gpt3-finnish":
		p.stages = patterns(pretoken.BloomPattern)
	case "viking":
		p.stages = sequence(split(pretoken.BloomPattern), digits, toBytes)
	case "superbpe":
		p.stages = patterns(`\p{N}+`, `(?=(\d{3})+(?!\d))`)
	case "gemma4", "granite-embed-multi-311m", "sarvam-moe":
		p.raw = true
	}
	return p
}
