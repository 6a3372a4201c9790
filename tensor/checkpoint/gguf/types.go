package gguf

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// ggmlType is a type of tensors: its number in files is its place in ggmlTypes.
type ggmlType struct {
	dtype checkpoint.DType // "" for a number that is in use no more
	words []word           // what byte order changes in a block, in order; all else are single bytes
}

// word is a number of several bytes in a block, or some in a row.
type word struct{ offset, size, count int }

// half is a float16 that lies offset bytes into a block.
func half(offset int) word { return word{offset, 2, 1} }

// ggmlTypes has the words of blocks as ggml's C structures have them, and as its C code reads bytes that are no such
// field: the fifth bits of Q5_0 and Q5_1 as a uint32, the scales of IQ1_M as four uint16, signs of IQ2_XXS and
// IQ3_XXS as uint32.
var ggmlTypes = [...]ggmlType{
	0:  {checkpoint.F32, []word{{0, 4, 1}}},
	1:  {checkpoint.F16, []word{half(0)}},
	2:  {checkpoint.Q4_0, []word{half(0)}},
	3:  {checkpoint.Q4_1, []word{half(0), half(2)}},
	6:  {checkpoint.Q5_0, []word{half(0), {2, 4, 1}}},
	7:  {checkpoint.Q5_1, []word{half(0), half(2), {4, 4, 1}}},
	8:  {checkpoint.Q8_0, []word{half(0)}},
	9:  {"Q8_1", []word{half(0), half(2)}},
	10: {checkpoint.Q2_K, []word{half(80), half(82)}},
	11: {checkpoint.Q3_K, []word{half(108)}},
	12: {checkpoint.Q4_K, []word{half(0), half(2)}},
	13: {checkpoint.Q5_K, []word{half(0), half(2)}},
	14: {checkpoint.Q6_K, []word{half(208)}},
	15: {"Q8_K", []word{{0, 4, 1}, {260, 2, 16}}},
	16: {checkpoint.IQ2_XXS, []word{half(0), {2, 4, 16}}},
	17: {checkpoint.IQ2_XS, []word{half(0), {2, 2, 32}}},
	18: {checkpoint.IQ3_XXS, []word{half(0), {66, 4, 8}}},
	19: {checkpoint.IQ1_S, []word{half(0), {34, 2, 8}}},
	20: {checkpoint.IQ4_NL, []word{half(0)}},
	21: {checkpoint.IQ3_S, []word{half(0)}},
	22: {checkpoint.IQ2_S, []word{half(0)}},
	23: {checkpoint.IQ4_XS, []word{half(0), {2, 2, 1}}},
	24: {"I8", nil},
	25: {"I16", []word{{0, 2, 1}}},
	26: {"I32", []word{{0, 4, 1}}},
	27: {"I64", []word{{0, 8, 1}}},
	28: {"F64", []word{{0, 8, 1}}},
	29: {checkpoint.IQ1_M, []word{{48, 2, 4}}},
	30: {checkpoint.BF16, []word{{0, 2, 1}}},
	34: {checkpoint.TQ1_0, []word{half(52)}},
	35: {checkpoint.TQ2_0, []word{half(64)}},
	39: {checkpoint.MXFP4, nil},
	40: {checkpoint.NVFP4, nil},
	41: {checkpoint.Q1_0, []word{half(0)}},
	42: {checkpoint.Q2_0, []word{half(0)}},
}

// typeOf returns the type with a number, or an error that says which one it is.
func typeOf(id uint32) (ggmlType, error) {
	switch {
	case id < uint32(len(ggmlTypes)) && ggmlTypes[id].dtype != "":
		return ggmlTypes[id], nil
	case id == 4 || id == 5:
		return ggmlType{}, fmt.Errorf("ggml type %d, which was Q4_%d and no longer exists", id, id-2)
	case id >= 31 && id <= 33 || id >= 36 && id <= 38:
		name := "Q4_0"
		if id >= 36 {
			name = "IQ4_NL"
		}
		return ggmlType{}, fmt.Errorf("ggml type %d, a rearranged %s that files no longer have: quantise the model to %s again", id, name, name)
	}
	return ggmlType{}, fmt.Errorf("ggml type %d; those up to %d are known", id, len(ggmlTypes)-1)
}

// swap returns what changes the byte order of whole blocks, or nil where it changes nothing.
func (t ggmlType) swap() func(blocks []byte) {
	if t.words == nil {
		return nil
	}
	_, size, _ := t.dtype.Block()
	return func(blocks []byte) {
		for block := range slices.Chunk(blocks, size) {
			for _, w := range t.words {
				for at := w.offset; at < w.offset+w.size*w.count; at += w.size {
					slices.Reverse(block[at : at+w.size])
				}
			}
		}
	}
}
