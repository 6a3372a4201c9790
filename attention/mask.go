package attention

import "math"

// Mask says which keys a query sees, by their positions. With the zero value every query sees every key.
type Mask struct {
	// Causal hides the keys after the query's own position.
	Causal bool

	// Window, if not 0, hides distant keys. A causal query sees Window keys, its own included. A query that
	// is not causal sees keys at a distance below Window on either side.
	Window int

	// Chunk, if not 0, splits positions into chunks of this length. A query sees only keys in its own chunk.
	Chunk int
}

// Range returns the first and the last position that a query at position pos sees. last may lie beyond the
// last key; math.MaxInt32 means no limit.
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
