package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// Biases by distance add the same bits to tiles of one head's queries in order, which are computed by
// diagonals, and to tiles of any queries.
func TestBiasesByDistance(t *testing.T) {
	const heads, buckets, most = 3, 24, 20
	r := rand.New(rand.NewPCG(1, 2))
	runs := NewBuckets(-most, most, func(d int) int { return Bucket(d, buckets, most, true) })
	relative := RelativeBias{Heads: heads, Starts: runs.Starts, Table: make([]float32, heads*len(runs.Starts))}
	for i := range relative.Table {
		relative.Table[i] = r.Float32()
	}
	alibi := ALiBi{[]float32{0.5, 0.3, 0.01}}
	value := func(b Bias, head, distance int) float32 {
		if a, ok := b.(ALiBi); ok {
			return a.Slopes[head] * float32(distance)
		}
		return relative.Table[head*len(runs.Of)+slices.Index(runs.Of, Bucket(distance, buckets, most, true))]
	}
	tensortest.EachSet(t, func(t *testing.T) {
		for _, b := range []Bias{relative, alibi} {
			for _, c := range []struct{ lanes, used, keys, key, pos int }{
				{8, 1, 1, 0, 0}, {8, 5, 128, 128, 130}, {16, 16, 77, 0, 300}, {32, 20, 128, 256, 3}, {48, 48, 128, 0, 0}, {48, 40, 100, 0, 90},
			} {
				for _, order := range []bool{true, false} {
					s := Scores{Tile: make([]float32, c.lanes*c.keys), Lanes: c.lanes, Keys: c.keys, Key: c.key}
					for i := range c.used {
						head, pos := 1, c.pos+i
						if !order && i%2 == 1 {
							head, pos = 2, c.pos
						}
						s.Heads, s.Pos, s.Rows = append(s.Heads, head), append(s.Pos, pos), append(s.Rows, i)
					}
					before := make([]float32, len(s.Tile))
					for i := range before {
						before[i] = r.Float32()
					}
					copy(s.Tile, before)
					if _, ok := s.inOrder(); ok != (order || c.used == 1) {
						t.Fatalf("%+v: in order: %v", c, ok)
					}
					b.AddTo(&s)
					for i := range c.used {
						for j := range c.keys {
							at := j*c.lanes + i
							want := before[at] + value(b, s.Heads[i], c.key+j-s.Pos[i])
							if math.Float32bits(s.Tile[at]) != math.Float32bits(want) {
								t.Fatalf("%T, %+v, in order %v: key %d of lane %d is %v, want %v", b, c, order, j, i, s.Tile[at], want)
							}
						}
					}
				}
			}
		}
		scores := Scores{Tile: make([]float32, 48*128), Lanes: 48, Keys: 128, Heads: []int{0, 0}, Pos: []int{4, 5}}
		if n := testing.AllocsPerRun(10, func() { relative.AddTo(&scores) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// The runs of buckets are those that each distance by itself gives, near and far, and few where they go far.
func TestBuckets(t *testing.T) {
	for _, c := range []struct{ buckets, most int }{{32, 128}, {4, 4}, {5, 3}, {6, 4}, {24, 20}, {32, 17}, {32, 100_000}, {64, 333}, {512, 300}, {1000, 4000}, {255, 128}} {
		for _, both := range []bool{true, false} {
			bucket := func(d int) int { return Bucket(d, c.buckets, c.most, both) }
			b := NewBuckets(-c.most, c.most, bucket)
			if len(b.Starts) != len(b.Of) || len(b.Starts) > c.buckets || !slices.IsSorted(b.Starts) {
				t.Fatalf("%+v: runs %v", c, b)
			}
			for d := -c.most - 50; d <= c.most+50; d++ {
				if got, want := b.Of[runOf(b.Starts, d)], bucket(d); got != want {
					t.Fatalf("%+v, both ways %v: distance %d is in bucket %d, want %d", c, both, d, got, want)
				}
			}
			for i := range b.Of {
				if slices.Contains(b.Of[:i], b.Of[i]) {
					t.Errorf("%+v: bucket %d has two runs", c, b.Of[i])
				}
			}
		}
	}
	if b := NewBuckets(3, 2, nil); len(b.Starts) != 0 {
		t.Errorf("no distances have runs %v", b)
	}
}

// BenchmarkRelativeBias is the time that the bias of a tile takes.
func BenchmarkRelativeBias(b *testing.B) {
	runs := NewBuckets(-128, 128, func(d int) int { return Bucket(d, 32, 128, true) })
	bias := RelativeBias{Heads: 1, Starts: runs.Starts, Table: make([]float32, len(runs.Starts))}
	for _, order := range []bool{true, false} {
		b.Run(fmt.Sprintf("in order %v", order), func(b *testing.B) {
			s := Scores{Tile: make([]float32, 48*128), Lanes: 48, Keys: 128}
			for i := range 48 {
				s.Heads, s.Pos = append(s.Heads, 0), append(s.Pos, i)
			}
			if !order {
				s.Pos[47] = 0
			}
			for b.Loop() {
				bias.AddTo(&s)
			}
		})
	}
}
