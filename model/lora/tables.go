package lora

import (
	"slices"
	"strings"
)

// A table of word vectors that is tied to the projection to the vocabulary is stored once. An adapter is for one of the
// two: while it was trained, the other stayed as it was. So the table is shown under both names then.

// tables are the last parts of the names that families give their table of word vectors.
var tables = []string{"embed_tokens", "wte", "embed_in", "word_embeddings", "tok_embeddings"}

// heads are the names of projections to the vocabulary.
var heads = []string{"lm_head", "embed_out", "cls.predictions.decoder", "predictions.decoder", "lm_head.decoder", "vocab_projector",
	"generator_lm_head", "decoder"}

// isTable reports whether a module is a table of word vectors.
func isTable(module string) bool {
	return slices.Contains(tables, module[strings.LastIndexByte(module, '.')+1:])
}

// isHead reports whether a module is a projection to the vocabulary.
func isHead(module string) bool { return slices.Contains(heads, module) }

// partner returns the tensor of the base that the weight of a module is tied to, which is not stored itself, or "" if
// there is none or it is not clear which.
func (b *base) partner(module string) string {
	others := b.heads
	if isHead(module) {
		others = b.tables
	} else if !isTable(module) {
		return ""
	}
	if len(others) != 1 {
		return ""
	}
	return others[0] + ".weight"
}

// untied returns the tensors, not stored, that have the table of a module while they are tied to it.
func (b *base) untied(module string) []string {
	if !isTable(module) {
		return nil
	}
	var list []string
	for _, h := range heads {
		if _, ok := b.Lookup(h + ".weight"); !ok {
			list = append(list, h+".weight")
		}
	}
	return list
}
