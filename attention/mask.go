package attention

import "math"

// Mask says which keys a query sees, as a function of their positions. The zero value lets every query
// see every key.
type Mask struct {
	// Causal hides the keys after the query's own position.
	Causal bool

	// Window, if not 0, hides distant keys: a causal query sees Window keys, its own included; one
	// that is not causal sees those at a distance below Window on either side.
	Window int

	// Chunk, if not 0, divides positions in chunks of this length: a query sees keys of its own chunk.
	Chunk int
}

// Range returns the first and the last position that a query at position pos sees. The last may lie
// beyond the last key; without a limit it is math.MaxInt32.
func (m Mask) Range(pos int) (first, last int) {
	first, last = 0, math.MaxInt32
	if m.Causal {
		last = pos
	}
	if m.Window > 0 {
		first = max(first, pos-m.Window+1)
		last = min(last, pos+m.Window-1)
	}
	if m.Chunk > 0 {
		start := pos / m.Chunk * m.Chunk
		first, last = max(first, start), min(last, start+m.Chunk-1)
	}
	return first, last
}

// reach returns how many keys a causal query may look back on, its own included; 0 means all.
func (m Mask) reach() int {
	switch {
	case m.Window > 0 && m.Chunk > 0:
		return min(m.Window, m.Chunk)
	case m.Window > 0:
		return m.Window
	}
	return m.Chunk
}
