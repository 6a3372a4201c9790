package attention

import (
	"math"
	"slices"
	"sort"
)

// RelativeBias is added to the score of a query and a key by head and distance: the key's position less the
// query's (Raffel et al., "T5", 2020). Distances share values in runs, so that its size does not depend on how
// far they go. [BucketRuns] gives the runs of T5.
type RelativeBias struct {
	Heads int

	// Starts holds the first distance of each run, in ascending order. Distances before the first are of the
	// first run, those from the last on of the last.
	Starts []int     // [N]
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
		for j, run := 0, b.run(first); j < s.Keys; run++ {
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
	for run := b.run(largest); i < len(d); run-- {
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

// run returns the run that a distance is of.
func (b RelativeBias) run(distance int) int {
	i, found := slices.BinarySearch(b.Starts, distance)
	if !found {
		i--
	}
	return max(i, 0)
}

// BucketRuns returns the runs of distances that share a [Bucket], in ascending order, and the bucket of each.
// Run i begins at distance starts[i]; the first begins at −most.
func BucketRuns(buckets, most int, bidirectional bool) (starts, bucket []int) {
	// Away from 0, on either side, buckets only grow.
	var ends []int // how far before the query each run begins, and one more
	for n := 0; n <= most; {
		n = nextBucket(n, most, func(n int) int { return Bucket(-n, buckets, most, bidirectional) })
		ends = append(ends, n)
	}
	for _, n := range slices.Backward(ends) {
		starts = append(starts, 1-n)
		bucket = append(bucket, Bucket(1-n, buckets, most, bidirectional))
	}
	for n := 1; bidirectional && n <= most; {
		starts, bucket = append(starts, n), append(bucket, Bucket(n, buckets, most, true))
		n = nextBucket(n, most, func(n int) int { return Bucket(n, buckets, most, true) })
	}
	return starts, bucket
}

// nextBucket returns the first distance after n, at most one more than most, that has another bucket.
func nextBucket(n, most int, bucket func(n int) int) int {
	same, step := n, 1
	for same+step <= most && bucket(same+step) == bucket(n) {
		same += step
		step *= 2
	}
	return same + 1 + sort.Search(min(step, most+1-same)-1, func(i int) bool { return bucket(same+1+i) != bucket(n) })
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
