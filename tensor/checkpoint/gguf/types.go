package gguf

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// ggmlType is a type of tensors: its number in files is its place in ggmlTypes.
type ggmlType struct {
	dtype           checkpoint.DType // "" for a number that is in use no more
	elements, bytes int64            // of a block
	words           []word           // what byte order changes in a block, in order; between them are single bytes
}

// word is a number of several bytes in a block, or some in a row.
type word struct{ offset, size, count int }

// half is a float16 that lies offset bytes into a block.
func half(offset int) word { return word{offset, 2, 1} }

// ggmlTypes has the words of blocks as ggml's C structures have them, and as its C code reads bytes that are no such
// field: the fifth bits of Q5_0 and Q5_1 as a uint32, the scales of IQ1_M as four uint16, signs of IQ2_XXS and
// IQ3_XXS as uint32.
var ggmlTypes = [...]ggmlType{
	0:  {checkpoint.F32, 1, 4, []word{{0, 4, 1}}},
	1:  {checkpoint.F16, 1, 2, []word{half(0)}},
	2:  {"Q4_0", 32, 18, []word{half(0)}},
	3:  {"Q4_1", 32, 20, []word{half(0), half(2)}},
	6:  {"Q5_0", 32, 22, []word{half(0), {2, 4, 1}}},
	7:  {"Q5_1", 32, 24, []word{half(0), half(2), {4, 4, 1}}},
	8:  {"Q8_0", 32, 34, []word{half(0)}},
	9:  {"Q8_1", 32, 36, []word{half(0), half(2)}},
	10: {"Q2_K", 256, 84, []word{half(80), half(82)}},
	11: {"Q3_K", 256, 110, []word{half(108)}},
	12: {"Q4_K", 256, 144, []word{half(0), half(2)}},
	13: {"Q5_K", 256, 176, []word{half(0), half(2)}},
	14: {"Q6_K", 256, 210, []word{half(208)}},
	15: {"Q8_K", 256, 292, []word{{0, 4, 1}, {260, 2, 16}}},
	16: {"IQ2_XXS", 256, 66, []word{half(0), {2, 4, 16}}},
	17: {"IQ2_XS", 256, 74, []word{half(0), {2, 2, 32}}},
	18: {"IQ3_XXS", 256, 98, []word{half(0), {66, 4, 8}}},
	19: {"IQ1_S", 256, 50, []word{half(0), {34, 2, 8}}},
	20: {"IQ4_NL", 32, 18, []word{half(0)}},
	21: {"IQ3_S", 256, 110, []word{half(0)}},
	22: {"IQ2_S", 256, 82, []word{half(0)}},
	23: {"IQ4_XS", 256, 136, []word{half(0), {2, 2, 1}}},
	24: {"I8", 1, 1, nil},
	25: {"I16", 1, 2, []word{{0, 2, 1}}},
	26: {"I32", 1, 4, []word{{0, 4, 1}}},
	27: {"I64", 1, 8, []word{{0, 8, 1}}},
	28: {"F64", 1, 8, []word{{0, 8, 1}}},
	29: {"IQ1_M", 256, 56, []word{{48, 2, 4}}},
	30: {checkpoint.BF16, 1, 2, []word{{0, 2, 1}}},
	34: {"TQ1_0", 256, 54, []word{half(52)}},
	35: {"TQ2_0", 256, 66, []word{half(64)}},
	39: {checkpoint.MXFP4, 32, 17, nil},
	40: {"NVFP4", 64, 36, nil},
	41: {"Q1_0", 128, 18, []word{half(0)}},
	42: {"Q2_0", 64, 18, []word{half(0)}},
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
func (t ggmlType) swap() func(b []byte) {
	if t.words == nil {
		return nil
	}
	return func(b []byte) {
		for block := range slices.Chunk(b, int(t.bytes)) {
			for _, w := range t.words {
				for i := range w.count {
					at := w.offset + i*w.size
					slices.Reverse(block[at : at+w.size])
				}
			}
		}
	}
}
