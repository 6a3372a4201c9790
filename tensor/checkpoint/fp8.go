package checkpoint

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/parallel"
)

// FP8 says how the weights of type F8_E4M3 in a checkpoint are scaled, as the quantization_config of its
// config.json does for quant_method fp8 (DeepSeek-AI, "DeepSeek-V3 Technical Report", 2024).
type FP8 struct {
	// Block is the shape of the blocks that share a scale: rows and columns of the last two dimensions. The
	// blocks at the ends of a row or column are shorter where it is not a whole number of them. {0, 0} is one
	// scale for each matrix, or for each of its rows, as the scales' shape says.
	Block [2]int

	// Bare, if not nil, reports whether a tensor may be F8_E4M3 without a scale: its values are then those that
	// are stored. Others need a scale.
	Bare func(name string) bool
}

// scaleSuffixes are appended to the name of a weight for that of its scales. In spite of its name it is multiplied by
// those of the first kind, too.
var scaleSuffixes = [...]string{"_scale_inv", "_scale"}

// Dequantize returns src with every F8_E4M3 tensor as F32: stored value × scale of its block, rounded once. The
// scales of name, [..., rows, columns], are in the tensor name_scale_inv or name_scale, of type F32, F16, BF16,
// F8_E8M0, or U8, which is read as F8_E8M0. Their shape is [..., ⌈rows/Block[0]⌉, ⌈columns/Block[1]⌉; without blocks
// it is [..., rows, 1] or [..., 1, 1], and for a single matrix also [rows], [1] or []. They are not shown, and
// neither are scales of activations, *.activation_scale and *.input_scale, which only 8-bit products need.
//
// It returns [ErrScale] if scales are missing, of another shape or type, or belong to nothing; reading a tensor
// returns it where a scale is not finite. The returned Source uses src, and closes it. A [Maker] is returned
// unchanged.
func (q FP8) Dequantize(src Source) (Source, error) {
	if m, ok := src.(Maker); ok {
		return m, nil
	}
	tensors, hidden := map[string]computation{}, map[string]bool{}
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		if strings.HasSuffix(name, ".activation_scale") || strings.HasSuffix(name, ".input_scale") {
			hidden[name] = true
		}
		if info.DType != f8 {
			continue
		}
		w, err := q.weight(src, info)
		if err != nil {
			return nil, err
		}
		tensors[name] = w
	}
	for name := range src.Names() {
		of, isScale := strings.CutSuffix(name, scaleSuffixes[0])
		if !isScale {
			of, isScale = strings.CutSuffix(name, scaleSuffixes[1])
			isScale = isScale && strings.HasSuffix(of, "weight") // others have a scale of that name, too
		}
		if isScale && tensors[of] == nil {
			return nil, &Error{Tensor: name, Kind: ErrScale, Detail: fmt.Sprintf("%.500q is not there as F8_E4M3", of)}
		}
	}
	return newComputed(src, tensors, hidden), nil
}

const f8 DType = "F8_E4M3"

// weight describes an F8_E4M3 tensor as F32.
func (q FP8) weight(src Source, stored Info) (*fp8Weight, error) {
	scales, ok := src.Lookup(stored.Name + scaleSuffixes[0])
	plain, both := src.Lookup(stored.Name + scaleSuffixes[1])
	switch {
	case ok && both:
		return nil, &Error{Tensor: scales.Name, Kind: ErrScale, Detail: fmt.Sprintf("%.500q is there too", plain.Name)}
	case both:
		scales = plain
	case !ok && (q.Bare == nil || !q.Bare(stored.Name)):
		return nil, &Error{Tensor: stored.Name, Kind: ErrScale, Detail: fmt.Sprintf("it is F8_E4M3, and %q is not there", stored.Name+scaleSuffixes[0])}
	case !ok:
		return newFP8(src, stored)
	}
	n, block := len(stored.Shape), q.Block
	if block == [2]int{} && n >= 2 {
		rows, cols := stored.Shape[n-2], max(stored.Shape[n-1], 1)
		block = [2]int{max(rows, 1), cols}
		each := append(slices.Clone(stored.Shape[:n-1]), 1)
		if slices.Equal(scales.Shape, each) || n == 2 && slices.Equal(scales.Shape, each[:1]) {
			block = [2]int{1, cols}
		}
	}
	return scaledFP8(src, stored, scales, block)
}

// newFP8 describes an F8_E4M3 tensor without scales as F32.
func newFP8(src Source, stored Info) (*fp8Weight, error) {
	w := &fp8Weight{src: src, cols: 1, blockRows: 1, blockCols: 1}
	var ok bool
	if w.wide, ok = NewInfo(stored.Name, F32, stored.Shape); !ok {
		return nil, &Error{Tensor: stored.Name, Kind: ErrOverflow, Detail: fmt.Sprintf("%.200s as F32", fmt.Sprint(stored.Shape))}
	}
	return w, nil
}

// scaledFP8 describes an F8_E4M3 tensor, blocks of which have a scale, as F32.
func scaledFP8(src Source, stored, scales Info, block [2]int) (*fp8Weight, error) {
	w, err := newFP8(src, stored)
	if err != nil {
		return nil, err
	}
	w.scales = scales.Name
	if !slices.Contains([]DType{F32, F16, BF16, "F8_E8M0", "U8"}, scales.DType) {
		return nil, &Error{Tensor: scales.Name, Kind: ErrScale, Detail: string(scales.DType) + ", expected F32, F16, BF16 or F8_E8M0"}
	}
	n := len(stored.Shape)
	if n < 2 {
		return nil, &Error{Tensor: stored.Name, Kind: ErrScale, Detail: fmt.Sprintf("%v is no matrix, and has scales", stored.Shape)}
	}
	rows, cols := stored.Shape[n-2], stored.Shape[n-1]
	w.blockRows, w.blockCols = block[0], block[1]
	if w.blockRows < 1 || w.blockCols < 1 {
		return nil, &Error{Tensor: stored.Name, Kind: ErrScale, Detail: fmt.Sprintf("blocks of %v; both must be positive", block)}
	}
	w.rows, w.cols, w.gridCols = rows, cols, blocks(cols, w.blockCols)
	want := append(slices.Clone(stored.Shape[:n-2]), blocks(rows, w.blockRows), w.gridCols)
	if !slices.Equal(scales.Shape, want) && !flat(scales.Shape, want, w.blockRows) {
		return nil, grid(scales.Name, scales.Shape, stored, fmt.Sprintf("%v, one for each block of %d by %d", want, w.blockRows, w.blockCols))
	}
	return w, nil
}

// flat reports whether a shape is that of the scales of rows, [rows, 1], without its column, or of one scale, [1, 1],
// without any dimension.
func flat(shape, grid []int, blockRows int) bool {
	if len(grid) != 2 || grid[1] != 1 {
		return false
	}
	return slices.Equal(shape, grid[:1]) && (blockRows == 1 || grid[0] == 1) || len(shape) == 0 && grid[0] == 1
}

// blocks returns how many blocks there are in n, the last of which may be shorter.
func blocks(n, block int) int {
	if n == 0 {
		return 0
	}
	return (n-1)/block + 1
}

// fp8Weight is an F8_E4M3 tensor as F32.
type fp8Weight struct {
	src    Source
	wide   Info
	scales string // name; "" is none

	rows, cols           int // of each matrix
	blockRows, blockCols int
	gridCols             int
}

func (w *fp8Weight) info() Info { return w.wide }

func (w *fp8Weight) stored() []string {
	if w.scales == "" {
		return []string{w.wide.Name}
	}
	return []string{w.wide.Name, w.scales}
}

func (w *fp8Weight) chunks(elements int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		t := &widening{w: w, values: e4m3(), scales: []float32{1}}
		if w.scales != "" {
			var err error
			if t.scales, err = readScales(w.src, w.scales); err != nil {
				yield(nil, err)
				return
			}
		}
		var out []float32
		for b, err := range w.src.Chunks(w.wide.Name, elements) {
			if err != nil {
				yield(nil, err)
				return
			}
			if cap(out) < len(b) {
				out = make([]float32, len(b))
			}
			t.dst, t.codes = out[:len(b)], b
			parallel.Run(parallel.Width(), (len(b)+wideningPart-1)/wideningPart, t)
			if !yield(bytesview.Bytes(t.dst), nil) {
				return
			}
			t.first += int64(len(b))
		}
	}
}

// widening widens a piece of an FP8 weight.
type widening struct {
	w      *fp8Weight
	values [256]float32
	scales []float32

	dst   []float32
	codes []byte
	first int64 // element of the tensor
}

const wideningPart = 1 << 16 // elements

// readScales reads scales row by row. They must be numbers.
func readScales(src Source, name string) ([]float32, error) {
	info, _ := src.Lookup(name)
	b, err := src.Bytes(name)
	if err != nil {
		return nil, err
	}
	var scales []float32
	switch dt, err := info.DType.Tensor(); {
	case err == nil:
		_, size := dt.Block()
		scales = make([]float32, len(b)/size)
		dt.Decode(scales, b)
	default: // F8_E8M0
		scales = make([]float32, len(b))
		for i, s := range b {
			scales[i] = half.FromE8M0(s)
		}
	}
	return scales, finite(name, scales)
}

// Do widens a part: runs of elements that share a scale.
func (t *widening) Do(part, _ int) {
	i, end := part*wideningPart, min((part+1)*wideningPart, len(t.codes))
	for i < end {
		scale, run := t.scaleAt(t.first + int64(i))
		run = min(run, end-i)
		dst := t.dst[i:][:run]
		for k, code := range t.codes[i:][:run] {
			dst[k] = t.values[code] * scale
		}
		i += run
	}
}

// scaleAt returns the scale of an element, and for how many from it on it holds.
func (t *widening) scaleAt(i int64) (scale float32, run int) {
	w := t.w
	if w.scales == "" {
		return 1, math.MaxInt
	}
	row, col := i/int64(w.cols), int(i%int64(w.cols))
	matrix, row := row/int64(w.rows), row%int64(w.rows)
	gridRow := matrix*int64(blocks(w.rows, w.blockRows)) + row/int64(w.blockRows)
	at := col / w.blockCols
	return t.scales[gridRow*int64(w.gridCols)+int64(at)], min((at+1)*w.blockCols, w.cols) - col
}

// e4m3 returns the values of F8_E4M3 (Micikevicius et al., "FP8 Formats for Deep Learning", 2022): four bits of
// exponent, three of mantissa, no infinities.
func e4m3() (values [256]float32) {
	for code := range values {
		exponent, mantissa := code>>3&15, code&7
		v := math.Ldexp(float64(mantissa)/8, -6)
		if exponent > 0 {
			v = math.Ldexp(1+float64(mantissa)/8, exponent-7)
		}
		if exponent == 15 && mantissa == 7 {
			v = math.NaN()
		}
		if code >= 128 {
			v = math.Copysign(v, -1)
		}
		values[code] = float32(v)
	}
	return values
}
