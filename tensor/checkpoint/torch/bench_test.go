package torch

import (
	"testing"

	"github.com/seed2010d43f/transformer/internal/torchfile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// BenchmarkTransposed reads a tensor whose elements are not stored in order.
func BenchmarkTransposed(b *testing.B) {
	const n = 2048
	w := torchfile.Tensor{Name: "w", Class: "FloatStorage", Key: "0", Elements: n * n, Shape: []int{n, n}, Stride: []int{1, n}}
	file := torchfile.Zip(torchfile.State(torchfile.Pickle(w), make([]byte, 4*n*n))...)
	s, err := Open(checkpointtest.OnDisk(b, weights, file), weights)
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
