package checkpoint

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Compressed says how the matrices in a checkpoint of the library compressed-tensors are stored, as the
// quantization_config of its config.json does. Formats are pack-quantized, int-quantized, float-quantized and
// naive-quantized.
type Compressed struct {
	// Scheme returns how the matrix of a module is stored. Its error is returned.
	Scheme func(module string) (Scheme, error)

	// KeepBits shows a matrix as [Q4_0] or [Q8_0], not F32, where these hold its values: its codes are symmetric integers, its
	// groups are runs of a multiple of 32 inputs, and float16 holds its scales. Zeros, scales and groups are read at once
	// then, to see it.
	KeepBits bool
}

// Scheme is how a matrix, [out, in], is stored.
type Scheme struct {
	// Packed is whether codes are fields of 32-bit words, in a tensor weight_packed. Others are I8 or F8_E4M3, in
	// weight.
	Packed bool

	Float     bool // F8_E4M3; otherwise codes are integers
	Bits      int  // of a code: 8, or 4 if packed
	Symmetric bool // no zeros

	// Block is the shape of the blocks that share scale and zero, outputs and inputs: {1, 128} for groups of 128 inputs.
	// 0 stands for all.
	Block [2]int
}

// Dequantize returns src with the tensors of each module m that is stored in few bits as one, m.weight, F32, [out, in]:
// (code − zero) · scale, rounded once. These are, for a grid of blocks [⌈out/Block[0]⌉, ⌈in/Block[1]⌉]:
//
//   - m.weight, I8 or F8_E4M3, [out, in]; or m.weight_packed, I32, [out, ⌈in/F⌉], F = 32/Bits codes in a word, the
//     lowest first, each plus 2^(Bits−1), and m.weight_shape, [out, in] as I32 or I64, which may be absent;
//   - m.weight_scale, F32, F16 or BF16: the grid, [out] or [out, 1] for one scale an output, [], [1] or [1, 1] for one in
//     all;
//   - m.weight_zero_point if the scheme is not symmetric: I8, in the shape of the scales; or where codes are packed and
//     Block[0] is 1, I32, [⌈out/F⌉, groups], F outputs in a word, each plus 2^(Bits−1);
//   - m.weight_g_idx, I32, [in], which may be absent: the group of each input. If all are −1, groups are runs of inputs.
//
// Scales and zeros of activations, *.input_scale, *.output_scale and so on, are not shown.
//
// It returns [ErrPacked] or [ErrScale] if these do not fit each other or the scheme, and [ErrDuplicate] if m.weight is
// there besides m.weight_packed; reading a tensor returns ErrScale where a scale is not finite or a group is not there. The
// returned Source uses src, and closes it. A [Maker] is returned unchanged.
func (q Compressed) Dequantize(src Source) (Source, error) {
	if m, ok := src.(Maker); ok {
		return m, nil
	}
	tensors, hidden := map[string]computation{}, map[string]bool{}
	for name := range src.Names() {
		module, suffix := split(name)
		info, _ := src.Lookup(name)
		switch {
		case suffix == "weight_packed", suffix == "weight" && (info.DType == "I8" || info.DType == f8):
			t, err := q.weight(src, module, info)
			if err != nil {
				return nil, err
			}
			tensors[module+"weight"] = t
			hidden[module+"weight_shape"], hidden[module+"weight_g_idx"], hidden[module+"weight_zero_point"] = true, true, true
		case slices.Contains(activationParts[:], suffix):
			hidden[name] = true
		}
	}
	for name := range src.Names() {
		module, suffix := split(name)
		if slices.Contains(weightParts[:], suffix) && tensors[module+"weight"] == nil {
			return nil, &Error{Tensor: name, Kind: ErrPacked, Detail: fmt.Sprintf("neither %.500q nor %.500q is there, in 8 bits", module+"weight_packed", module+"weight")}
		}
	}
	if len(tensors) == 0 {
		return nil, &Error{Kind: ErrPacked, Detail: "no tensor is called weight_packed, and no weight has 8 bits, though weights should be in few"}
	}
	return newComputed(src, tensors, hidden), nil
}

// weightParts are what a module has beside its codes, and activationParts what it has for 8-bit products.
var (
	weightParts     = [...]string{"weight_scale", "weight_zero_point", "weight_shape", "weight_g_idx"}
	activationParts = [...]string{"input_scale", "input_zero_point", "output_scale", "output_zero_point"}
)

// split splits a name behind its last dot.
func split(name string) (module, suffix string) {
	at := strings.LastIndexByte(name, '.') + 1
	return name[:at], name[at:]
}

// weight describes the matrix of a module, whose codes are in stored.
func (q Compressed) weight(src Source, module string, stored Info) (computation, error) {
	scheme, err := q.Scheme(strings.TrimSuffix(module, "."))
	if err != nil {
		return nil, err
	}
	want := []DType{"I8"}
	switch {
	case scheme.Packed:
		want = []DType{"I32"}
	case scheme.Float:
		want = []DType{f8}
	}
	if _, suffix := split(stored.Name); scheme.Packed != (suffix == "weight_packed") {
		return nil, &Error{Tensor: stored.Name, Kind: ErrPacked, Detail: fmt.Sprintf("packed is %v in its scheme", scheme.Packed)}
	}
	if err := checkGrid(stored, want...); err != nil {
		return nil, err
	}
	if scheme.Float && scheme.Packed || scheme.Bits != 8 && (scheme.Bits != 4 || !scheme.Packed) {
		return nil, &Error{Tensor: stored.Name, Kind: ErrPacked, Detail: fmt.Sprintf("codes of %d bits; 8 bits, or packed integers of 4 bits are supported", scheme.Bits)}
	}
	scales, ok := src.Lookup(module + "weight_scale")
	if !ok {
		return nil, &Error{Tensor: stored.Name, Kind: ErrScale, Detail: fmt.Sprintf("%.500q is not there", module+"weight_scale")}
	}
	m := &compressedMatrix{Scheme: scheme, src: src, module: module, stored: stored, scales: scales}
	if scheme.Float {
		return m.float()
	}
	a, err := m.integer()
	switch {
	case err != nil:
		return nil, err
	case q.KeepBits:
		return a.keepBits(), nil
	}
	return a, nil
}

// compressedMatrix is a matrix that is being described.
type compressedMatrix struct {
	Scheme
	src            Source
	module         string // with the dot
	stored, scales Info
}

// blockOf returns the blocks of a matrix: no longer than it is.
func (m *compressedMatrix) blockOf(out, in int) (rows, cols int) {
	rows, cols = m.Block[0], m.Block[1]
	if rows == 0 {
		rows = out
	}
	if cols == 0 {
		cols = in
	}
	return rows, cols
}

// float describes a matrix of F8_E4M3. Symmetric or not, it has no zeros.
func (m *compressedMatrix) float() (computation, error) {
	rows, cols := m.blockOf(m.stored.Shape[0], m.stored.Shape[1])
	if err := m.whole(m.stored.Shape[1], rows, cols); err != nil {
		return nil, err
	}
	for _, part := range []string{"weight_zero_point", "weight_g_idx"} {
		if info, ok := m.src.Lookup(m.module + part); ok && part == "weight_g_idx" || ok && !m.Symmetric {
			return nil, &Error{Tensor: info.Name, Kind: ErrPacked, Detail: fmt.Sprintf("%.500q is F8_E4M3, which is supported without", m.stored.Name)}
		}
	}
	return scaledFP8(m.src, m.stored, m.scales, [2]int{rows, cols})
}

// whole returns an error for groups of inputs that do not divide them. The blocks of a grid may be shorter at its ends.
func (m *compressedMatrix) whole(in, rows, cols int) error {
	if rows < 1 || cols < 1 || rows == 1 && in%cols != 0 {
		return &Error{Tensor: m.stored.Name, Kind: ErrPacked, Detail: fmt.Sprintf("%d inputs are not whole groups of %d", in, cols)}
	}
	return nil
}

// integer describes a matrix of integers.
func (m *compressedMatrix) integer() (*affine, error) {
	a := &affine{src: m.src, scales: m.scales.Name, out: m.stored.Shape[0], in: m.stored.Shape[1], evenGroups: true}
	a.codes = packing{name: m.stored.Name, bits: 8, bytes: true, out: a.in, in: 1}
	if m.Packed {
		a.codes = packing{name: m.stored.Name, bits: m.Bits, out: a.in, in: 1}
		a.in *= a.codes.fields()
		if err := m.shape(a); err != nil {
			return nil, err
		}
		a.middle = float32(int(1) << (m.Bits - 1))
	}
	rows, cols := m.blockOf(a.out, a.in)
	if err := m.whole(a.in, rows, cols); err != nil {
		return nil, err
	}
	a.groups, a.groupSize = blocks(a.in, cols), cols
	a.scale = indices{outBlock: rows, out: a.groups, group: 1}
	want := []int{blocks(a.out, rows), a.groups}
	if !slices.Contains(scaleTypes, m.scales.DType) {
		return nil, &Error{Tensor: m.scales.Name, Kind: ErrScale, Detail: fmt.Sprintf("%s, expected %v", m.scales.DType, scaleTypes)}
	}
	if !slices.Equal(m.scales.Shape, want) && !flat(m.scales.Shape, want, rows) {
		return nil, grid(m.scales.Name, m.scales.Shape, m.stored, fmt.Sprintf("%v: %d outputs and %d inputs in blocks of %d by %d", want, a.out, a.in, rows, cols))
	}
	if err := m.groupIndex(a); err != nil {
		return nil, err
	}
	if err := m.zeroPoint(a); err != nil {
		return nil, err
	}
	return a, a.newWide(m.module + "weight")
}

// shape sets the number of inputs by weight_shape, if it is there.
func (m *compressedMatrix) shape(a *affine) error {
	name := m.module + "weight_shape"
	info, ok := m.src.Lookup(name)
	if !ok {
		return nil
	}
	if info.DType != "I64" && info.DType != "I32" || !slices.Equal(info.Shape, []int{2}) {
		return &Error{Tensor: name, Kind: ErrPacked, Detail: fmt.Sprintf("it is %s %.200s; two I32 or I64 are needed", info.DType, fmt.Sprint(info.Shape))}
	}
	b, err := m.src.Bytes(name)
	if err != nil {
		return err
	}
	out, in := integers(b)
	if out != int64(a.out) || in > int64(a.in) || in <= int64(a.in-a.codes.fields()) {
		return &Error{Tensor: name, Kind: ErrPacked, Detail: fmt.Sprintf("it is %d, %d; %.500q, %v, has %d outputs and up to %d inputs with codes of %d bits",
			out, in, m.stored.Name, m.stored.Shape, a.out, a.in, m.Bits)}
	}
	a.in = int(in)
	return nil
}

// groupIndex looks for the groups of inputs.
func (m *compressedMatrix) groupIndex(a *affine) error {
	info, ok := m.src.Lookup(m.module + "weight_g_idx")
	if !ok {
		return nil
	}
	if info.DType != "I32" || !slices.Equal(info.Shape, []int{a.in}) {
		return &Error{Tensor: info.Name, Kind: ErrPacked, Detail: fmt.Sprintf("it is %s %.200s; %d numbers of I32 are needed, one for each input", info.DType, fmt.Sprint(info.Shape), a.in)}
	}
	a.groupOf = info.Name
	return nil
}

// zeroPoint looks for the zeros. Those of packed codes are packed, but for blocks of several outputs.
func (m *compressedMatrix) zeroPoint(a *affine) error {
	name := m.module + "weight_zero_point"
	info, ok := m.src.Lookup(name)
	switch {
	case ok && m.Symmetric: // old versions write those
		b, err := m.src.Bytes(name)
		if err == nil && (info.DType != "I8" || bytes.Trim(b, "\x00") != nil) {
			err = &Error{Tensor: name, Kind: ErrScale, Detail: "its scheme is symmetric, and it is not all 0"}
		}
		return err
	case m.Symmetric:
		return nil
	case !ok:
		return &Error{Tensor: m.stored.Name, Kind: ErrScale, Detail: fmt.Sprintf("its scheme is not symmetric, and %.500q is not there", name)}
	}
	a.zeros = name
	if m.Packed && m.Block[0] == 1 {
		a.zero = packing{name: name, bits: m.Bits, alongOut: true, out: a.groups, in: 1}
		if want := []int{a.zero.words(a.out), a.groups}; info.DType != "I32" || !slices.Equal(info.Shape, want) {
			return &Error{Tensor: name, Kind: ErrScale, Detail: fmt.Sprintf("it is %s %.200s; I32 %v is needed for %d outputs and %d groups", info.DType, fmt.Sprint(info.Shape), want, a.out, a.groups)}
		}
		return nil
	}
	a.zero, a.zeroBase = packing{name: name, bits: 8, bytes: true}, a.middle
	if info.DType != "I8" || !slices.Equal(info.Shape, m.scales.Shape) {
		return &Error{Tensor: name, Kind: ErrScale, Detail: fmt.Sprintf("it is %s %.200s; I8 of the shape of the scales, %v, is needed", info.DType, fmt.Sprint(info.Shape), m.scales.Shape)}
	}
	return nil
}

// integers returns two little-endian numbers of 32 or 64 bits.
func integers(b []byte) (first, second int64) {
	if len(b) == 8 {
		return int64(int32(le.Uint32(b))), int64(int32(le.Uint32(b[4:])))
	}
	return int64(le.Uint64(b)), int64(le.Uint64(b[8:]))
}
