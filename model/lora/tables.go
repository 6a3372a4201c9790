package lora

import (
	"slices"
	"strings"
)

// A table of word vectors that is tied to the projection to the vocabulary, or to the table of the decoder, is stored once. An
// adapter is for one of them: while it was trained, the others stayed as they were. So the table is shown under all its
// names then.

// tables are the last parts of the names that families give their table of word vectors.
var tables = []string{"embed_tokens", "wte", "embed_in", "word_embeddings", "tok_embeddings"}

// heads are the names of projections to the vocabulary.
var heads = []string{"lm_head", "embed_out", "cls.predictions.decoder", "predictions.decoder", "lm_head.decoder", "vocab_projector",
	"generator_lm_head", "decoder"}

// sides are the tables of encoder–decoders, below the model's prefix; the head is lm_head.
var sides = []string{"shared", "encoder.embed_tokens", "decoder.embed_tokens"}

// isTable reports whether a module is a table of word vectors.
func isTable(module string) bool {
	return slices.Contains(tables, module[strings.LastIndexByte(module, '.')+1:])
}

// isHead reports whether a module is a projection to the vocabulary.
func isHead(module string) bool { return slices.Contains(heads, module) }

// side returns what is before the name of a table of an encoder–decoder.
func side(module string) (prefix string, ok bool) {
	for _, s := range sides {
		if prefix, ok := strings.CutSuffix("."+module, "."+s); ok {
			return strings.TrimPrefix(prefix+".", "."), true
		}
	}
	return "", false
}

// group returns the modules that may share a table with one, itself left out.
func (b *base) group(module string, sided bool) []string {
	var all []string
	switch {
	case sided:
		prefix, ok := side(module)
		for i := 0; !ok && module == "lm_head" && i < len(b.sides); i++ {
			prefix, ok = side(b.sides[i])
		}
		if !ok {
			return nil
		}
		for _, s := range sides {
			all = append(all, prefix+s)
		}
		all = append(all, "lm_head")
	case isTable(module):
		all = heads
	case isHead(module):
		all = b.tables
	}
	return slices.DeleteFunc(slices.Clone(all), func(other string) bool { return other == module })
}

// partner returns the tensor of the base that the weight of a module is tied to, which is not stored itself, or "" if
// there is none or it is not clear which.
func (b *base) partner(module string, sided bool) string {
	var found []string
	for _, other := range b.group(module, sided) {
		if name, err := b.find(other + ".weight"); err == nil && name != "" {
			found = append(found, name)
		}
	}
	if len(found) == 0 || len(found) > 1 && !sided {
		return ""
	}
	return found[0]
}

// untied returns the tensors, not stored, that have the table of a module while they are tied to it.
func (b *base) untied(module string, sided bool) []string {
	var list []string
	for _, other := range b.group(module, sided) {
		if name, err := b.find(other + ".weight"); err == nil && name == "" {
			list = append(list, other+".weight")
		}
	}
	return list
}
