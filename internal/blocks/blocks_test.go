package blocks_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

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
