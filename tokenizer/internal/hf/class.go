package hf

import (
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer/internal/plan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// A class is what a tokenizer class of Hugging Face transformers 5.24 does. The zero value of a field is what a class
// without it does.
type class struct {
	name  string
	also  []string // classes that do the same
	roles roles    // the special tokens that no file names

	// stages returns the stages that the class has in place of those of tokenizer.json; nil: those stand.
	stages func(c *config) plan.Stages
	// older returns the stages that transformers 4 made of a raw vocabulary, where they differ; nil: they do not.
	older func(c *config) plan.Stages
	bpe   *bytePairs // what it sets of a model of byte pairs; nil: nothing
	// unknown returns the id of a Unigram model's unknown token.
	unknown func(c *config, p *plan.Plan) (int, error)
	around  template
	apart   template // around in transformers 4, where it differs; filed: it does not

	raw format // of its vocabulary without tokenizer.json
	// pieces returns the plan of a SentencePiece model that comes without stages of tokenizer.json, where the class reads it as
	// that library does; nil: otherwise. Then a tokenizer.json beside the model is not read.
	pieces func(c *config, m *sentencepiece.Model) (*plan.Plan, error)
	// layout returns the pieces of a SentencePiece model in order of their ids; nil: as in the file.
	layout func(c *config, pieces []sentencepiece.Piece) ([]sentencepiece.Piece, error)
	// extra returns the special tokens that the class adds to those that the files list; see [config.listExtra].
	extra func(c *config, p *plan.Plan, given specialList) []string

	prefixSpace bool // add_prefix_space where the files do not say
	addBOS      bool // add_bos_token where the files do not say
	commas      bool // transformers 4 made pieces such as "9," unlikely
	noTypes     bool // its models read no segments
	padLeft     bool // texts of a batch are padded at their beginning
}

// roles are special tokens by the part that they play.
type roles struct{ bos, eos, unk, sep, pad, cls, mask role }

// role is a special token, "" for none. Its flags count also for one that a file names without any.
type role struct {
	text       string
	lstrip     bool // takes the white space before it
	normalized bool // looked for in the normalised text
}

// bytePairs are settings of byte-pair encoding.
type bytePairs struct {
	unk      bool   // what is unknown becomes the unknown token; else nothing, or bytes
	fuse     bool   // a run of unknown characters is one
	fallback bool   // unknown characters become the tokens of their bytes
	suffix   string // on what ends a word
}

// A format is the form of a vocabulary without tokenizer.json.
type format int

const (
	noFormat format = iota
	sentencePiece
	vocabMerges // vocab.json and merges.txt
	vocabText   // vocab.txt
)

// A template says what a class puts around texts.
type template int

const (
	filed     template = iota // what tokenizer.json says; without it add_bos_token and add_eos_token do
	flagged                   // add_bos_token and add_eos_token say
	bert                      // [CLS] A [SEP] B [SEP], the second text of type 1
	doubled                   // [CLS] A [SEP] [SEP] B [SEP]
	roberta                   // the same, spaces taken out of offsets
	mpnet                     // the same, without a thought of the space before a text
	bounds                    // <s> A </s> </s> B </s>, of the tokens for beginning and end
	clip                      // the same
	each                      // A </s> B </s>
	last                      // A B </s>
	once                      // each, but for texts that end with </s>
	tongue                    // the token of a language at one end
	xlnet                     // A <sep> B <sep> <cls>, the last of type 2
	bertFixed                 // bert, but for the ids 0 and 2
)

// find returns the class of a name, or nil.
func find(name string) *class {
	table := classes()
	i := slices.IndexFunc(table, func(k class) bool { return k.name == name || slices.Contains(k.also, name) })
	if name == "" || i < 0 {
		return nil
	}
	return &table[i]
}

// needs returns the key of the token that the model cannot do without.
func (c *config) needs() string {
	if c.class.bpe == nil || c.class.bpe.unk {
		return "unk_token"
	}
	return ""
}

// setRoles names the special tokens that the files left out, but for those that tokenizer_config.json has as null, and gives
// those that the files name without flags the class's.
func (c *config) setRoles(r *roles) {
	for _, x := range []struct {
		token **specialConfig
		role  role
		key   string
	}{{&c.BOS, r.bos, "bos_token"}, {&c.EOS, r.eos, "eos_token"}, {&c.UNK, r.unk, "unk_token"}, {&c.SEP, r.sep, "sep_token"},
		{&c.PAD, r.pad, "pad_token"}, {&c.CLS, r.cls, "cls_token"}, {&c.Mask, r.mask, "mask_token"}} {
		if x.role.text != "" && (!c.null[x.key] || x.key == c.needs()) {
			setDefault(x.token, x.role.text)
		}
		if t := *x.token; t != nil && t.plain {
			t.LStrip = x.role.lstrip
			t.plain = !x.role.normalized
		}
	}
}
