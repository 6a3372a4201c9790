package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// int8Weight returns random blocks as a Weight that is multiplied by 8-bit activations.
func int8Weight(r *rand.Rand, out, in int) *Weight {
	w, _ := mxfp4Weight(r, F32, out, in)
	return w.With(Int8Activations)
}

// Products by 8-bit activations have the same bits whatever goes by with a row, and differ from those in full precision
// by what rounding to 8 bits makes: half a code of the block's largest.
func TestInt8Activations(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, c := range [][3]int{{1, 32, 64}, {7, 64, 33}, {8, 96, 50}, {37, 64, 160}, {300, 320, 100}} {
			rows, in, out := c[0], c[1], c[2]
			w := int8Weight(r, out, in)
			if w.Precision != Int8Activations || w.With(Int8Activations) != w {
				t.Fatalf("a weight for 8 bits says %v", w.Precision)
			}
			x := From(tensortest.Normal(r, rows*in), rows, in)
			got, exact, one := New(rows, out), New(rows, out), New(1, out)
			MatMul(got, x, w)
			for i := range rows {
				MatMul(one, From(x.Data[i*in:(i+1)*in], 1, in), w)
				same(t, fmt.Sprintf("%v: row %d alone", c, i), one, From(got.Data[i*out:(i+1)*out], 1, out))
			}
			full := w.With(FullPrecision)
			MatMul(exact, x, full)
			row := make([]float32, in)
			for j := range out {
				full.Row(row, j)
				for i := range rows {
					bound := 0.0
					for b := 0; b < in; b += 32 {
						most, size := 0.0, 0.0
						for k := b; k < b+32; k++ {
							most = max(most, math.Abs(float64(x.Data[i*in+k])))
							size += math.Abs(float64(row[k]))
						}
						bound += size * most / 127 * 0.501
					}
					if d := math.Abs(float64(got.Data[i*out+j] - exact.Data[i*out+j])); !(d <= bound) {
						t.Fatalf("%v: (%d, %d) differs by %v from full precision, bound %v", c, i, j, d, bound)
					}
				}
			}
		}
	})
}

// A feed-forward network with hidden outputs that end within a panel has the bits of its two products, and experts
// those of a network each.
func TestInt8FeedForward(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(23, 24))
		for _, c := range [][4]int{{1, 32, 160, 40}, {5, 64, 32, 70}, {40, 64, 608, 64}, {300, 32, 224, 50}} {
			rows, in, hidden, out := c[0], c[1], c[2], c[3]
			up, down := int8Weight(r, hidden, in), int8Weight(r, out, hidden)
			x := From(tensortest.Normal(r, rows*in), rows, in)
			got, mid, want := New(rows, out), New(rows, hidden), New(rows, out)
			FeedForward(got, x, up, Epilogue{}, down, Epilogue{})
			MatMul(mid, x, up)
			MatMul(want, mid, down)
			same(t, fmt.Sprint(c), got, want)
		}
		const in, out, rows = 96, 70, 90
		experts := make([]Expert, 5)
		for i := range experts {
			hidden := 32 * (1 + 3*i)
			experts[i] = Expert{Gate: int8Weight(r, hidden, in), Up: int8Weight(r, hidden, in), Down: int8Weight(r, out, hidden)}
		}
		x, g := From(tensortest.Normal(r, rows*in), rows, in), randomGroups(r, rows, 1, 0, 7, 150, 40)
		got := New(len(g.Rows), out)
		FeedForwardGrouped(got, x, g, experts, swiGLU{})
		for e := range experts {
			from, to := g.of(e)
			for i := from; i < to; i++ {
				row := From(x.Data[g.Rows[i]*in:][:in], 1, in)
				gate, up, want := New(1, experts[e].Up.Out), New(1, experts[e].Up.Out), New(1, out)
				MatMul(gate, row, experts[e].Gate)
				MatMul(up, row, experts[e].Up)
				swiGLU{}.ApplyGate(gate.Data, gate.Data, up.Data)
				MatMul(want, gate, experts[e].Down)
				same(t, fmt.Sprintf("row %d of expert %d", i, e), From(got.Data[i*out:][:out], 1, out), want)
			}
		}
	})
}
