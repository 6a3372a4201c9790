package checkpoint_test

import (
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// BenchmarkRandom makes 16 Mi weights.
func BenchmarkRandom(b *testing.B) {
	for _, d := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16} {
		b.Run(d.String(), func(b *testing.B) {
			src := checkpoint.Random(1, d)
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
	src := checkpoint.Formula(map[string]tensor.Shape{"w": tensor.Of(1024, 1024)}, func(string, tensor.Shape) (float64, float64) { return 0, 1 })
	b.SetBytes(4 << 20)
	for b.Loop() {
		if _, err := src.Bytes("w"); err != nil {
			b.Fatal(err)
		}
	}
}
