package gemm_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/seed2010d43f/transformer/internal/simd/gemm"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// layouts store the blocks of a [n, k] matrix, n rows of so many bytes, in other ways. An offset that is odd says that
// nothing is aligned.
var layouts = []struct {
	name   string
	whole  bool // blocks stay whole
	stored func(f *Format, rows []byte, n, k int) Stored
}{
	{"rows", true, func(f *Format, rows []byte, n, k int) Stored {
		return Stored{Data: append(make([]byte, 3), rows...)[3:], Row: len(rows) / n}
	}},
	{"every third row", true, func(f *Format, rows []byte, n, k int) Stored {
		size := len(rows) / n
		data := make([]byte, 1+(3*n-2)*size)[1:]
		for i := range n {
			copy(data[3*i*size:], rows[i*size:(i+1)*size])
		}
		return Stored{Data: data, Row: 3 * size}
	}},
	{"columns", false, func(f *Format, rows []byte, n, k int) Stored { return columns(f, rows, n, k, 1) }},
	{"every second column", false, func(f *Format, rows []byte, n, k int) Stored { return columns(f, rows, n, k, 2) }},
}

// columns stores rows as columns, with others between them.
func columns(f *Format, rows []byte, n, k, each int) Stored {
	size := f.Bytes / f.Elements
	s := Stored{Row: each * size, Col: each*n*size + size}
	s.Data = make([]byte, (n-1)*s.Row+(k-1)*s.Col+size)
	for i := range n {
		for j := range k {
			copy(s.Data[i*s.Row+j*s.Col:][:size], rows[(i*k+j)*size:])
		}
	}
	return s
}

// A matrix that is read where it is stored has the bits of one that is packed: every format, layout, and number of
// rows, in parts too.
func TestInPlace(t *testing.T) {
	formats := []*Format{F32.Format(), F16.Format(), BF16.Format(), BF16Rounded.Format(), BF16Pairs.Format(), &scaled}
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		shapes := [][3]int{{1, 1, 32}, {1, 100, 96}, {1, 48, 2080}, {2, 97, 544}, {3, 49, 1120}, {8, 50, 2080}, {9, 97, 64}, {21, 48, 1056}, {130, 150, 352}, {300, 17, 32}}
		for _, c := range shapes {
			m, n, k := c[0], c[1], c[2]
			for _, f := range formats {
				rows := make([]byte, n*k/f.Elements*f.Bytes)
				f.Encode(rows, tensortest.Normal(r, n*k))
				packed := New(f, n, k)
				packed.Pack(0, rows)
				a := make([]float32, f.PackedRowsLen(m, k))
				f.PackRows(a, tensortest.Normal(r, m*k), make([]float32, f.ScratchLen(k)), m, k, k)
				want := product(t, packed, a, m)
				for _, l := range layouts {
					if !l.whole && f == &scaled {
						continue
					}
					s := l.stored(f, rows, n, k)
					s.Data = tensortest.AtPageEnd(t, s.Data)
					checkInPlace(t, fmt.Sprintf("%s %v in %s", f.Name, c, l.name), InPlace(f, n, k, s), packed, a, m, want)
				}
			}
		}
	})
}

func checkInPlace(t *testing.T, what string, w, packed Matrix, a []float32, rows int, want []float32) {
	t.Helper()
	tensortest.CheckBits(t, what, product(t, w, a, rows), want)
	parts := make([]float32, rows*w.N)
	for p := range w.Panels() {
		w.Multiply(parts, w.N, a, rows, p, p+1, Epilogue{})
	}
	tensortest.CheckBits(t, what+", panel by panel", parts, want)
	row, same := make([]float32, w.K), make([]float32, w.K)
	for i := range w.N {
		w.Row(row, i)
		packed.Row(same, i)
		tensortest.CheckBits(t, fmt.Sprintf("%s, row %d", what, i), row, same)
	}
}

func TestInPlaceMistakes(t *testing.T) {
	f, data := F32.Format(), make([]byte, 4*12)
	m := InPlace(f, 3, 4, Stored{Data: data, Row: 16})
	for want, do := range map[string]func(){
		"gemm: a [3, 4] matrix of F32, rows 17 and elements 4 bytes apart, in 48 bytes":                            func() { InPlace(f, 3, 4, Stored{Data: data, Row: 17}) },
		"gemm: a [3, 4] matrix of F32, rows 4 and elements 13 bytes apart, in 48 bytes":                            func() { InPlace(f, 3, 4, Stored{Data: data, Row: 4, Col: 13}) },
		"gemm: a [3, 4] matrix of F32, rows -1 and elements 4 bytes apart, in 48 bytes":                            func() { InPlace(f, 3, 4, Stored{Data: data, Row: -1}) },
		"gemm: a [1, 1] matrix of F32, rows 0 and elements 4 bytes apart, in 0 bytes":                              func() { InPlace(f, 1, 1, Stored{}) },
		"gemm: scaled is stored in blocks of 32; its elements cannot be 2 bytes apart":                             func() { InPlace(&scaled, 1, 32, Stored{Data: data, Col: 2}) },
		"gemm: packing into a [3, 4] matrix that is read where it is stored":                                       func() { m.Pack(0, data) },
		"gemm: row 3 of a [3, 4] matrix into 4 elements":                                                           func() { m.Row(make([]float32, 4), 3) },
		fmt.Sprintf("gemm: a [%d, 4] matrix of F32, rows 16 and elements 4 bytes apart, in 48 bytes", math.MaxInt): func() { InPlace(f, math.MaxInt, 4, Stored{Data: data, Row: 16}) },
	} {
		tensortest.Panics(t, want, do)
	}
	InPlace(f, 0, 4, Stored{})
	InPlace(f, 4, 0, Stored{})
}

func TestInPlaceNoAllocation(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		const n, k = 100, 40
		for _, name := range types {
			f := name.Format()
			w := InPlace(f, n, k, Stored{Data: make([]byte, n*k/f.Elements*f.Bytes), Row: k / f.Elements * f.Bytes})
			for _, m := range []int{1, 5, 40} {
				a, y := make([]float32, f.PackedRowsLen(m, k)), make([]float32, m*n)
				if avg := testing.AllocsPerRun(100, func() { w.Multiply(y, n, a, m, 0, w.Panels(), Epilogue{}) }); avg > 0.5 && !tensortest.Race {
					t.Errorf("type %d, %d rows: %v allocations", name, m, avg)
				}
			}
		}
	})
}
