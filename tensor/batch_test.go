package tensor_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
)

// A batch has the bits of single products, whatever lies between its rows, and leaves that alone.
func TestMatMulBatch(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, c := range []struct{ matrices, rows, in, out, inGap, outGap int }{
			{1, 1, 3, 5, 0, 0}, {5, 1, 16, 49, 3, 7}, {3, 9, 33, 20, 0, 4}, {2, 300, 64, 96, 8, 0}, {40, 2, 70, 100, 1, 1},
		} {
			for _, dt := range []tensor.DType{tensor.F32, tensor.BF16} {
				for _, shared := range []bool{false, true} {
					var w []*tensor.Weight
					for range c.matrices {
						m := tensor.NewWeight(dt, c.out, c.in)
						m.PackFloat32(0, tensortest.Normal(r, c.out*c.in))
						w = append(w, m)
					}
					// [rows, matrices, width], as heads lie in a row
					x := tensor.Batch{Matrix: c.in + c.inGap, Row: c.matrices * (c.in + c.inGap)}
					if shared {
						x.Matrix = 0
					}
					x.Data = tensortest.Normal(r, c.rows*x.Row)
					dst := tensor.Batch{Matrix: c.out + c.outGap, Row: c.matrices * (c.out + c.outGap)}
					dst.Data = tensortest.Normal(r, c.rows*dst.Row)
					want := slices.Clone(dst.Data)
					for b := range w {
						for row := range c.rows {
							y := tensor.New(1, c.out)
							tensor.MatMul(y, tensor.From(x.Data[b*x.Matrix+row*x.Row:][:c.in], 1, c.in), w[b])
							copy(want[b*dst.Matrix+row*dst.Row:], y.Data)
						}
					}
					tensor.MatMulBatch(dst, x, c.rows, w)
					if i, ok := tensortest.SameBits(dst.Data, want); !ok {
						t.Fatalf("%+v, %v, shared %v: element %d is %v, want %v", c, dt, shared, i, dst.Data[i], want[i])
					}
				}
			}
		}
	})
}

func TestMatMulBatchPanics(t *testing.T) {
	w := []*tensor.Weight{tensor.NewWeight(tensor.F32, 3, 2), tensor.NewWeight(tensor.F32, 3, 2)}
	of := func(n, matrix, row int) tensor.Batch {
		return tensor.Batch{Data: make([]float32, n), Matrix: matrix, Row: row}
	}
	one := of(20, 3, 6)
	for want, f := range map[string]func(){
		"weight 1 is [2, 2] of F32, the first is [3, 2]": func() {
			tensor.MatMulBatch(one, of(20, 2, 4), 2, []*tensor.Weight{w[0], tensor.NewWeight(tensor.F32, 2, 2)})
		},
		"dst has 11 elements for 2 matrices [2, 3]": func() { tensor.MatMulBatch(of(11, 3, 6), of(20, 2, 4), 2, w) },
		"x has 7 elements for 2 matrices [2, 2]":    func() { tensor.MatMulBatch(one, of(7, 2, 4), 2, w) },
		"rows of 3, are 0 apart":                    func() { tensor.MatMulBatch(of(20, 0, 6), of(20, 2, 4), 2, w) },
		"overlap":                                   func() { tensor.MatMulBatch(one, one, 2, w) },
	} {
		tensortest.Panics(t, want, f)
	}
}

func BenchmarkMatMulBatchOneRow(b *testing.B) {
	const heads, out, in = 128, 512, 128
	var w []*tensor.Weight
	for range heads {
		w = append(w, tensor.NewWeight(tensor.BF16, out, in))
	}
	dst, x := tensor.Batch{Data: make([]float32, heads*out), Matrix: out}, tensor.Batch{Data: make([]float32, heads*in), Matrix: in}
	b.SetBytes(heads * out * in * 2)
	for b.Loop() {
		tensor.MatMulBatch(dst, x, 1, w)
	}
}
