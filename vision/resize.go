package vision

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/resample"
)

// Filter is what a resized pixel is made of. The names are Pillow's. All but Nearest take in every source pixel when a
// picture gets smaller.
type Filter uint8

// The filters.
const (
	Nearest Filter = iota
	Box
	Bilinear
	Hamming
	Bicubic // a = −0.5
	Lanczos
)

var filters = [...]struct {
	name    string
	support float64
	weight  func(float64) float64
}{
	{"nearest", 0, nil}, {"box", 0.5, box}, {"bilinear", 1, triangle}, {"hamming", 1, hamming}, {"bicubic", 2, cubic}, {"lanczos", 3, lanczos},
}

// String returns the filter's name in lower case.
func (f Filter) String() string {
	if int(f) < len(filters) {
		return filters[f].name
	}
	return fmt.Sprintf("Filter(%d)", uint8(f))
}

// Arithmetic is the library whose bytes a resize gives.
type Arithmetic uint8

const (
	// Pillow gives the bytes of Pillow's Image.resize.
	Pillow Arithmetic = iota

	// Torchvision resizes as torchvision does tensors of bytes with antialias: with weights of 16 bits. transformers
	// uses it where torchvision is installed. It knows Nearest, Bilinear and Bicubic.
	Torchvision
)

// The products that are added to are converted, which keeps a compiler from fusing them: Pillow's weights are the same
// on every machine.

func box(x float64) float64 {
	if x > -0.5 && x <= 0.5 {
		return 1
	}
	return 0
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

func hamming(x float64) float64 {
	x = math.Abs(x)
	if x == 0 {
		return 1
	}
	if x >= 1 {
		return 0
	}
	x *= math.Pi
	return math.Sin(x) / x * (float64(float32(0.54)) + float64(float64(float32(0.46))*math.Cos(x)))
}

func cubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	if x < 1 {
		return float64((float64((a+2)*x)-(a+3))*x*x) + 1
	}
	if x < 2 {
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

func lanczos(x float64) float64 {
	if -3 <= x && x < 3 {
		return sinc(x) * sinc(x/3)
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// span is the part of an axis that is computed: outputs from to to, of size, from an axis of in.
type span struct{ in, size, from, to int }

func (s span) len() int { return s.to - s.from }

// table returns the weights of a span.
func (s span) table(f Filter, how Arithmetic) *table {
	t := &table{resample.Table{Shift: 22, First: make([]int, s.len()), Count: make([]int, s.len())}}
	weights := make([][]float64, s.len())
	for i := range weights {
		t.First[i], weights[i] = s.weights(f, s.from+i)
		t.Count[i] = len(weights[i])
		t.Taps = max(t.Taps, len(weights[i]))
	}
	if how == Torchvision {
		t.Shift = s.precision(f)
	}
	t.Taps = (t.Taps + 3) &^ 3
	t.K = make([]int32, s.len()*t.Taps)
	for i, row := range weights {
		for x, w := range row {
			t.K[i*t.Taps+x] = int32(math.Copysign(0.5, w) + float64(w*float64(int64(1)<<t.Shift)))
		}
	}
	t.Pack()
	return t
}

// weights returns what output i takes from the inputs from first on. They add up to 1.
func (s span) weights(f Filter, i int) (first int, k []float64) {
	scale := float64(s.in) / float64(s.size)
	stretch := max(scale, 1)
	support := filters[f].support * stretch
	center := (float64(i) + 0.5) * scale
	first = max(int(center-support+0.5), 0)
	k = make([]float64, min(int(center+support+0.5), s.in)-first)
	inverse, sum := 1/stretch, 0.0
	for x := range k {
		k[x] = filters[f].weight((float64(x+first) - center + 0.5) * inverse)
		sum += k[x]
	}
	if sum != 0 {
		for x := range k {
			k[x] /= sum
		}
	}
	return first, k
}

// precision returns the bits that torch gives the weights of an axis, so that the largest fits in 15.
func (s span) precision(f Filter) uint {
	largest := 0.0
	for i := range s.size {
		_, k := s.weights(f, i)
		largest = max(largest, slices.Max(k))
	}
	bits := uint(0)
	for bits < 22 && int(0.5+largest*float64(int64(1)<<(bits+1))) < 1<<15 {
		bits++
	}
	return bits
}

// Resize returns the picture in another size, with the bytes of Pillow's resize: of P and Bilevel it always takes the
// nearest pixel, and colours with alpha are multiplied by it meanwhile. It panics if the size is not positive.
func (m *Image) Resize(width, height int, f Filter) *Image {
	if width <= 0 || height <= 0 {
		panic(fmt.Sprintf("vision: resize to %d × %d", width, height))
	}
	return m.resize(span{m.width, width, 0, width}, span{m.height, height, 0, height}, f, Pillow)
}

// resize computes a part of the resized picture, with the bytes that the whole would have there.
func (m *Image) resize(across, down span, f Filter, how Arithmetic) *Image {
	if across.size == m.width && down.size == m.height {
		if across.len() == m.width && down.len() == m.height {
			return m
		}
		return m.Crop(across.from, down.from, across.len(), down.len())
	}
	if f == Nearest || m.mode == P || m.mode == Bilevel {
		return m.nearest(across, down)
	}
	switch m.mode {
	case I16:
		return m.resample16(across, down, f)
	case LA, RGBA:
		out := m.premultiplied().resample(across, down, f, how)
		out.divideAlpha()
		return out
	}
	return m.resample(across, down, f, how)
}

// nearest takes the pixels at the places that Pillow's affine transform comes to by adding up.
func (m *Image) nearest(across, down span) *Image {
	out, n := m.like(across.len(), down.len()), m.mode.bytes()
	columns, rows := across.places(), down.places()
	for y, sy := range rows {
		row := out.pix[y*out.width*n:][:out.width*n]
		src := m.pix[sy*m.width*n:]
		for x, sx := range columns {
			copy(row[x*n:][:n], src[sx*n:])
		}
	}
	return out
}

func (s span) places() []int {
	step := float64(s.in) / float64(s.size)
	at := step * 0.5
	places := make([]int, s.len())
	for i := range s.to {
		if i >= s.from {
			places[i-s.from] = min(int(at), s.in-1)
		}
		at += step
	}
	return places
}

// columnsFirst reports whether Pillow adds up columns before rows: where the height shrinks by more than twice what the
// width does. Bytes are clipped between the two, so the order shows.
func columnsFirst(across, down span) bool {
	return down.size < down.in && down.in-down.size > 2*(across.in-across.size)
}

// resample takes sums along rows and along columns, of what is needed.
func (m *Image) resample(across, down span, f Filter, how Arithmetic) *Image {
	switch {
	case down.size == down.in:
		return m.sumRows(across.table(f, how), down.from, down.len())
	case across.size == across.in:
		return m.sumColumns(down.table(f, how), across.from, across.len())
	case how == Pillow && columnsFirst(across, down):
		t := across.table(f, how)
		first, n := t.reach()
		return m.sumColumns(down.table(f, how), first, n).sumRows(t.from(first), 0, down.len())
	default:
		t := down.table(f, how)
		first, n := t.reach()
		return m.sumRows(across.table(f, how), first, n).sumColumns(t.from(first), 0, across.len())
	}
}

// A table holds the weights of a span.
type table struct{ resample.Table }

// reach returns the first input that the table reads, and how many from there on.
func (t *table) reach() (first, n int) {
	last := len(t.First) - 1
	return t.First[0], t.First[last] + t.Count[last] - t.First[0]
}

// from moves the table to inputs that lack the first ones.
func (t *table) from(first int) *table {
	for i := range t.First {
		t.First[i] -= first
	}
	return t
}

// sumRows returns sums along n rows.
func (m *Image) sumRows(t *table, first, n int) *Image {
	out, bytes := m.like(len(t.First), n), m.mode.bytes()
	width := out.width * bytes
	for y := range n {
		resample.Rows(out.pix[y*width:][:width], m.pix[(first+y)*m.width*bytes:][:m.width*bytes], bytes, &t.Table)
	}
	return out
}

// sumColumns returns sums along n columns.
func (m *Image) sumColumns(t *table, first, n int) *Image {
	out, bytes := m.like(n, len(t.First)), m.mode.bytes()
	width := n * bytes
	for y := range out.height {
		resample.Columns(out.pix[y*width:][:width], m.pix[first*bytes:], m.width*bytes, &t.Table, y)
	}
	return out
}
