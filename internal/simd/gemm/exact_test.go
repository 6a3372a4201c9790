package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// Parts of panels as float32 are what Decode gives for their blocks, to the bit, whatever the bytes: scales that are
// not normal, infinite, or NaN too, whose values are all NaN then.
func TestUnpack(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, f := range byInt8() {
			f := &formats[nameOf(f)]
			for _, width := range []int{16, 32, 48} {
				for n := 1; n <= 9; n++ {
					checkUnpack(t, r, f, width, n)
				}
			}
		}
	})
}

// nameOf returns the name of a format.
func nameOf(f *Format) Name {
	for n := range formats {
		if formats[n].Name == f.Name {
			return Name(n)
		}
	}
	panic("no format " + f.Name)
}

func checkUnpack(t *testing.T, r *rand.Rand, f *Format, width, n int) {
	t.Helper()
	k := n * f.Elements
	want, column := make([]float32, k*width), make([]float32, f.Elements)
	part := tensortest.AtPageEnd(t, make([]byte, n*width*f.Bytes))
	for i := range n {
		for col := range width {
			block := randomBlock(r, f)
			switch at := r.IntN(4); at {
			case 0: // any bytes
				for j := range block {
					block[j] = byte(r.Uint32())
				}
			case 1: // scales of 0, and infinite ones
				block[0], block[f.Bytes-1], block[1], block[f.Bytes-2] = byte(r.IntN(2)*255), byte(r.IntN(2)*0x7c), byte(r.IntN(2)*0x7c), 0
			}
			f.layout.units.pack(part[i*width*f.Bytes:], width, col, block)
			f.Decode(column, block)
			for j, v := range column {
				want[(i*f.Elements+j)*width+col] = v
			}
		}
	}
	got := tensortest.AtPageEnd(t, make([]float32, k*width))
	f.unpack(got, part, width, new(decoded))
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) && (v == v || want[i] == want[i]) {
			t.Fatalf("%s, %d outputs, %d blocks: k %d of output %d is %v, want %v", f.Name, width, n, i/width, i%width, v, want[i])
		}
	}
}

// BenchmarkExact is the share of float32's peak that exact products by block formats reach, and with one row the
// elements of weights a nanosecond.
func BenchmarkExact(b *testing.B) {
	float := rate(func() float64 { return Peak(100_000) })
	for n := range formats {
		f := &formats[n]
		if f.layout.units == nil && Name(n) != F32 {
			continue
		}
		for _, m := range []int{1, 8, 128} {
			b.Run(fmt.Sprintf("%s/%d", f.Name, m), func(b *testing.B) {
				const n, k = 1024, 2048
				r := rand.New(rand.NewPCG(1, 2))
				w := matrixOf(r, f, n, k)
				a, y := make([]float32, f.PackedRowsLen(m, k)), hugepages.Float32s(m*n)
				f.PackRows(a, tensortest.Normal(r, m*k), nil, m, k, k)
				best := time.Hour
				for b.Loop() {
					start := time.Now()
					w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{})
					best = min(best, time.Since(start))
				}
				b.ReportMetric(200*float64(m*n*k)/float64(best.Nanoseconds())/float, "%peak")
				b.ReportMetric(float64(n*k)/float64(best.Nanoseconds()), "weights/ns")
			})
		}
	}
}
