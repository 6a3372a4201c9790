package hf

import (
	"encoding/json"
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/pretoken"
)

// The stages of classes, as tokenizer.json writes them. A Precompiled normalizer is that of the vocabulary file.

const (
	squeezed  = `{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}`
	mapped    = `{"type":"Precompiled"}`
	quoted    = `{"type":"Replace","pattern":{"String":"` + "``" + `"},"content":"\""},{"type":"Replace","pattern":{"String":"''"},"content":"\""}`
	byteLevel = `{"type":"ByteLevel"}`
	bertWords = `{"type":"BertPreTokenizer"}`
	marksGone = `{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}`
)

// jsonString writes a string as JSON does.
func jsonString(s string) string {
	data, _ := json.Marshal(s) // a string has no other error
	return string(data)
}

func normalizers(list string) string { return `{"type":"Sequence","normalizers":[` + list + `]}` }

func preTokenizers(list string) string { return `{"type":"Sequence","pretokenizers":[` + list + `]}` }

func decoders(list string) string { return `{"type":"Sequence","decoders":[` + list + `]}` }

// metaspace is the stage of that name, as pre-tokenizer or decoder.
func metaspace(scheme string, split bool) string {
	return fmt.Sprintf(`{"type":"Metaspace","replacement":"▁","prepend_scheme":%q,"split":%v}`, scheme, split)
}

// scheme is "always" where the class puts a space before a text, else without.
func (c *config) scheme(without string) string {
	if c.prefixSpace() {
		return "always"
	}
	return without
}

// prefixSpace is add_prefix_space, or the class's default for it.
func (c *config) prefixSpace() bool {
	if c.PrefixSpace != nil {
		return *c.PrefixSpace
	}
	return c.class.prefixSpace
}

func bertStages(c *config) plan.Stages {
	lower := jsonscan.OrTrue(c.Lower)
	accents := lower
	if c.Accents != nil {
		accents = *c.Accents
	}
	return plan.Stages{
		Normalizer: fmt.Sprintf(`{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":%v,"strip_accents":%v,"lowercase":%v}`,
			jsonscan.OrTrue(c.Chinese), accents, lower),
		PreTokenizer: bertWords,
		Decoder:      `{"type":"WordPiece","prefix":"##","cleanup":true}`,
	}
}

// bytes is the pre-tokenizer ByteLevel.
func (c *config) bytes(split bool) string {
	return fmt.Sprintf(`{"type":"ByteLevel","add_prefix_space":%v,"use_regex":%v}`, c.prefixSpace(), split)
}

func byteStages(c *config) plan.Stages {
	return plan.Stages{PreTokenizer: c.bytes(true), Decoder: byteLevel}
}

func neoxStages(c *config) plan.Stages {
	return plan.Stages{Normalizer: `{"type":"NFC"}`, PreTokenizer: c.bytes(true), Decoder: byteLevel}
}

func cohereStages(c *config) plan.Stages {
	return plan.Stages{Normalizer: `{"type":"NFC"}`, Decoder: byteLevel,
		PreTokenizer: preTokenizers(`{"type":"Digits","individual_digits":true},` + c.bytes(true))}
}

// splitStages splits bytes by a pattern.
func (c *config) splitStages(pattern string) plan.Stages {
	return plan.Stages{Normalizer: `{"type":"NFC"}`, Decoder: byteLevel,
		PreTokenizer: preTokenizers(fmt.Sprintf(`{"type":"Split","pattern":{"Regex":%s},"behavior":"Isolated","invert":false},`, jsonString(pattern)) + c.bytes(false))}
}

func qwen2Stages(c *config) plan.Stages { return c.splitStages(pretoken.Qwen2Pattern) }

func qwen35Stages(c *config) plan.Stages { return c.splitStages(pretoken.Qwen35Pattern) }

func clipStages(*config) plan.Stages {
	return plan.Stages{
		Normalizer: normalizers(`{"type":"NFC"},{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "},{"type":"Lowercase"}`),
		PreTokenizer: preTokenizers(`{"type":"Split","pattern":{"Regex":` + jsonString(pretoken.CLIPPattern) +
			`},"behavior":"Removed","invert":true},{"type":"ByteLevel","add_prefix_space":false}`),
		Decoder: byteLevel,
	}
}

func llamaStages(c *config) plan.Stages {
	scheme, strip := "never", ""
	if c.prefixSpace() {
		strip = `,{"type":"Strip","content":" ","start":1,"stop":0}`
		if scheme = "first"; c.Legacy != nil && *c.Legacy {
			scheme = "always"
		}
	}
	return plan.Stages{PreTokenizer: metaspace(scheme, false), Decoder: decoders(marksGone + strip)}
}

func codeLlamaStages(c *config) plan.Stages {
	scheme := "never"
	if c.prefixSpace() {
		scheme = "first"
	}
	return plan.Stages{PreTokenizer: metaspace(scheme, false), Decoder: decoders(marksGone + `,{"type":"Strip","content":" ","start":1,"stop":0}`)}
}

func gemmaStages(*config) plan.Stages {
	return plan.Stages{
		Normalizer:   `{"type":"Replace","pattern":{"String":" "},"content":"▁"}`,
		PreTokenizer: `{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}`,
		Decoder:      decoders(marksGone),
	}
}

func siglip2Stages(c *config) plan.Stages {
	s := gemmaStages(c)
	s.Normalizer = normalizers(`{"type":"Lowercase"},` + s.Normalizer)
	return s
}

func herbertStages(*config) plan.Stages {
	return plan.Stages{Normalizer: `{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":false,"lowercase":false}`,
		PreTokenizer: bertWords, Decoder: `{"type":"BPEDecoder","suffix":"</w>"}`}
}

func openaiStages(*config) plan.Stages {
	return plan.Stages{Normalizer: `{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}`,
		PreTokenizer: bertWords, Decoder: `{"type":"BPEDecoder","suffix":"</w>"}`}
}

// wordsAlone splits at white space and marks the words.
func wordsAlone(scheme string) string {
	return preTokenizers(`{"type":"WhitespaceSplit"},` + metaspace(scheme, true))
}

func xlmrStages(c *config) plan.Stages {
	scheme := c.scheme("never")
	return plan.Stages{Normalizer: mapped, PreTokenizer: wordsAlone(scheme), Decoder: metaspace(scheme, true)}
}

func albertStages(c *config) plan.Stages {
	list := quoted
	if c.KeepAccents == nil || !*c.KeepAccents {
		list += `,{"type":"NFKD"},{"type":"StripAccents"}`
	}
	if jsonscan.OrTrue(c.Lower) {
		list += `,{"type":"Lowercase"}`
	}
	scheme := c.scheme("never")
	return plan.Stages{Normalizer: normalizers(list + "," + mapped), PreTokenizer: wordsAlone(scheme), Decoder: metaspace(scheme, true)}
}

func xlnetStages(c *config) plan.Stages {
	list := quoted + `,{"type":"NFKD"},{"type":"StripAccents"}`
	if c.Lower != nil && *c.Lower {
		list += `,{"type":"Lowercase"}`
	}
	return plan.Stages{Normalizer: normalizers(list + "," + mapped), PreTokenizer: wordsAlone("always"), Decoder: metaspace("always", true)}
}

func debertaV2Stages(c *config) plan.Stages {
	list, split := "", ""
	if c.Lower != nil && *c.Lower {
		list = `{"type":"Lowercase"},`
	}
	if c.SplitByPunct {
		split = `{"type":"Punctuation","behavior":"Isolated"},`
	}
	scheme := c.scheme("first")
	return plan.Stages{
		Normalizer: normalizers(list + `{"type":"Replace","pattern":{"Regex":"\\s{2,}|[\\n\\r\\t]"},"content":" "},{"type":"NFC"},` +
			`{"type":"Strip","strip_left":false,"strip_right":true}`),
		PreTokenizer: preTokenizers(split + metaspace(scheme, true)),
		Decoder:      metaspace(scheme, true),
	}
}

func t5Stages(*config) plan.Stages {
	return plan.Stages{Normalizer: mapped, PreTokenizer: wordsAlone("always"), Decoder: metaspace("always", true)}
}

func mbartStages(*config) plan.Stages {
	return plan.Stages{PreTokenizer: wordsAlone("always"), Decoder: metaspace("always", true)}
}

func mbart50Stages(*config) plan.Stages {
	return plan.Stages{Normalizer: normalizers(mapped + "," + squeezed), PreTokenizer: metaspace("always", true), Decoder: metaspace("always", true)}
}

func nllbStages(c *config) plan.Stages {
	s := plan.Stages{PreTokenizer: metaspace("always", true), Decoder: metaspace("always", true)}
	if c.mapped {
		s.Normalizer = normalizers(mapped + "," + squeezed)
	}
	return s
}

func pegasusStages(c *config) plan.Stages {
	first := mapped
	if !c.mapped {
		first = `{"type":"Replace","pattern":{"String":"\n"},"content":" "}`
	}
	return plan.Stages{Normalizer: normalizers(first + "," + squeezed), PreTokenizer: metaspace("always", true), Decoder: metaspace("always", true)}
}

func bigBirdStages(c *config) plan.Stages {
	scheme := c.scheme("never")
	return plan.Stages{Normalizer: normalizers(`{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"}`),
		PreTokenizer: metaspace(scheme, true), Decoder: metaspace(scheme, true)}
}

// The stages that transformers 4 made of SentencePiece models (convert_slow_tokenizer.py).

func olderSpm(c *config) plan.Stages {
	scheme := c.scheme("never")
	return plan.Stages{
		Normalizer:   normalizers(mapped + `,{"type":"Strip","strip_left":false,"strip_right":true},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"▁"}`),
		PreTokenizer: metaspace(scheme, true), Decoder: metaspace(scheme, true),
	}
}

// olderStages rewrites text by a list of normalizers, then the map, and makes runs of spaces one.
func olderStages(c *config, list string) plan.Stages {
	scheme := c.scheme("never")
	return plan.Stages{Normalizer: normalizers(list + "," + mapped + "," + squeezed), PreTokenizer: metaspace(scheme, true), Decoder: metaspace(scheme, true)}
}

func olderAlbert(c *config) plan.Stages {
	list := quoted
	if c.KeepAccents == nil || !*c.KeepAccents {
		list += `,{"type":"NFKD"},{"type":"StripAccents"}`
	}
	if jsonscan.OrTrue(c.Lower) {
		list += `,{"type":"Lowercase"}`
	}
	return olderStages(c, list)
}

func olderXLNet(c *config) plan.Stages {
	list := quoted
	if c.KeepAccents == nil || !*c.KeepAccents {
		list += `,{"type":"NFKD"},{"type":"StripAccents"}`
	}
	if c.Lower != nil && *c.Lower {
		list += `,{"type":"Lowercase"}`
	}
	yes := true
	c.PrefixSpace = &yes
	return olderStages(c, list)
}

func olderDebertaV2(c *config) plan.Stages {
	list := `{"type":"Strip","strip_left":true,"strip_right":true}`
	if c.Lower != nil && *c.Lower {
		list = `{"type":"Lowercase"},` + list
	}
	s := olderStages(c, list)
	if c.SplitByPunct {
		s.PreTokenizer = preTokenizers(`{"type":"Punctuation","behavior":"Isolated"},` + s.PreTokenizer)
	}
	return s
}
