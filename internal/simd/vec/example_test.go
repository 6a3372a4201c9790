package vec_test

import (
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
)

func ExampleSoftmax() {
	logits := []float32{1, 3, 2, float32(math.Inf(-1))}
	vec.Softmax(logits, logits)
	fmt.Printf("%.3f\n", logits)
	// Output: [0.090 0.665 0.245 0.000]
}

func ExampleRMSNorm() {
	x := []float32{3, -4, 0, 0, 0}
	vec.RMSNorm(x, x, []float32{1, 1, 1, 1, 2}, 1e-6)
	fmt.Printf("%.3f\n", x)
	// Output: [1.342 -1.789 0.000 0.000 0.000]
}

func ExampleLayerNorm() {
	x := []float32{1, 2, 3, 4}
	vec.LayerNorm(x, x, nil, []float32{10, 10, 10, 10}, 0)
	fmt.Printf("%.3f\n", x)
	// Output: [8.658 9.553 10.447 11.342]
}

func ExampleSiLUMul() {
	gate, up := []float32{-1, 0, 1, 10}, []float32{2, 2, 2, 2}
	vec.SiLUMul(gate, gate, up)
	fmt.Printf("%.3f\n", gate)
	// Output: [-0.538 0.000 1.462 19.999]
}

func ExampleGELU() {
	x := []float32{-2, -1, 0, 1, 2}
	vec.GELU(x, x)
	fmt.Printf("%.4f\n", x)
	// Output: [-0.0455 -0.1587 0.0000 0.8413 1.9545]
}

// A quarter turn of each pair: (a, b) becomes (−b, a).
func ExampleRotateHalf() {
	cos, sin := []float32{0, 0}, []float32{1, 1}
	half, pairs := []float32{1, 2, 3, 4}, []float32{1, 2, 3, 4}
	vec.RotateHalf(half, cos, sin)
	vec.RotatePairs(pairs, cos, sin)
	fmt.Println(half, pairs)
	// Output: [-3 -4 1 2] [-2 1 -4 3]
}

func ExampleArgMax() {
	fmt.Println(vec.ArgMax([]float32{1, 7, 3, 7}))
	// Output: 1
}
