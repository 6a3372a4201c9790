package gemm_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/half"
	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// TestLayout checks packed matrices against the definition of the layout.
func TestLayout(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for n := 1; n <= 150; n++ {
			k := 1 + r.IntN(40)
			if n%50 == 0 {
				k = 600
			}
			w := short(r, n*k)
			m, h := packed(F32, w, n, k), packed(BF16, w, n, k)
			elements := (n + 15) / 16 * 16 * k
			if len(m.Data) != 4*elements || len(h.Data) != 2*elements || m.Panels() != (n+47)/48 {
				t.Fatalf("[%d, %d]: %d and %d bytes, %d panels", n, k, len(m.Data), len(h.Data), m.Panels())
			}
			want := make([]float32, elements)
			for i, v := range w {
				row, col := i/k, i%k
				p := row / PanelWidth
				width := min(PanelWidth, (n-p*PanelWidth+15)/16*16)
				want[p*PanelWidth*k+col*width+row%PanelWidth] = v
			}
			var words, halves []byte
			for _, v := range want {
				words = binary.NativeEndian.AppendUint32(words, math.Float32bits(v))
				halves = binary.NativeEndian.AppendUint16(halves, half.BF16(v))
			}
			if !bytes.Equal(m.Data, words) || !bytes.Equal(h.Data, halves) {
				t.Fatalf("[%d, %d] is packed wrongly", n, k)
			}
		}
	})
}

// TestPackParts packs in parts, in any order, from bytes at odd addresses.
func TestPackParts(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for range 200 {
			n, k := 1+r.IntN(300), 1+r.IntN(50)
			w := short(r, n*k)
			for _, typ := range types {
				whole, parts := packed(typ, w, n, k), New(typ.Format(), n, k)
				for _, p := range cuts(r, n) {
					parts.Pack(p[0], append([]byte{0}, stored(typ.Format(), w[p[0]*k:p[1]*k])...)[1:])
				}
				if !bytes.Equal(parts.Data, whole.Data) {
					t.Fatalf("%v: [%d, %d] packed in parts differs", typ, n, k)
				}
			}
		}
	})
}

// cuts returns ranges that cover 0…n, in random order.
func cuts(r *rand.Rand, n int) (parts [][2]int) {
	for at := 0; at < n; {
		end := min(n, at+1+r.IntN(100))
		parts = append(parts, [2]int{at, end})
		at = end
	}
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return parts
}

func TestRow(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const n, k = 101, 131
	w := short(r, n*k)
	for _, typ := range types {
		m := packed(typ, w, n, k)
		for i := range n {
			row := make([]float32, k)
			if m.Row(row, i); !same(row, w[i*k:(i+1)*k]) {
				t.Fatalf("type %d: row %d differs", typ, i)
			}
		}
	}
}

// TestPackRows checks tiles of activations against their definition, and what lies behind them.
func TestPackRows(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for rows := 0; rows <= 20; rows++ {
			for k := 0; k <= 40; k++ {
				ldx := k + r.IntN(3)
				x := tensortest.Normal(r, max(0, (rows-1)*ldx+k))
				size := F32.Format().PackedRowsLen(rows, k)
				a := make([]float32, size+16)
				for i := range a {
					a[i] = 99
				}
				F32.Format().PackRows(a, x, nil, rows, ldx, k)
				for i, v := range a[size:] {
					if v != 99 {
						t.Fatalf("[%d, %d]: wrote element %d after the end", rows, k, i)
					}
				}
				at := 0
				for row := 0; row < rows; {
					height := 8
					if left := rows - row; left == 1 {
						height = 1
					} else if left <= 4 {
						height = 4
					}
					for i := range k * height {
						want := x[min(row+i%height, rows-1)*ldx+i/height]
						if a[at+i] != want {
							t.Fatalf("[%d, %d]: element %d of the tile from row %d is %v, want %v", rows, k, i, row, a[at+i], want)
						}
					}
					at += k * height
					row += height
				}
				if at != size {
					t.Fatalf("[%d, %d] takes %d elements, PackedRowsLen says %d", rows, k, at, size)
				}
			}
		}
	})
}

// TestWiden multiplies every 16-bit value by one, with few rows and with many: the value itself comes out.
func TestWiden(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, typ := range types[1:] {
			m := New(typ.Format(), 1<<16, 1)
			u := make([]byte, 0, 2<<16)
			for i := range 1 << 16 {
				u = binary.LittleEndian.AppendUint16(u, uint16(i))
			}
			m.Pack(0, u)
			for _, rows := range []int{1, 4, 8, 40} {
				x := make([]float32, rows)
				for i := range x {
					x[i] = 1
				}
				y := make([]float32, rows<<16)
				m.Multiply(y, 1<<16, packRows(x, rows, 1), rows, 0, m.Panels(), Epilogue{})
				for i, v := range y {
					if want := value(typ, uint16(i)); v != want && (v == v || want == want) {
						t.Fatalf("type %d, %d rows: %#04x widens to %v, want %v", typ, rows, uint16(i), v, want)
					}
				}
			}
		}
	})
}

// value returns a 16-bit value by the definition of its format.
func value(typ Name, u uint16) float32 {
	exponent, fraction := 8, 7
	if typ == F16 {
		exponent, fraction = 5, 10
	}
	bias := 1<<(exponent-1) - 1
	e := int(u>>fraction) & (1<<exponent - 1)
	f := float64(u&(1<<fraction-1)) / float64(int(1)<<fraction)
	var v float64
	switch {
	case e == 0:
		v = math.Ldexp(f, 1-bias)
	case e < 1<<exponent-1:
		v = math.Ldexp(1+f, e-bias)
	case f == 0:
		v = math.Inf(1)
	default:
		v = math.NaN()
	}
	if u>>15 == 1 {
		v = -v
	}
	return float32(v)
}

func TestCeilings(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		if flops := Peak(1000); flops < 1000*16 {
			t.Errorf("1000 rounds are %v operations", flops)
		}
		for n := range 300 {
			x := make([]float32, n)
			want := float32(0)
			for i := range x {
				x[i] = float32(i)
				want += x[i]
			}
			if got := Read(x); got != want {
				t.Fatalf("sum of 0…%d is %v, want %v", n-1, got, want)
			}
		}
	})
}
