package gemm

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// blockOf returns a block of random codes whose scales are sane: float16 bytes at these places are between 2⁻⁸ and 2.
func randomBlock(r *rand.Rand, f *Format) []byte {
	b := make([]byte, f.Bytes)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	var halves []int
	switch f.layout.units {
	case &unitsMXFP4:
		b[0] = byte(118 + r.IntN(10))
	case &unitsQ4_1, &unitsQ5_1, &unitsQ4_K, &unitsQ5_K:
		halves = []int{0, 2}
	case &unitsQ6_K:
		halves = []int{208}
	case &unitsQ3_K:
		halves = []int{108}
	case &unitsQ2_K:
		halves = []int{80, 82}
	default:
		halves = []int{0}
	}
	for _, at := range halves {
		b[at+1] = byte(r.IntN(2)<<7 | 0x1c + r.IntN(0x20))
	}
	return b
}

// byInt8 are the formats that 8-bit activations are multiplied by.
func byInt8() (all []*Format) {
	for n := range int8Formats {
		if f := &int8Formats[n]; f.Activations == AsInt8Blocks {
			all = append(all, f)
		}
	}
	return all
}

// A panel gives the file's bytes back, whatever they are, and what tiles read are the values that Decode gives.
func TestUnits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range byInt8() {
		w := f.layout.units
		for _, width := range []int{16, 32, 48} {
			unit, want := make([]byte, width*f.Bytes), make([][]byte, width)
			for col := range width {
				want[col] = randomBlock(r, f)
				w.pack(unit, width, col, want[col])
			}
			got, values := make([]byte, f.Bytes), make([]float32, f.Elements)
			for col := range width {
				w.restore(got, unit, width, col)
				if !bytes.Equal(got, want[col]) {
					t.Fatalf("%s, column %d of %d: %x, packed %x", f.Name, col, width, got, want[col])
				}
				f.Decode(values, want[col])
				for i := range f.Elements / int8Inputs {
					var p int8Part
					w.read(&p, unit, width, col, i)
					for j := range int8Inputs {
						scale, minimum := p.scales[0], float32(0)
						switch {
						case w.kind == int8Halves:
							scale = p.scales[j/16]
						case w.kind == int8Minima:
							minimum = p.scales[1]
						case w.kind == int8Quarters:
							scale, minimum = p.scales[j/16], p.minima[j/16]
						}
						v := float64(int32(p.codes[j])-w.bias)*float64(scale) - float64(minimum)
						if float32(v) != values[i*int8Inputs+j] {
							t.Fatalf("%s, k %d: %v, want %v", f.Name, i*int8Inputs+j, v, values[i*int8Inputs+j])
						}
					}
				}
			}
		}
	}
}

// quantized is an independent account of a row's blocks: codes and scales.
func quantized(x []float32) (codes []int32, scales []float32) {
	for ; len(x) > 0; x = x[int8Inputs:] {
		most, finite := float32(0), true
		for _, v := range x[:int8Inputs] {
			most = max(most, float32(math.Abs(float64(v))))
			finite = finite && v-v == 0
		}
		by, scale := 127/most, most/127
		if !finite {
			by, scale = 0, float32(math.NaN())
		} else if most < 0x1p-100 {
			by, scale = 0, 0
		}
		for _, v := range x[:int8Inputs] {
			c := 0.0
			if by != 0 {
				c = math.RoundToEven(float64(v * by))
			}
			codes = append(codes, int32(c))
		}
		scales = append(scales, scale)
	}
	return codes, scales
}

// awkward returns activations with outliers, zeros, ties, tiny and, in some rows, no finite values.
func awkward(r *rand.Rand, rows, k int) []float32 {
	x := tensortest.Normal(r, rows*k)
	for i := range x {
		switch r.IntN(40) {
		case 0:
			x[i] *= 20
		case 1:
			x[i] = 0
		}
	}
	for row := range rows {
		b := x[row*k+r.IntN(k/32)*32:][:32]
		switch r.IntN(6) {
		case 0:
			clear(b)
		case 1:
			for i := range b {
				b[i] = float32(r.IntN(255)-127) / 2
			}
			b[3] = 127
		case 2:
			for i := range b {
				b[i] *= 0x1p-110
			}
		case 3:
			for i := range b {
				b[i] *= 0x1p120
			}
		}
	}
	return x
}

// Packed activations are what quantize.go says, to the bit, on every instruction set.
func TestQuantize(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		f := MXFP4.Int8()
		for rows := 1; rows <= 17; rows++ {
			k := 32 * (1 + r.IntN(40))
			x := awkward(r, rows, k)
			if rows > 2 {
				x[k+r.IntN(k)] = float32(math.Inf(1))
				x[2*k+r.IntN(k)] = float32(math.NaN())
			}
			packed := make([]float32, f.PackedRowsLen(rows, k)+1)
			f.PackRows(packed[1:], x, nil, rows, k, k)
			for row := 0; row < rows; {
				n := tileRows(rows - row)
				for i := range n {
					codes, scales := quantized(x[min(row+i, rows-1)*k:][:k])
					for b, scale := range scales {
						block := uints(packed[1+row*f.RowLen(k)+(b*n+i)*int8Len:][:int8Len])
						checkBlock(t, block, codes[b*32:][:32], scale)
					}
				}
				row += n
			}
		}
	})
}

func checkBlock(t *testing.T, block []uint32, codes []int32, scale float32) {
	t.Helper()
	var sums [2]int32
	for i, c := range codes {
		sums[i/16] -= c
		if got := int32(int8(block[i/4] >> (i % 4 * 8))); got != c {
			t.Fatalf("code %d is %d, want %d", i, got, c)
		}
	}
	if got := math.Float32frombits(block[int8ScaleAt]); got != scale && (got == got || scale == scale) {
		t.Fatalf("scale %v, want %v", got, scale)
	}
	if h := block[int8HalvesAt]; int32(int16(h)) != sums[0] || int32(int16(h>>16)) != sums[1] {
		t.Fatalf("sums %#x, want %d", h, sums)
	}
	if got := math.Float32frombits(block[int8SumAt]); got != float32(sums[0]+sums[1]) {
		t.Fatalf("sum %v, want %d", got, sums[0]+sums[1])
	}
}

// mulAdd is x·y + z as the format's tiles in use compute it.
func mulAdd(f *Format, x, y, z float32) float32 {
	if f.Fast() {
		return tensortest.MulAdd(x, y, z)
	}
	return float32(x*y) + z
}

// int8Chain is an output as the instructions in use must compute it, to the bit; exact is the sum of products of the
// weights' values with rounded activations, and size that of their magnitudes.
func int8Chain(f *Format, row []byte, codes []int32, scales []float32) (c float32, exact, size float64) {
	var p int8Part
	w := f.layout.units
	unit, values := make([]byte, 16*f.Bytes), make([]float32, f.Elements)
	for b := range scales {
		block := row[b*32/f.Elements*f.Bytes:][:f.Bytes]
		w.pack(unit, 16, 5, block)
		f.Decode(values, block)
		i := b % (f.Elements / 32)
		w.read(&p, unit, 16, 5, i)
		var sums, all [2]int32
		for j, x := range codes[b*32:][:32] {
			sums[j/16] += (int32(p.codes[j]) - w.bias) * x
			all[j/16] += x
			v := float64(values[i*32+j]) * float64(x) * float64(scales[b])
			exact += v
			size += math.Abs(v)
		}
		u := float32(sums[0]+sums[1]) * p.scales[0]
		switch w.kind {
		case int8Minima:
			u = mulAdd(f, float32(-all[0]-all[1]), p.scales[1], u)
		case int8Halves:
			c = mulAdd(f, float32(float32(sums[0])*p.scales[0]), scales[b], c)
			u = float32(sums[1]) * p.scales[1]
		case int8Quarters:
			first := mulAdd(f, float32(-all[0]), p.minima[0], float32(sums[0])*p.scales[0])
			c = mulAdd(f, first, scales[b], c)
			u = mulAdd(f, float32(-all[1]), p.minima[1], float32(sums[1])*p.scales[1])
		}
		c = mulAdd(f, u, scales[b], c)
	}
	return c, exact, size
}

// Products by 8-bit activations are their chains: on every instruction set, with any number of rows, outputs, and k;
// and those are near the products of the values.
func TestInt8Products(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, f := range byInt8() {
			sizes := [][3]int{{1, 1, 1}, {1, 130, 3}, {2, 48, 5}, {3, 17, 2}, {4, 97, 4}, {5, 33, 7}, {6, 50, 1}, {7, 64, 3}, {8, 49, 9}, {9, 145, 2}, {21, 20, 6}, {131, 60, 3}}
			if !testing.Short() {
				sizes = append(sizes, [3]int{1, 100, 200}, [3]int{3, 50, 210}, [3]int{8, 70, 120}, [3]int{9, 50, 230}, [3]int{133, 60, 210})
			}
			for _, s := range sizes {
				m, n, k := s[0], s[1], s[2]*f.Elements
				if f.Elements > 32 {
					k = (s[2] + 7) / 8 * f.Elements
				}
				checkInt8(t, r, f, m, n, k)
			}
		}
	})
}

func checkInt8(t *testing.T, r *rand.Rand, f *Format, m, n, k int) {
	t.Helper()
	x, size := awkward(r, m, k), f.rowBytes(k)
	for i := range x {
		x[i] = max(-1e6, min(1e6, x[i])) // sums stay finite
	}
	file := tensortest.AtPageEnd(t, make([]byte, 0))
	for range n * k / f.Elements {
		file = append(file, randomBlock(r, f)...)
	}
	file = tensortest.AtPageEnd(t, file)
	w := New(f, n, k)
	w.Pack(0, file)
	w.Data = tensortest.AtPageEnd(t, w.Data)
	a := tensortest.AtPageEnd(t, make([]float32, f.PackedRowsLen(m, k)))
	f.PackRows(a, tensortest.AtPageEnd(t, x), nil, m, k, k)
	y := tensortest.AtPageEnd(t, make([]float32, m*n))
	w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{})
	for i := range m {
		if m > 16 && i%29 > 1 {
			continue
		}
		codes, scales := quantized(x[i*k:][:k])
		for j := range n {
			want, exact, sum := int8Chain(f, file[j*size:][:size], codes, scales)
			if got := y[i*n+j]; math.Float32bits(got) != math.Float32bits(want) {
				t.Fatalf("%s [%d, %d]·[%d, %d]ᵀ: output (%d, %d) is %v, want %v", f.Name, m, k, n, k, i, j, got, want)
			}
			// Four roundings for each 32 of k. Minima are taken off separately, so the sum of magnitudes is not the whole bound.
			if bound := 4 * float64(k/32+2) * 0x1p-24 * 4 * sum; !(math.Abs(float64(want)-exact) <= bound) {
				t.Fatalf("%s: output (%d, %d) is %v, exactly %v ± %v", f.Name, i, j, want, exact, bound)
			}
		}
	}
	// The same in parts, as workers have them.
	split := make([]float32, m*n)
	for p := 0; p < w.Panels(); {
		q := min(w.Panels(), p+1+r.IntN(3))
		for row := 0; row < m; {
			end := min(m, row+RowTile*(1+r.IntN(4)))
			w.Multiply(split[row*n:], n, a[row*f.RowLen(k):], end-row, p, q, Epilogue{})
			row = end
		}
		p = q
	}
	if i, same := tensortest.SameBits(split, y); !same {
		t.Fatalf("%s [%d, %d]·[%d, %d]ᵀ in parts differs at %d", f.Name, m, k, n, k, i)
	}
	// Alone, and where the file has them.
	stored := InPlace(f, n, k, Stored{Data: file, Row: size})
	for _, row := range []int{0, m - 1} {
		f.PackRows(a, x[row*k:][:k], nil, 1, k, k)
		for _, w := range []Matrix{w, stored} {
			w.Multiply(split, n, a, 1, 0, w.Panels(), Epilogue{})
			if i, same := tensortest.SameBits(split[:n], y[row*n:][:n]); !same {
				t.Fatalf("%s [%d, %d]·[%d, %d]ᵀ: row %d alone differs at %d", f.Name, m, k, n, k, row, i)
			}
		}
	}
	checkRows(t, w, file)
}

// checkRows reads rows back, and multiplies by activations in float32.
func checkRows(t *testing.T, w Matrix, file []byte) {
	t.Helper()
	size := w.Format.rowBytes(w.K)
	got, want := make([]float32, w.K), make([]float32, w.K)
	for i := range w.N {
		w.Row(got, i)
		w.Format.Decode(want, file[i*size:][:size])
		if _, same := tensortest.SameBits(got, want); !same {
			t.Fatalf("%s [%d, %d]: row %d differs", w.Format.Name, w.N, w.K, i)
		}
	}
}

// A row with a value that is not finite has NaN for all outputs; others are as they were. So have outputs whose scale
// is not finite.
func TestInt8Specials(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, f := range byInt8() {
			for _, m := range []int{1, 3, 8, 13} {
				n, k := 50, 2*f.Elements
				x := tensortest.Normal(r, m*k)
				var file []byte
				for range n * 2 {
					file = append(file, randomBlock(r, f)...)
				}
				w := New(f, n, k)
				w.Pack(0, file)
				multiply := func() []float32 {
					a, y := make([]float32, f.PackedRowsLen(m, k)), make([]float32, m*n)
					f.PackRows(a, x, nil, m, k, k)
					w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{})
					return y
				}
				clean := multiply()
				x[(m-1)*k+7] = float32(math.Inf(-1))
				scale := 0
				switch f.layout.units {
				case &unitsQ6_K:
					scale = 208
				case &unitsQ3_K:
					scale = 108
				case &unitsQ2_K:
					scale = 80
				}
				for _, special := range [][2]byte{{1, 0x7c}, {0, 0x7c}} { // NaN and infinity
					if f.layout.units == &unitsMXFP4 {
						file[0] = 233 + 22*special[0]
					} else {
						copy(file[scale:], special[:])
					}
					w.Pack(0, file[:f.Bytes*2])
					for i, v := range multiply() {
						if special := i/n == m-1 || i%n == 0; special != (v != v) || !special && v != clean[i] {
							t.Fatalf("%s: output (%d, %d) is %v, was %v", f.Name, i/n, i%n, v, clean[i])
						}
					}
				}
			}
		}
	})
}

// Without inputs there is nothing to pack, and outputs are zero.
func TestInt8Empty(t *testing.T) {
	f := Q8_0.Int8()
	y := []float32{1, 2, 3, 4, 5, 6}
	f.PackRows(nil, nil, nil, 3, 0, 0)
	New(f, 2, 0).Multiply(y, 2, nil, 3, 0, 1, Epilogue{})
	if _, same := tensortest.SameBits(y, make([]float32, 6)); !same {
		t.Errorf("outputs are %v", y)
	}
}

func TestInt8NoAllocation(t *testing.T) {
	for _, set := range simd.Sets() {
		restore := simd.Force(set)
		f := MXFP4.Int8()
		n, k := 100, 64
		w := New(f, n, k)
		for _, m := range []int{1, 5, 40} {
			x, a, y := make([]float32, m*k), make([]float32, f.PackedRowsLen(m, k)), make([]float32, m*n)
			if avg := testing.AllocsPerRun(20, func() {
				f.PackRows(a, x, nil, m, k, k)
				w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{})
			}); avg > 0.5 && !tensortest.Race {
				t.Errorf("%v, %d rows: %v allocations", set, m, avg)
			}
		}
		restore()
	}
}
