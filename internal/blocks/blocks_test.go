package blocks_test

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
)

// fixture returns what ggml made of 8 rows of 1024 elements: the bytes and the values that they decode to.
func fixture(t *testing.T, file string) []byte {
	dir := os.Getenv("TRANSFORMER_FIXTURES")
	if dir == "" {
		t.Skip("TRANSFORMER_FIXTURES is not set")
	}
	b, err := os.ReadFile(filepath.Join(dir, "quant", file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func floats(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

// All formats decode to ggml's values, to the bit.
func TestFixtures(t *testing.T) {
	for _, line := range strings.Split(strings.TrimSpace(string(fixture(t, "INDEX.tsv"))), "\n")[1:] {
		column := strings.Split(line, "\t")
		t.Run(column[0], func(t *testing.T) {
			dt, ok := tensor.DTypeOf(strings.ToUpper(column[0]))
			if !ok {
				t.Fatal("no such type")
			}
			elements, bytes := dt.Block()
			if strconv.Itoa(elements) != column[2] || strconv.Itoa(bytes) != column[3] {
				t.Errorf("%d elements in %d bytes, want %s in %s", elements, bytes, column[2], column[3])
			}
			b, want := fixture(t, column[5]), floats(fixture(t, column[6]))
			got := make([]float32, len(want))
			dt.Decode(got, b)
			for i, v := range got {
				if math.Float32bits(v) != math.Float32bits(want[i]) {
					t.Fatalf("element %d: %v, want %v", i, v, want[i])
				}
			}
		})
	}
}

// encoded are the types that values are converted to.
var encoded = []tensor.DType{tensor.Q4_0, tensor.Q4_1, tensor.Q5_0, tensor.Q5_1, tensor.Q8_0, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K,
	tensor.IQ4_NL, tensor.IQ4_XS, tensor.MXFP4}

func checkEncode(t *testing.T, dt tensor.DType, src []float32, want []byte) {
	t.Helper()
	got := make([]byte, dt.Bytes(len(src)))
	dt.Encode(got, src)
	if i := firstDifference(got, want); i >= 0 {
		_, size := dt.Block()
		t.Errorf("%v: byte %d of block %d is %d, want %d", dt, i%size, i/size, got[i], want[i])
	}
}

// What is encoded has ggml's bytes.
func TestEncodeFixtures(t *testing.T) {
	src := floats(fixture(t, "input_f32_8x1024.bin"))
	for _, dt := range encoded {
		checkEncode(t, dt, src, fixture(t, strings.Replace(strings.ToLower(dt.String()), "_k", "_K", 1)+".q.bin"))
	}
}

// golden is what ggml makes of random bytes, and of values that take every path of the encoders. See testdata/make.py.
type golden struct {
	Input  []byte
	Decode map[string]struct{ Blocks, Values []byte }
	Encode map[string][]byte
}

func readGolden(t *testing.T) (g golden) {
	f, err := os.Open("testdata/blocks.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(unzipped).Decode(&g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGolden(t *testing.T) {
	g := readGolden(t)
	if len(g.Decode) != 25 || len(g.Encode) != len(encoded) {
		t.Fatalf("%d formats decoded, %d encoded", len(g.Decode), len(g.Encode))
	}
	for name, c := range g.Decode {
		dt, ok := tensor.DTypeOf(name)
		if !ok {
			t.Fatalf("no type %s", name)
		}
		want := floats(c.Values)
		got := make([]float32, len(want))
		dt.Decode(got, c.Blocks)
		for i, v := range got {
			// The float −0 of MXFP4 and NVFP4 is 0 in ggml.
			if math.Float32bits(v) != math.Float32bits(want[i]) && (v != 0 || !strings.HasSuffix(name, "FP4") || want[i] != 0) {
				t.Errorf("%s: element %d is %v, want %v", name, i, v, want[i])
				break
			}
		}
	}
	for _, dt := range encoded {
		checkEncode(t, dt, floats(g.Input), g.Encode[dt.String()])
	}
}

// Any bytes decode, and what is not finite makes its block NaN.
func TestNotFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, dt := range encoded {
		elements, bytes := dt.Block()
		for _, bad := range []float32{inf, -inf, float32(math.NaN())} {
			x, b := make([]float32, 3*elements), make([]byte, 3*bytes)
			for i := range x {
				x[i] = float32(i%7) - 3
			}
			x[elements+elements/2] = bad
			dt.Encode(b, x)
			dt.Decode(x, b)
			for i, v := range x {
				if (v != v) != (i/elements == 1) {
					t.Fatalf("%v: element %d of blocks with %v in the second is %v", dt, i, bad, v)
				}
			}
		}
		x, b := make([]float32, elements), make([]byte, bytes)
		for i := range x { // the largest and the smallest that there are
			x[i] = math.MaxFloat32 * float32(1-2*(i%2))
		}
		dt.Encode(b, x)
		for i := range x {
			x[i] = math.SmallestNonzeroFloat32 * float32(i%3-1)
		}
		dt.Encode(b, x)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		for dt := tensor.MXFP4; dt <= tensor.Q2_0; dt++ {
			elements, bytes := dt.Block()
			n := len(b) / bytes
			dt.Decode(make([]float32, n*elements), b[:n*bytes])
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for dt := tensor.MXFP4; dt <= tensor.Q2_0; dt++ {
		b.Run(dt.String(), func(b *testing.B) {
			x := make([]float32, 1<<14)
			blocks := make([]byte, dt.Bytes(len(x)))
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				dt.Decode(x, blocks)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	x := tensortest.Normal(rand.New(rand.NewPCG(1, 2)), 1<<14)
	for _, dt := range encoded {
		b.Run(dt.String(), func(b *testing.B) {
			blocks := make([]byte, dt.Bytes(len(x)))
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				dt.Encode(blocks, x)
			}
		})
	}
}

func firstDifference(got, want []byte) int {
	for i := range want {
		if got[i] != want[i] {
			return i
		}
	}
	return -1
}
