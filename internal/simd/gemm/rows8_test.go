package gemm

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

var rowFormats = []Name{W8, W7}

// byRow is an independent account of a packed row: codes, scale and zero point, in float64 where that is exact.
func byRow(x []float32) (codes []int32, scale float32, zero int32) {
	codes = make([]int32, len(x))
	lo, hi := float32(0), float32(0)
	for _, v := range x {
		if v-v != 0 {
			return codes, float32(math.NaN()), 0
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	r := float32(1) / 254
	up, down := float32(hi*r), float32(lo*r) // converted, so that nothing is fused
	scale = up - down
	if scale < 0x1p-100 {
		return codes, 0, 0
	}
	by := 1 / scale
	at := lo * by
	zero = -127 - int32(math.RoundToEven(float64(at)))
	for i, v := range x {
		at := v * by
		codes[i] = min(127, int32(math.RoundToEven(float64(at)))+zero)
	}
	return codes, scale, zero
}

// awkwardRows returns activations of which some rows have outliers, one sign, ties, or are tiny, huge or zero.
func awkwardRows(r *rand.Rand, rows, k int) []float32 {
	x := tensortest.Normal(r, rows*k)
	for row := range rows {
		v := x[row*k:][:k]
		switch r.IntN(9) {
		case 0:
			clear(v)
		case 1:
			for i := range v {
				v[i] = float32(r.IntN(255)-127) / 2
			}
			v[k/2], v[0] = 127, -127
		case 2:
			for i := range v {
				v[i] *= 0x1p-110
			}
		case 3:
			for i := range v {
				v[i] *= 0x1p120
			}
		case 4:
			for i := range v {
				v[i] = float32(math.Abs(float64(v[i]))) + 3
			}
		case 5:
			for i := range v {
				v[i] = -float32(math.Abs(float64(v[i])))
			}
		case 6:
			v[r.IntN(k)] *= 50
		case 7:
			v[r.IntN(k)] = math.Float32frombits(0x7f7fffff)
			v[r.IntN(k)] = -math.Float32frombits(0x7f7fffff)
		}
	}
	return x
}

// Packed rows are what rows8_quantize.go says, to the bit, on every instruction set.
func TestQuantizeRows(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		f := W8.Int8()
		for n := range 300 {
			rows, k := 1+n%17, 4*(1+r.IntN(60))
			x := awkwardRows(r, rows, k)
			if rows > 4 {
				x[k+r.IntN(k)] = float32(math.Inf(1))
				x[2*k+r.IntN(k)] = float32(math.NaN())
				x[3*k+r.IntN(k)] = float32(math.Inf(-1))
				x[r.IntN(k)] = -float32(math.NaN())
			}
			packed := tensortest.AtPageEnd(t, make([]float32, f.PackedRowsLen(rows, k)))
			f.PackRows(packed, tensortest.AtPageEnd(t, x), nil, rows, k, k)
			for i := range wholeTiles(rows) {
				codes, scale, zero := byRow(x[min(i, rows-1)*k:][:k])
				row, sum := uints(packed[i*f.RowLen(k):][:f.RowLen(k)]), int32(0)
				for j, c := range codes {
					if got := int32(int8(row[j/4] >> (j % 4 * 8))); got != c {
						t.Fatalf("row %d of %d: code %d is %d, want %d", i, k, j, got, c)
					}
					sum += c
				}
				tail := row[k/4:]
				if got := math.Float32frombits(tail[rowsScaleAt]); got != scale && (got == got || scale == scale) {
					t.Fatalf("row %d of %d: scale %v, want %v", i, k, got, scale)
				}
				if int32(int16(tail[rowsZeroAt])) != -zero || int32(int16(tail[rowsZeroAt]>>16)) != -256*zero || int32(tail[rowsSumAt]) != -sum {
					t.Fatalf("row %d of %d: %x, want the zero point %d and the sum %d", i, k, tail, zero, sum)
				}
				if zero < -127 || zero > 127 {
					t.Fatalf("zero point %d", zero)
				}
			}
		}
	})
}

// Rows of weights are nearest codes; a packed matrix gives their values back.
func TestRowWeights(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, name := range rowFormats {
		f := name.Format()
		most := float64(f.layout.codes.most)
		n, k := 75, 4*37
		w := awkwardRows(r, n, k)
		for i := range w {
			w[i] = max(-1e30, min(1e30, w[i]))
		}
		m := New(f, n, k)
		m.Pack(0, encodeRows(f, w, n))
		got := make([]float32, k)
		for i := range n {
			row, largest := w[i*k:][:k], 0.0
			for _, v := range row {
				largest = max(largest, math.Abs(float64(v)))
			}
			m.Row(got, i)
			for j, v := range row {
				if d := math.Abs(float64(v) - float64(got[j])); !(d <= largest/most*0.5001) && largest >= 0x1p-100 {
					t.Fatalf("%s: weight (%d, %d) is %v, want %v of rows up to %v", f.Name, i, j, got[j], v, largest)
				}
			}
		}
	}
}

func encodeRows(f *Format, w []float32, n int) []byte {
	k, size := len(w)/n, f.rowBytes(len(w)/n)
	b := make([]byte, n*size)
	for i := range n {
		f.Encode(b[i*size:][:size], w[i*k:][:k])
	}
	return b
}

// Products are the formula, to the bit and with the same bits on every instruction set, with any number of rows, outputs
// and inputs, in parts and alone; and so are products by float32, which decode.
func TestRowProducts(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, name := range rowFormats {
			sizes := [][3]int{{1, 1, 1}, {1, 130, 3}, {2, 48, 5}, {3, 17, 2}, {4, 97, 40}, {5, 33, 70}, {6, 50, 1}, {7, 64, 3}, {8, 49, 90}, {9, 145, 2}, {21, 20, 60}, {131, 60, 30}, {300, 50, 4}}
			for _, s := range sizes {
				checkRowProducts(t, r, name, s[0], s[1], 4*s[2])
			}
		}
	})
}

func checkRowProducts(t *testing.T, r *rand.Rand, name Name, m, n, k int) {
	t.Helper()
	f := name.Int8()
	x, weights := awkwardRows(r, m, k), awkwardRows(r, n, k)
	for i := range x {
		x[i] = max(-1e6, min(1e6, x[i]))
	}
	for i := range weights {
		weights[i] = max(-1e6, min(1e6, weights[i]))
	}
	file := encodeRows(f, weights, n)
	w := New(f, n, k)
	w.Pack(0, tensortest.AtPageEnd(t, file))
	w.Data = tensortest.AtPageEnd(t, w.Data)
	a := tensortest.AtPageEnd(t, make([]float32, f.PackedRowsLen(m, k)))
	f.PackRows(a, tensortest.AtPageEnd(t, x), nil, m, k, k)
	bias, add := tensortest.Normal(r, n), tensortest.Normal(r, m*n)
	y := tensortest.AtPageEnd(t, make([]float32, m*n))
	e := Epilogue{tensortest.AtPageEnd(t, bias), tensortest.AtPageEnd(t, add)}
	w.Multiply(y, n, a, m, 0, w.Panels(), e)
	size := f.rowBytes(k)
	for i := range m {
		codes, scale, zero := byRow(x[i*k:][:k])
		for j := range n {
			row := file[j*size:][:size]
			var sum int64
			for l, q := range codes {
				sum += int64(q-zero) * int64(int8(row[l]))
			}
			if sum != int64(int32(sum)) {
				t.Fatalf("the sum %d overflows", sum)
			}
			want := float32(float32(float32(sum)*math.Float32frombits(binary.LittleEndian.Uint32(row[k:]))) * scale)
			want += bias[j]
			want += add[i*n+j]
			if got := y[i*n+j]; math.Float32bits(got) != math.Float32bits(want) {
				t.Fatalf("%s [%d, %d]·[%d, %d]ᵀ: output (%d, %d) is %v, want %v", f.Name, m, k, n, k, i, j, got, want)
			}
		}
	}
	split := make([]float32, m*n)
	for p := 0; p < w.Panels(); {
		q := min(w.Panels(), p+1+r.IntN(3))
		for row := 0; row < m; {
			end := min(m, row+RowTile*(1+r.IntN(4)))
			w.Multiply(split[row*n:], n, a[row*f.RowLen(k):], end-row, p, q, Epilogue{bias, add[row*n:]})
			row = end
		}
		p = q
	}
	if i, same := tensortest.SameBits(split, y); !same {
		t.Fatalf("%s [%d, %d]·[%d, %d]ᵀ in parts differs at %d", f.Name, m, k, n, k, i)
	}
	for _, row := range []int{0, m - 1} {
		f.PackRows(a, x[row*k:][:k], nil, 1, k, k)
		w.Multiply(split, n, a, 1, 0, w.Panels(), Epilogue{bias, add[row*n:]})
		if i, same := tensortest.SameBits(split[:n], y[row*n:][:n]); !same {
			t.Fatalf("%s [%d, %d]·[%d, %d]ᵀ: row %d alone differs at %d", f.Name, m, k, n, k, row, i)
		}
	}
	checkRows(t, w, file)
	// By float32: the chains of the values.
	exact, wide := w, New(F32.Format(), n, k)
	exact.Format = name.Format()
	values := make([]float32, k)
	for i := range n {
		w.Row(values, i)
		b := make([]byte, 4*k)
		encodeF32(b, values)
		wide.Pack(i, b)
	}
	packed, want := make([]float32, F32.Format().PackedRowsLen(m, k)), make([]float32, m*n)
	F32.Format().PackRows(packed, x, nil, m, k, k)
	exact.Multiply(split, n, packed, m, 0, exact.Panels(), Epilogue{})
	wide.Multiply(want, n, packed, m, 0, wide.Panels(), Epilogue{})
	if i, same := tensortest.SameBits(split, want); !same {
		t.Fatalf("%s [%d, %d]·[%d, %d]ᵀ by float32 differs at %d", f.Name, m, k, n, k, i)
	}
}

// The largest sums are exact, and more inputs than have them are refused.
func TestRowsOverflow(t *testing.T) {
	f, k := W8.Int8(), RowInputs
	tensortest.EachSet(t, func(t *testing.T) {
		if testing.Short() && simd.Active() == simd.Generic {
			t.Skip("slow")
		}
		for _, sign := range []float32{1, -1} {
			w, x := make([]float32, k), make([]float32, 2*k)
			for i := range w {
				w[i], x[i], x[k+i] = 1, sign, 1
				if i%2 == 0 {
					w[i], x[i] = sign, 1
				}
			}
			m := New(f, 1, k)
			m.Pack(0, encodeRows(f, w, 1))
			a, y := make([]float32, f.PackedRowsLen(2, k)), make([]float32, 2)
			f.PackRows(a, x, nil, 2, k, k)
			m.Multiply(y, 1, a, 2, 0, 1, Epilogue{})
			for i := range y {
				want := 0.0
				for j, v := range w {
					want += float64(v) * float64(x[i*k+j])
				}
				if math.Abs(float64(y[i])-want) > float64(k)/200 { // the range is cut by half a step of 1/254
					t.Errorf("output %d is %v, want %v", i, y[i], want)
				}
			}
		}
	})
	tensortest.Panics(t, "gemm: a matrix of W8 with 65540 inputs, at most 65536 have exact sums", func() { New(f, 1, k+4) })
	tensortest.Panics(t, "gemm: packing 4 columns of 8, whose rows are packed whole", func() {
		f.PackColumns(make([]float32, 8*5), make([]float32, 4), nil, 1, 4, 8, 0, 4)
	})
}

// A row with a value that is not finite has NaN for all outputs; others are as they were. So have outputs whose scale is
// not finite.
func TestRowSpecials(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		f := W8.Int8()
		for _, m := range []int{1, 3, 8, 13} {
			n, k := 50, 72
			x, weights := tensortest.Normal(r, m*k), tensortest.Normal(r, n*k)
			multiply := func() []float32 {
				w := New(f, n, k)
				w.Pack(0, encodeRows(f, weights, n))
				a, y := make([]float32, f.PackedRowsLen(m, k)), make([]float32, m*n)
				f.PackRows(a, x, nil, m, k, k)
				w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{})
				return y
			}
			clean := multiply()
			x[(m-1)*k+7] = float32(math.Inf(-1))
			weights[3] = float32(math.NaN())
			for i, v := range multiply() {
				if special := i/n == m-1 || i%n == 0; special != (v != v) || !special && v != clean[i] {
					t.Fatalf("output (%d, %d) is %v, was %v", i/n, i%n, v, clean[i])
				}
			}
		}
	})
}
