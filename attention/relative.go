package attention

import (
	"math"
	"slices"
	"sort"
)

// RelativeBias adds a learned value to each score, by head and distance (Raffel et al., "T5", 2020). The
// distance is the key's position minus the query's.
type RelativeBias struct {
	Heads  int
	Starts []int     // [N]: first distance of each run, as in [Buckets]
	Table  []float32 // [H][N]: the value of each head and run
}

// AddTo implements [Bias].
func (b RelativeBias) AddTo(s *Scores) {
	if largest, ok := s.inOrder(); ok {
		var d distances
		b.descend(d[:s.Keys+s.Lanes-1], s.Heads[0], largest)
		s.addDiagonals(&d)
		return
	}
	tile, lanes := s.Tile, s.Lanes
	for i, h := range s.Heads {
		row := b.row(h)
		first := s.Key - s.Pos[i]
		at := i
		for j, run := 0, runOf(b.Starts, first); j < s.Keys; run++ {
			end := s.Keys
			if run+1 < len(b.Starts) {
				end = min(end, b.Starts[run+1]-first)
			}
			for v := row[run]; j < end; j++ {
				tile[at] += v
				at += lanes
			}
		}
	}
}

// descend sets d[i] to the value of a head at distance largest−i.
func (b RelativeBias) descend(d []float32, head, largest int) {
	row := b.row(head)
	i := 0
	for run := runOf(b.Starts, largest); i < len(d); run-- {
		end := len(d)
		if run > 0 {
			end = min(end, largest-b.Starts[run]+1)
		}
		for v := row[run]; i < end; i++ {
			d[i] = v
		}
	}
}

func (b RelativeBias) row(head int) []float32 {
	n := len(b.Starts)
	return b.Table[head*n:][:n]
}

// Buckets maps distances to buckets. Neighbouring distances that share a bucket are one run, so its size does
// not grow with the distances covered.
type Buckets struct {
	// Starts holds the first distance of each run, in ascending order. Smaller distances belong to the first
	// run, larger ones to the last.
	Starts []int
	Of     []int // the bucket of each run
}

// NewBuckets returns the Buckets of the distances from least to most. All distances of one bucket must be
// neighbours.
func NewBuckets(least, most int, bucket func(distance int) int) Buckets {
	var b Buckets
	for d := least; d <= most; {
		of := bucket(d)
		b.Starts, b.Of = append(b.Starts, d), append(b.Of, of)
		same, step := d, 1
		for same+step <= most && bucket(same+step) == of {
			same += step
			step *= 2
		}
		d = same + 1 + sort.Search(min(step, most+1-same)-1, func(i int) bool { return bucket(same+1+i) != of })
	}
	return b
}

// runOf returns the run that a distance is of.
func runOf(starts []int, distance int) int {
	i, found := slices.BinarySearch(starts, distance)
	if !found {
		i--
	}
	return max(i, 0)
}

// Bucket returns T5's bucket of a distance, the key's position minus the query's (transformers:
// _relative_position_bucket). Each short distance has its own bucket; longer ones, up to most, share buckets
// that widen logarithmically. If bidirectional, the first half of the buckets is for keys at or before the
// query and the second half for keys after it. Otherwise all keys after the query share bucket 0. All
// distances of one bucket are neighbours.
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
