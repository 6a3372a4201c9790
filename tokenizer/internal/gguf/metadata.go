// Package gguf makes tokenizers of the metadata of GGUF files: the keys tokenizer.ggml.*.
package gguf

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
	"github.com/seed2010d43f/transformer/tokenizer/internal/sentencepiece"
)

// Metadata are the values of a file by key. Has says whether there is one; the others return an error that names the key
// where there is none, or one of another type.
type Metadata interface {
	Has(key string) bool
	Bool(key string) (bool, error)
	Int(key string) (int64, error)
	String(key string) (string, error)
	Ints(key string) ([]int64, error)
	Floats(key string) ([]float64, error)
	Strings(key string) ([]string, error)
}

// Kinds of token are those of SentencePiece's pieces, and one for what a file does not know.
const undefined = 0

// roles are the ids of the tokens that play a part; −1 for none.
type roles struct{ bos, eos, unk, sep, pad, cls, mask int }

// vocabulary is what the metadata say of a tokenizer.
type vocabulary struct {
	model string // the kind of tokenizer
	pre   string // the name of its pre-tokenizer
	name  string // of the model
	arch  string // its architecture

	tokens []string
	scores []float64 // of each token; nil: none
	kinds  []uint8   // of each token; nil: not known
	merges []string
	roles  roles
	named  []int // ids that further keys name, such as that of the end of a turn

	addBOS, addEOS, addSEP *bool
	spacePrefix, squeeze   *bool
	lower, accents         *bool
	charsMap               []byte
	json                   string // tokenizer.huggingface.json
}

// reader reads metadata up to the first error.
type reader struct {
	m   Metadata
	err error
}

// read returns the value of a key that may be missing.
func read[T any](r *reader, key string, get func(string) (T, error)) (v T, ok bool) {
	if r.err != nil || !r.m.Has(key) {
		return v, false
	}
	if v, r.err = get(key); r.err != nil {
		var none T
		return none, false
	}
	return v, true
}

// flag returns a truth value, nil where the key is missing.
func (r *reader) flag(key string) *bool {
	if b, ok := read(r, key, r.m.Bool); ok {
		return &b
	}
	return nil
}

const keys = "tokenizer.ggml."

// readVocabulary reads the metadata and checks that they agree with each other.
func readVocabulary(m Metadata) (*vocabulary, error) {
	r := &reader{m: m}
	v := new(vocabulary)
	v.model, _ = read(r, keys+"model", m.String)
	v.pre, _ = read(r, keys+"pre", m.String)
	v.name, _ = read(r, "general.name", m.String)
	v.arch, _ = read(r, "general.architecture", m.String)
	v.tokens, _ = read(r, keys+"tokens", m.Strings)
	v.merges, _ = read(r, keys+"merges", m.Strings)
	v.json, _ = read(r, "tokenizer.huggingface.json", m.String)
	v.addBOS, v.addEOS, v.addSEP = r.flag(keys+"add_bos_token"), r.flag(keys+"add_eos_token"), r.flag(keys+"add_sep_token")
	v.spacePrefix, v.squeeze = r.flag(keys+"add_space_prefix"), r.flag(keys+"remove_extra_whitespaces")
	v.lower, v.accents = r.flag(keys+"normalizer.lowercase"), r.flag(keys+"normalizer.strip_accents")
	switch {
	case r.err != nil:
		return nil, r.err
	case v.model == "":
		return nil, fmt.Errorf("there is no tokenizer.ggml.model, so no tokenizer")
	case len(v.tokens) == 0:
		return nil, fmt.Errorf("tokenizer.ggml.tokens has no tokens")
	case len(v.tokens) > jsonscan.MaxID:
		return nil, fmt.Errorf("tokenizer.ggml.tokens has %d tokens; at most %d are supported", len(v.tokens), jsonscan.MaxID)
	}
	if err := v.checkTokens(); err != nil {
		return nil, err
	}
	r.readScores(v)
	r.readKinds(v)
	r.readCharsMap(v)
	r.readRoles(v)
	return v, r.err
}

// checkTokens refuses tokens that are there twice: text could give either.
func (v *vocabulary) checkTokens() error {
	seed, size := maphash.MakeSeed(), 1<<bits.Len(uint(2*len(v.tokens)-1))
	table := make([]uint32, size) // of ids, each + 1: a map of the texts would take more memory than these
	for id, t := range v.tokens {
		if t == "" {
			continue
		}
		at := int(maphash.String(seed, t)) & (size - 1)
		for ; table[at] != 0; at = (at + 1) & (size - 1) {
			if first := table[at] - 1; v.tokens[first] == t {
				return fmt.Errorf("tokenizer.ggml.tokens has %.200q twice, with ids %d and %d", t, first, id)
			}
		}
		table[at] = uint32(id) + 1
	}
	return nil
}

func (r *reader) readScores(v *vocabulary) {
	const key = keys + "scores"
	if r.err != nil || !r.m.Has(key) {
		return
	}
	var err error
	if v.scores, err = r.m.Floats(key); err != nil {
		ints, wrong := r.m.Ints(key)
		if wrong != nil {
			r.err = err
			return
		}
		for _, n := range ints {
			v.scores = append(v.scores, float64(n))
		}
	}
	r.sameLength(key, len(v.scores), len(v.tokens))
	for id, s := range v.scores {
		if r.err == nil && (math.IsNaN(s) || math.IsInf(s, 0)) {
			r.err = fmt.Errorf("%s has %v for token %d, %.200q", key, s, id, v.tokens[id])
		}
	}
}

func (r *reader) sameLength(key string, n, tokens int) {
	if r.err == nil && n != tokens {
		r.err = fmt.Errorf("%s has %d values for the %d tokens of tokenizer.ggml.tokens", key, n, tokens)
	}
}

func (r *reader) readKinds(v *vocabulary) {
	const key = keys + "token_type"
	kinds, ok := read(r, key, r.m.Ints)
	if !ok {
		return
	}
	if r.sameLength(key, len(kinds), len(v.tokens)); r.err != nil {
		return
	}
	v.kinds = make([]uint8, len(kinds))
	for id, k := range kinds {
		if k < undefined || k > sentencepiece.Byte {
			r.err = fmt.Errorf("%s is %d for token %d, %.200q; types are 0 to %d", key, k, id, v.tokens[id], sentencepiece.Byte)
			return
		}
		if v.kinds[id] = uint8(k); k == undefined {
			v.kinds[id] = sentencepiece.Normal
		}
	}
}

func (r *reader) readCharsMap(v *vocabulary) {
	const key = keys + "precompiled_charsmap"
	ints, _ := read(r, key, r.m.Ints)
	for _, n := range ints {
		if n < math.MinInt8 || n > math.MaxUint8 {
			r.err = fmt.Errorf("%s has %d, which is no byte", key, n)
			return
		}
		v.charsMap = append(v.charsMap, byte(n))
	}
}

// readRoles reads the ids of special tokens.
func (r *reader) readRoles(v *vocabulary) {
	v.roles = v.defaultRoles()
	for _, role := range []struct {
		key string
		id  *int
	}{{"bos", &v.roles.bos}, {"eos", &v.roles.eos}, {"unknown", &v.roles.unk}, {"seperator", &v.roles.sep}, {"padding", &v.roles.pad},
		{"cls", &v.roles.cls}, {"mask", &v.roles.mask}} {
		if id, ok := r.id(role.key, len(v.tokens)); ok {
			*role.id = id
		} else if *role.id >= len(v.tokens) {
			*role.id = -1
		}
	}
	for _, key := range []string{"eot", "eom", "fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep", "prefix", "suffix", "middle"} {
		if id, ok := r.id(key, len(v.tokens)); ok && id >= 0 {
			v.named = append(v.named, id)
		}
	}
}

// id returns the id of the token that plays a part. −1, which converters write as an unsigned number too, is none.
func (r *reader) id(part string, tokens int) (id int, ok bool) {
	key := keys + part + "_token_id"
	n, ok := read(r, key, r.m.Int)
	if n == -1 || n == math.MaxUint32 {
		return -1, ok
	}
	if ok && (n < 0 || n >= int64(tokens)) {
		r.err = fmt.Errorf("%s is %d; there are %d tokens", key, n, tokens)
		return 0, false
	}
	return int(n), ok
}

// defaultRoles are the ids that llama.cpp takes where the file has none, but for those of GPT-2's kind, which suit one model.
func (v *vocabulary) defaultRoles() roles {
	none := roles{-1, -1, -1, -1, -1, -1, -1}
	switch d := none; v.model {
	case "llama":
		d.bos, d.eos, d.unk = 1, 2, 0
		return d
	case "bert":
		d.cls, d.unk, d.sep, d.pad, d.mask = 101, 100, 102, 0, 103
		return d
	case "t5":
		d.eos, d.unk, d.pad = 1, 2, 0
		return d
	}
	return none
}

// kind returns the kind of a token.
func (v *vocabulary) kind(id int) uint8 {
	if v.kinds != nil {
		return v.kinds[id]
	}
	if id == v.roles.unk && v.model != "gpt2" {
		return sentencepiece.Unknown
	}
	if t := v.tokens[id]; len(t) == 6 && strings.HasPrefix(t, "<0x") && v.model != "gpt2" {
		return sentencepiece.Byte
	}
	return sentencepiece.Normal
}

// fills reports whether a token only fills up the table of embeddings: converters name those [PAD7].
func (v *vocabulary) fills(id int) bool {
	number, opens := strings.CutPrefix(v.tokens[id], "[PAD")
	number, closes := strings.CutSuffix(number, "]")
	if !opens || !closes || v.kinds == nil {
		return false
	}
	n, err := strconv.Atoi(number)
	return err == nil && (v.kinds[id] == sentencepiece.Unused || v.kinds[id] == sentencepiece.UserDefined && n == id)
}

// isSpecial reports whether a token carries no text of its own: it is of that kind, or plays a part and looks like it.
func (v *vocabulary) isSpecial(id int) bool {
	if k := v.kind(id); k != sentencepiece.Normal {
		return k == sentencepiece.Control || k == sentencepiece.Unknown
	}
	r := &v.roles
	part := id == r.bos || id == r.eos || id == r.sep || id == r.pad || id == r.cls || id == r.mask
	for _, n := range v.named {
		part = part || n == id
	}
	t := v.tokens[id]
	return part && len(t) > 2 && (t[0] == '<' && t[len(t)-1] == '>' || t[0] == '[' && t[len(t)-1] == ']')
}
