package resample

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// random returns a table with weights of all sizes, for outputs of an axis of in inputs.
func random(r *rand.Rand, in, outputs int) *Table {
	t := &Table{Shift: 1 + uint(r.IntN(22)), Taps: (1+r.IntN(in))/4*4 + 4}
	for range outputs {
		count := 1 + r.IntN(min(t.Taps, in))
		t.Count = append(t.Count, count)
		t.First = append(t.First, r.IntN(in-count+1))
		for x := range t.Taps {
			k := int32(0)
			if x < count {
				k = int32(r.IntN(1<<23)) - 1<<22
			}
			t.K = append(t.K, k)
		}
	}
	t.Pack()
	return t
}

// sum is what an output is: a plain loop in 32 bits.
func sum(t *Table, i int, at func(x int) byte) byte {
	s := int32(1) << (t.Shift - 1)
	for x := range t.Count[i] {
		s += t.K[i*t.Taps+x] * int32(at(t.First[i]+x))
	}
	return byte(min(max(s>>t.Shift, 0), 255))
}

func TestSums(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range 400 {
			channels, in, n := 1+r.IntN(4), 1+r.IntN(40), 1+r.IntN(9)
			stride := in * channels
			src := make([]byte, n*stride, n*stride+Slack)
			for i := range src {
				src[i] = byte(r.Uint32())
			}
			table := random(r, in, 1+r.IntN(20))
			width := len(table.First) * channels
			got, want := make([]byte, n*width), make([]byte, n*width)
			Rows(got, src, stride, n, channels, table)
			for i := range want {
				y, x, c := i/width, i%width/channels, i%channels
				want[i] = sum(table, x, func(p int) byte { return src[y*stride+p*channels+c] })
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%d rows of %d channels: the sums are %v, want %v", n, channels, got, want)
			}
			table = random(r, n, 1)
			got, want = make([]byte, stride), make([]byte, stride)
			Columns(got, src, stride, table, 0)
			for x := range want {
				want[x] = sum(table, 0, func(y int) byte { return src[y*stride+x] })
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%d columns of %d rows: the sums are %v, want %v", stride, n, got, want)
			}
		}
	})
}
