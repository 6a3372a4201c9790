package safetensors

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// BenchmarkOpen reads the header of a large model: 20 000 tensors.
func BenchmarkOpen(b *testing.B) {
	var all []checkpoint.Entry
	for i := range 20_000 {
		all = append(all, checkpoint.Entry{Name: fmt.Sprintf("model.layers.%d.mlp.experts.%d.down_proj.weight", i/100, i%100), DType: checkpoint.BF16, Shape: []int{1, 2}, Data: make([]byte, 4)})
	}
	fsys := checkpointtest.OnDisk(b, weights, mustWrite(b, nil, all...))
	for b.Loop() {
		s, err := Open(fsys, weights)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// BenchmarkChunks copies weights out of the page cache, as packing does: Bytes with Release, and Chunks.
func BenchmarkChunks(b *testing.B) {
	const size = 64 << 20
	s, err := Open(checkpointtest.OnDisk(b, weights, mustWrite(b, nil, checkpoint.Entry{Name: "w", DType: "U8", Shape: []int{size}, Data: bytes.Repeat([]byte{1}, size)})), weights)
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
