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

// Pairs returns the number of pairs of a query at a position from first to last−1 and a key that it sees, of the keys
// at positions 0 to keys−1.
func (m Mask) Pairs(first, last, keys int) int64 {
	if first >= last {
		return 0
	}
	if m.Chunk <= 0 {
		return m.pairs(int64(first), int64(last), int64(keys))
	}
	sum, c := int64(0), m.Chunk
	inChunk := func(start, from, to int) int64 { // both within the chunk that begins at start
		return Mask{Causal: m.Causal, Window: m.Window}.pairs(int64(from-start), int64(to-start), int64(min(c, keys-start)))
	}
	if start := first / c * c; start < first {
		to := min(start+c, last)
		sum += inChunk(start, first, to)
		first = to
	}
	if whole := max(0, min(last, keys)-first) / c; whole > 0 {
		sum += int64(whole) * inChunk(first, first, first+c)
		first += whole * c
	}
	for ; first < last && first < keys; first += c {
		sum += inChunk(first, first, min(first+c, last))
	}
	return sum
}

// pairs is Pairs without chunks: the sum of last−first+1 of [Mask.Range], within the keys.
func (m Mask) pairs(a, b, keys int64) int64 {
	w, n := int64(m.Window), b-a
	lasts, firsts := n*(keys-1), int64(0)
	switch {
	case m.Causal:
		lasts -= excess(keys-1-b+1, keys-1-a+1) // a later query than the last key sees up to that
	case w > 0:
		lasts -= excess(keys-w-b+1, keys-w-a+1)
	}
	if w > 0 {
		firsts = excess(a-w+1, b-w+1)
	}
	return lasts - firsts + n
}

// excess returns the sum of the positive numbers from a to b−1.
func excess(a, b int64) int64 {
	a = max(a, 0)
	if b <= a {
		return 0
	}
	return (a + b - 1) * (b - a) / 2
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
