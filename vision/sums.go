package vision

import (
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/resample"
)

// span is the part of an axis that is computed: outputs from to to, of size, from an axis of in.
type span struct{ in, size, from, to int }

func (s span) len() int { return s.to - s.from }

// scratch is memory for resizing one picture: pictures lie in it until it is used again. The zero value is ready.
type scratch struct {
	rows, columns table
	weights       []float64
	pictures      [2]Image
}

// bytes returns how much memory it holds.
func (w *scratch) bytes() int {
	n := 8 * cap(w.weights)
	for i := range w.pictures {
		n += cap(w.pictures[i].pix)
	}
	for _, t := range []*table{&w.rows, &w.columns} {
		n += 16*cap(t.First) + 8*cap(t.K)
	}
	return n
}

// picture returns picture i in a size, with undefined bytes and otherwise like m.
func (w *scratch) picture(i int, m *Image, width, height int) *Image {
	out, n := &w.pictures[i], width*height*m.mode.bytes()
	pix := out.pix
	if cap(pix) < n+resample.Slack {
		pix = make([]byte, n+resample.Slack)
	}
	*out = Image{mode: m.mode, width: width, height: height, pix: pix[:n], palette: m.palette, transparent: m.transparent, key: m.key, format: m.format}
	return out
}

// weigh returns what output i takes from the inputs from first on. They add up to 1. The result lies in the scratch memory.
func (w *scratch) weigh(s span, f Filter, i int) (first int, k []float64) {
	scale := float64(s.in) / float64(s.size)
	stretch := max(scale, 1)
	support := float64(filters[f].support * stretch)
	center := float64((float64(i) + 0.5) * scale)
	first = max(int(center-support+0.5), 0)
	n := min(int(center+support+0.5), s.in) - first
	inverse, sum := 1/stretch, 0.0
	w.weights = slices.Grow(w.weights[:0], n)[:n]
	for x := range w.weights {
		v := filters[f].weight(float64((float64(x+first) - center + 0.5) * inverse))
		w.weights[x] = v
		sum += v
	}
	if sum != 0 {
		for x := range w.weights {
			w.weights[x] /= sum
		}
	}
	return first, w.weights
}

// A table holds the weights of a span.
type table struct{ resample.Table }

// fill makes t the table of a span.
func (w *scratch) fill(t *table, s span, f Filter, how Arithmetic) *table {
	t.Shift = 22
	if how == Torchvision {
		t.Shift = w.precision(s, f)
	}
	n := s.len()
	stretch := max(float64(s.in)/float64(s.size), 1)
	t.Taps = min(int(math.Ceil(filters[f].support*stretch))*2+1, s.in)
	t.Taps = (t.Taps + 3) &^ 3
	t.First, t.Count = slices.Grow(t.First[:0], n)[:n], slices.Grow(t.Count[:0], n)[:n]
	t.K = slices.Grow(t.K[:0], n*t.Taps)[:n*t.Taps]
	clear(t.K)
	for i := range n {
		first, k := w.weigh(s, f, s.from+i)
		t.First[i], t.Count[i] = first, len(k)
		for x, v := range k {
			t.K[i*t.Taps+x] = int32(math.Copysign(0.5, v) + float64(v*float64(int64(1)<<t.Shift)))
		}
	}
	t.Pack()
	return t
}

// precision returns the bits that torch gives the weights of an axis, so that the largest fits in 15.
func (w *scratch) precision(s span, f Filter) uint {
	largest := 0.0
	for i := range s.size {
		_, k := w.weigh(s, f, i)
		largest = max(largest, slices.Max(k))
	}
	bits := uint(0)
	for bits < 22 && int(0.5+largest*float64(int64(1)<<(bits+1))) < 1<<15 {
		bits++
	}
	return bits
}

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

// columnsFirst reports whether Pillow 13 adds up columns before rows: where the height shrinks by more than twice what the
// width does. Bytes are clipped between the two, so the order shows.
func columnsFirst(across, down span) bool {
	return down.size < down.in && down.in-down.size > 2*(across.in-across.size)
}

// resample takes sums along rows and along columns, of what is needed. The result lies in the scratch memory.
func (w *scratch) resample(m *Image, across, down span, f Filter, how Arithmetic) *Image {
	switch {
	case down.size == down.in:
		return w.sumRows(0, m, w.fill(&w.rows, across, f, how), down.from, down.len())
	case across.size == across.in:
		return w.sumColumns(0, m, w.fill(&w.columns, down, f, how), across.from, across.len())
	}
	rows, columns := w.fill(&w.rows, across, f, how), w.fill(&w.columns, down, f, how)
	if how == Pillow && columnsFirst(across, down) {
		first, n := rows.reach()
		return w.sumRows(1, w.sumColumns(0, m, columns, first, n), rows.from(first), 0, down.len())
	}
	first, n := columns.reach()
	return w.sumColumns(1, w.sumRows(0, m, rows, first, n), columns.from(first), 0, across.len())
}

// sumRows returns sums along n rows, in picture i.
func (w *scratch) sumRows(i int, m *Image, t *table, first, n int) *Image {
	out, stride := w.picture(i, m, len(t.First), n), m.width*m.mode.bytes()
	resample.Rows(out.pix, m.pix[first*stride:], stride, n, m.mode.bytes(), &t.Table)
	return out
}

// sumColumns returns sums along n columns, in picture i.
func (w *scratch) sumColumns(i int, m *Image, t *table, first, n int) *Image {
	out, bytes := w.picture(i, m, n, len(t.First)), m.mode.bytes()
	width := n * bytes
	for y := range out.height {
		resample.Columns(out.pix[y*width:][:width], m.pix[first*bytes:], m.width*bytes, &t.Table, y)
	}
	return out
}
