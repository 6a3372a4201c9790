package vision

import "slices"

// resample16 is resample for grey of 16 bits, where Pillow adds up float64.
func (w *scratch) resample16(m *Image, across, down span, f Filter) *Image {
	columns, rows := w.floats(across, f), w.floats(down, f)
	if columnsFirst(across, down) {
		return m.sumColumns16(rows).sumRows16(columns)
	}
	return m.sumRows16(columns).sumColumns16(rows)
}

func (m *Image) sumRows16(columns []taps) *Image {
	out := m.like(len(columns), m.height)
	for y := range m.height {
		for x, t := range columns {
			store16(out.pix[2*(y*out.width+x):], t.sum(m.pix[2*(y*m.width+t.first):], 2))
		}
	}
	return out
}

func (m *Image) sumColumns16(rows []taps) *Image {
	out := m.like(m.width, len(rows))
	for y, t := range rows {
		for x := range out.width {
			store16(out.pix[2*(y*out.width+x):], t.sum(m.pix[2*(t.first*m.width+x):], 2*m.width))
		}
	}
	return out
}

// taps are the weights of one output.
type taps struct {
	first   int
	weights []float64
}

func (w *scratch) floats(s span, f Filter) []taps {
	all := make([]taps, s.len())
	for i := range all {
		first, k := w.weigh(s, f, s.from+i)
		all[i] = taps{first, slices.Clone(k)}
	}
	return all
}

// sum adds up values of 16 bits that lie step bytes apart.
func (t taps) sum(p []byte, step int) float64 {
	s := 0.0
	for i, w := range t.weights {
		v := int(p[i*step]) | int(p[i*step+1])<<8
		s += float64(float64(v) * w)
	}
	return s
}

// store16 rounds half away from zero and clips, as Pillow does.
func store16(p []byte, v float64) {
	n := int(v + 0.5)
	if v < 0 {
		n = int(v - 0.5)
	}
	n = min(max(n, 0), 1<<16-1)
	p[0], p[1] = byte(n), byte(n>>8)
}
