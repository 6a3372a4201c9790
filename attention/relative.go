package attention

import (
	"math"
	"slices"
	"sort"
)

// RelativeBias is added to the score of a query and a key by head and distance: the key's position less the
// query's (Raffel et al., "T5", 2020).
type RelativeBias struct {
	Heads  int
	Starts []int     // of the runs of distances that share values, as in [Buckets]: [N]
	Table  []float32 // [H][N]
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

// Buckets are distances in runs that share a bucket, so that their size does not depend on how far they go.
type Buckets struct {
	// Starts holds the first distance of each run, in ascending order. Distances before the first are of the
	// first run, and those after the last are of the last.
	Starts []int
	Of     []int // the bucket of each run
}

// NewBuckets returns the runs of the distances from least to most. The distances of a bucket must be
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

// Bucket returns the bucket of a distance, the key's position less the query's: one for each short
// distance, and for longer ones, up to most, buckets that widen as their logarithm does. Bidirectional
// buckets are one half for keys at or before the query and one for those after it; otherwise all keys
// after it share the first bucket. The distances of a bucket are neighbours.
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
