package checkpoint

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/torchfile"
	"github.com/seed2010d43f/transformer/tensor"
)

// BenchmarkOpen reads the header of a large model: 20 000 tensors.
func BenchmarkOpen(b *testing.B) {
	var all []Entry
	for i := range 20_000 {
		all = append(all, Entry{fmt.Sprintf("model.layers.%d.mlp.experts.%d.down_proj.weight", i/100, i%100), BF16, []int{1, 2}, make([]byte, 4)})
	}
	fsys := onDisk(b, singleFile, mustWrite(b, nil, all...))
	for b.Loop() {
		s, err := Open(fsys)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// BenchmarkChunks copies weights out of the page cache, as packing does: Bytes with Release, and Chunks.
func BenchmarkChunks(b *testing.B) {
	const size = 64 << 20
	s, err := Open(onDisk(b, singleFile, mustWrite(b, nil, Entry{"w", "U8", []int{size}, bytes.Repeat([]byte{1}, size)})))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	dst := make([]byte, size)
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			w, err := s.Bytes("w")
			if err != nil {
				b.Fatal(err)
			}
			copy(dst, w)
			s.Release("w")
		}
	})
	for _, chunk := range []int{1 << 18, 1 << 20, 1 << 22} {
		b.Run(strings.ReplaceAll(fmt.Sprintf("chunks of %d KiB", chunk>>10), " ", "_"), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				n := 0
				for c, err := range s.Chunks("w", chunk) {
					if err != nil {
						b.Fatal(err)
					}
					n += copy(dst[n:], c)
				}
			}
		})
	}
}

// BenchmarkRandom makes 16 Mi weights.
// BenchmarkTransposed reads a tensor whose elements are not stored in order.
func BenchmarkTransposed(b *testing.B) {
	const n = 2048
	w := torchfile.Tensor{Name: "w", Class: "FloatStorage", Key: "0", Elements: n * n, Shape: []int{n, n}, Stride: []int{1, n}}
	file := torchfile.Zip(torchfile.State(torchfile.Pickle(w), make([]byte, 4*n*n))...)
	s, err := Open(onDisk(b, torchFile, file))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.SetBytes(4 * n * n)
	for b.Loop() {
		for _, err := range s.Chunks("w", 1<<20) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkRandom(b *testing.B) {
	for _, d := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16} {
		b.Run(d.String(), func(b *testing.B) {
			src := Random(1, d)
			src.Make("w", tensor.Of(4096, 4096))
			b.SetBytes(4096 * 4096 * int64(d.Bytes(1)))
			for b.Loop() {
				for _, err := range src.Chunks("w", 1<<20) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkFormula makes 1 Mi weights.
func BenchmarkFormula(b *testing.B) {
	src := Formula(map[string]tensor.Shape{"w": tensor.Of(1024, 1024)}, func(string, tensor.Shape) (float64, float64) { return 0, 1 })
	b.SetBytes(4 << 20)
	for b.Loop() {
		if _, err := src.Bytes("w"); err != nil {
			b.Fatal(err)
		}
	}
}
