package tensor

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed2010d43f/transformer/internal/mmap"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// placed returns random values as a packed Weight, and as one that is read in place, from rows or from columns.
func placed(r *rand.Rand, dt DType, p Precision, out, in int, transposed bool) (packed, stored *Weight) {
	rows := make([]byte, dt.Bytes(out*in))
	dt.Encode(rows, tensortest.Normal(r, out*in))
	packed = new(Slab).NewWeight(dt, p, out, in)
	packed.Pack(0, rows)
	if !transposed {
		return packed, InPlace(dt, p, out, in, Stored{Data: rows, Row: dt.Bytes(in)})
	}
	size := dt.Bytes(1)
	columns := make([]byte, len(rows))
	for o := range out {
		for i := range in {
			copy(columns[(i*out+o)*size:][:size], rows[(o*in+i)*size:])
		}
	}
	return packed, InPlace(dt, p, out, in, Stored{Data: columns, Row: size, Col: out * size})
}

// A Weight that is read in place has the bits of one that is packed: alone, chained, and in groups.
func TestInPlace(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for _, c := range [][4]int{{1, 64, 96, 50}, {3, 70, 49, 20}, {40, 128, 320, 100}, {700, 32, 96, 33}} {
			rows, in, mid, out := c[0], c[1], c[2], c[3]
			x := From(tensortest.Normal(r, rows*in), rows, in)
			for _, dt := range []DType{F32, F16, BF16} {
				for _, p := range []Precision{FullPrecision, BF16Activations} {
					for _, transposed := range []bool{false, true} {
						what := fmt.Sprintf("%v %v, precision %v, transposed %v", c, dt, p, transposed)
						gate, gate2 := placed(r, dt, p, mid, in, transposed)
						up, up2 := placed(r, dt, p, mid, in, transposed)
						down, down2 := placed(r, dt, p, out, mid, transposed)
						if gate2.Bytes() != int64(dt.Bytes(mid*in)) {
							t.Errorf("%s: %d bytes", what, gate2.Bytes())
						}
						onProcs(1, 3, func(procs int) {
							checkPlaced(t, what, x, []Expert{{Gate: gate, Up: up, Down: down}}, []Expert{{Gate: gate2, Up: up2, Down: down2}})
						})
					}
				}
			}
		}
	})
}

func checkPlaced(t *testing.T, what string, x Tensor, packed, stored []Expert) {
	t.Helper()
	all := make([]int, x.Rows())
	for i := range all {
		all[i] = i
	}
	var results [2][3]Tensor
	for i, e := range [][]Expert{packed, stored} {
		mid, out := e[0].Up.Out, e[0].Down.Out
		results[i] = [3]Tensor{New(x.Rows(), mid), New(x.Rows(), out), New(x.Rows(), out)}
		MatMul(results[i][0], x, e[0].Gate)
		FeedForward(results[i][1], x, e[0].Gate, Epilogue{F: relu{}}, e[0].Down, Epilogue{})
		FeedForwardGrouped(results[i][2], x, Groups{Rows: all, Ends: []int{len(all)}}, e, timesRelu{})
	}
	for k, name := range []string{"product", "two products", "grouped"} {
		same(t, what+": "+name, results[1][k], results[0][k])
	}
	if allocs := testing.AllocsPerRun(5, func() { MatMul(results[1][0], x, stored[0].Gate) }); allocs != 0 && !tensortest.Race {
		t.Errorf("%s: %v allocations", what, allocs)
	}
}

type timesRelu struct{}

func (timesRelu) ApplyGate(dst, gate, up []float32) {
	for i := range dst {
		dst[i] = max(gate[i], 0) * up[i]
	}
}

// A product by a Weight whose file is closed, or has become shorter, panics with an error that names the file.
func TestInPlaceUnread(t *testing.T) {
	const out, in = 640, 64 // many pages
	name := filepath.Join(t.TempDir(), "weights")
	if err := os.WriteFile(name, make([]byte, 4*out*in), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mmap.Open(f)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	w := InPlace(F32, FullPrecision, out, in, Stored{Data: m.Bytes(), Mapping: m, Row: 4 * in})
	unread := func() (e *ReadError) {
		defer func() {
			if v, ok := recover().(error); ok && !errors.As(v, &e) {
				t.Errorf("panic: %v", v)
			}
		}()
		for _, rows := range []int{1, 50} {
			MatMul(New(rows, out), New(rows, in), w)
		}
		return nil
	}
	tensortest.EachSet(t, func(t *testing.T) {
		if err := unread(); err != nil {
			t.Fatal(err)
		}
	})
	if err := os.Truncate(name, 100); err != nil {
		t.Logf("a mapped file stays as it is here: %v", err)
	} else {
		tensortest.EachSet(t, func(t *testing.T) {
			onProcs(1, 3, func(int) {
				if err := unread(); err == nil || err.Closed || err.File != name {
					t.Errorf("a file that has become shorter: %v", err)
				}
			})
		})
	}
	m.Close()
	if err := unread(); err == nil || !err.Closed || err.File != name {
		t.Errorf("a closed file: %v", err)
	}
	tensortest.Panics(t, "mmap: "+name+": the mapping is closed", func() { w.Row(make([]float32, in), 0) })
}
