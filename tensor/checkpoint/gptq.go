package checkpoint

import (
	"fmt"
	"slices"
	"strings"
)

// GPTQ says how the matrices in a checkpoint of AutoGPTQ, GPTQModel or Optimum are stored, as the
// quantization_config or quantize_config.json beside it does (Frantar et al., "GPTQ: Accurate Post-Training
// Quantization for Generative Pre-trained Transformers", 2023).
type GPTQ struct {
	Bits      int // of a code: 4 or 8
	GroupSize int // inputs that share a scale; −1: all. The last group may be shorter.

	// ZerosAsTheyAre is the second version of the format, gptq_v2. In the first one each zero is stored less one.
	ZerosAsTheyAre bool

	// Transposed, if not nil, reports whether the weight of a module is shown as [in, out], as GPT-2's are. Others
	// are shown as [out, in].
	Transposed func(module string) bool

	KeepBits bool // see [Compressed]
}

// Dequantize returns src with the tensors of each module m that is stored in few bits as one, m.weight, F32, [out, in]:
// (code − zero) · scale, rounded once. These are, with F fields of Bits bits in a word, the lowest first:
//
//   - m.qweight, I32, [⌈in/F⌉, out]: the codes, F inputs in a word;
//   - m.scales, F32, F16 or BF16, [groups, out];
//   - m.qzeros, I32, [groups, ⌈out/F⌉]: the zeros, F outputs in a word;
//   - m.g_idx, I32, [in]: the group of each input. It may be absent: groups are runs of inputs then.
//
// It returns [ErrPacked] or [ErrScale] if these do not fit each other, and [ErrDuplicate] if m.weight is stored too;
// reading a tensor returns ErrScale where a scale is not finite or a group is not there. The returned Source uses src,
// and closes it. A [Maker] is returned unchanged.
func (q GPTQ) Dequantize(src Source) (Source, error) {
	if q.Bits != 4 && q.Bits != 8 {
		return nil, &Error{Kind: ErrPacked, Detail: fmt.Sprintf("GPTQ of %d bits; 4 and 8 are supported", q.Bits)}
	}
	return dequantizeWords(src, q.KeepBits, q.weight)
}

// dequantizeWords shows each module with a tensor qweight as weight describes it.
func dequantizeWords(src Source, keepBits bool, weight func(m words) (*affine, error)) (Source, error) {
	if m, ok := src.(Maker); ok {
		return m, nil
	}
	tensors := map[string]computation{}
	for name := range src.Names() {
		module, ok := strings.CutSuffix(name, "qweight")
		if !ok {
			continue
		}
		m, err := newWords(src, module)
		if err != nil {
			return nil, err
		}
		a, err := weight(m)
		if err == nil {
			err = a.newWide(module + "weight")
		}
		if err != nil {
			return nil, err
		}
		tensors[a.wide.Name] = a
		if keepBits {
			tensors[a.wide.Name] = a.keepBits()
		}
	}
	for name := range src.Names() {
		for _, part := range []string{"qzeros", "g_idx"} {
			if module, ok := strings.CutSuffix(name, part); ok && tensors[module+"weight"] == nil {
				return nil, &Error{Tensor: name, Kind: ErrPacked, Detail: fmt.Sprintf("%.500q is not there", module+"qweight")}
			}
		}
	}
	if len(tensors) == 0 {
		return nil, &Error{Kind: ErrPacked, Detail: "no tensor is called qweight, though weights should be in few bits"}
	}
	return newComputed(src, tensors, map[string]bool{}), nil
}

// words are the tensors of a module whose codes are fields of words.
type words struct {
	src                    Source
	module                 string // with the dot
	qweight, qzeros, scale Info
}

// newWords looks the tensors up, and checks their types and dimensions.
func newWords(src Source, module string) (words, error) {
	m := words{src: src, module: module}
	for _, part := range []struct {
		name  string
		info  *Info
		types []DType
	}{{"qweight", &m.qweight, []DType{"I32"}}, {"scales", &m.scale, scaleTypes}, {"qzeros", &m.qzeros, []DType{"I32"}}} {
		var ok bool
		if *part.info, ok = src.Lookup(module + part.name); !ok {
			return m, &Error{Tensor: module + "qweight", Kind: ErrPacked, Detail: fmt.Sprintf("%.500q is not there", module+part.name)}
		}
		if err := checkGrid(*part.info, part.types...); err != nil {
			return m, err
		}
	}
	return m, nil
}

// scaleTypes are those of the scales of codes that are integers.
var scaleTypes = []DType{F32, F16, BF16}

// checkGrid returns an error unless a tensor is a matrix of one of the types.
func checkGrid(info Info, types ...DType) error {
	if !slices.Contains(types, info.DType) || len(info.Shape) != 2 || info.Size == 0 {
		return &Error{Tensor: info.Name, Kind: ErrPacked, Detail: fmt.Sprintf("it is %s %.200s; a matrix of %v is needed", info.DType, fmt.Sprint(info.Shape), types)}
	}
	return nil
}

// groups returns how many groups there are of so many inputs, and the size of one.
func groups(in, groupSize int) (n, size int) {
	if groupSize == -1 {
		return 1, in
	}
	return blocks(in, groupSize), groupSize
}

// badGroupSize returns an error unless the size of groups is −1 or positive.
func badGroupSize(size int) error {
	if size == -1 || size > 0 {
		return nil
	}
	return &Error{Kind: ErrPacked, Detail: fmt.Sprintf("groups of %d; −1 or a positive size is needed", size)}
}

// weight describes the weight of a module.
func (q GPTQ) weight(m words) (*affine, error) {
	if err := badGroupSize(q.GroupSize); err != nil {
		return nil, err
	}
	a := &affine{src: m.src, scales: m.scale.Name, zeros: m.qzeros.Name, addOne: !q.ZerosAsTheyAre,
		codes: packing{name: m.qweight.Name, bits: q.Bits}, zero: packing{name: m.qzeros.Name, bits: q.Bits, alongOut: true}}
	a.transposed = q.Transposed != nil && q.Transposed(strings.TrimSuffix(m.module, "."))
	a.out, a.in = m.qweight.Shape[1], m.qweight.Shape[0]*a.codes.fields()
	if err := q.groupIndex(m, a); err != nil {
		return nil, err
	}
	a.groups, a.groupSize = groups(a.in, q.GroupSize)
	a.codes.out, a.codes.in = 1, a.out
	a.scale = indices{outBlock: 1, out: 1, group: a.out}
	a.zero.out, a.zero.in = 1, a.zero.words(a.out)
	return a, m.check(a, q.Bits)
}

// groupIndex sets the number of inputs by g_idx, if it is there.
func (q GPTQ) groupIndex(m words, a *affine) error {
	index, ok := m.src.Lookup(m.module + "g_idx")
	if !ok {
		return nil
	}
	if index.DType != "I32" || len(index.Shape) != 1 || a.codes.words(index.Shape[0]) != m.qweight.Shape[0] {
		return &Error{Tensor: index.Name, Kind: ErrPacked, Detail: fmt.Sprintf("it is %s %.200s; I32 is needed, one for each input: %.500q, %v, has up to %d with codes of %d bits",
			index.DType, fmt.Sprint(index.Shape), m.qweight.Name, m.qweight.Shape, a.in, q.Bits)}
	}
	a.groupOf, a.in = index.Name, index.Shape[0]
	return nil
}

// check returns an error unless scales and zeros are [groups, out], the zeros packed.
func (m words) check(a *affine, bits int) error {
	if want := []int{a.groups, a.out}; !slices.Equal(m.scale.Shape, want) {
		return grid(m.scale.Name, m.scale.Shape, m.qweight, fmt.Sprintf("%v: groups of %d of %d inputs, and codes of %d bits", want, a.groupSize, a.in, bits))
	}
	if want := []int{a.groups, a.zero.words(a.out)}; !slices.Equal(m.qzeros.Shape, want) {
		return grid(m.qzeros.Name, m.qzeros.Shape, m.qweight, fmt.Sprintf("%v: groups of %d of %d inputs, and zeros of %d bits", want, a.groupSize, a.in, bits))
	}
	return nil
}
