package attention

import "math"

// RelativeBias is added to the score of a query and a key by head and distance (Raffel et al., "T5",
// 2020).
type RelativeBias struct {
	Heads int
	Reach int       // distances beyond ±Reach count as ±Reach
	Table []float32 // [H][2·Reach+1]: of the key's position less the query's, from −Reach on
}

// AddTo implements [Bias].
func (b RelativeBias) AddTo(s *Scores) {
	width := 2*b.Reach + 1
	if largest, ok := s.inOrder(); ok {
		var d distances
		row := b.Table[s.Heads[0]*width:][:width]
		for i := range d[:s.Keys+s.Lanes-1] {
			d[i] = row[min(max(largest-i+b.Reach, 0), width-1)]
		}
		s.addDiagonals(&d)
		return
	}
	for i, h := range s.Heads {
		row := b.Table[h*width:][:width]
		d := s.Key - s.Pos[i] + b.Reach
		for j := range s.Keys {
			s.Tile[j*s.Lanes+i] += row[min(max(d+j, 0), width-1)]
		}
	}
}

// Bucket returns the bucket of a distance, the key's position less the query's: one for each short
// distance, and for longer ones, up to most, buckets that widen as their logarithm does. Bidirectional
// buckets are one half for keys at or before the query and one for those after it; otherwise all keys
// after it share the first bucket.
func Bucket(distance, buckets, most int, bidirectional bool) int {
	base, n := 0, -distance
	if bidirectional {
		buckets /= 2
		if n < 0 {
			base, n = buckets, -n
		}
	} else {
		n = max(n, 0)
	}
	exact := buckets / 2
	if n < exact {
		return base + n
	}
	// float32 as in the reference: the border of a bucket may depend on it
	far := float32(math.Log(float64(float32(n)/float32(exact)))) / float32(math.Log(float64(most)/float64(exact))) * float32(buckets-exact)
	return base + min(exact+int(far), buckets-1)
}
