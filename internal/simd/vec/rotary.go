package vec

import "fmt"

// RotateHalf turns the pairs (x[i], x[i+n]), n = len(cos), by the angles whose cosines and sines are
// given: (a, b) → (a·cos−b·sin, b·cos+a·sin), in place. It is the pairing of GPT-NeoX and of Hugging
// Face's LLaMA (Su et al. 2021, arXiv:2104.09864). x has length 2n. Products and sum are each rounded,
// with the same bits whatever the instructions.
func RotateHalf(x, cos, sin []float32) {
	checkRotation("RotateHalf", x, cos, sin)
	if n := len(cos); n > 0 {
		rotateHalf(x[:n], x[n:], cos, sin)
	}
}

// RotatePairs is [RotateHalf] for the pairs (x[2i], x[2i+1]), the pairing of the paper and of GPT-J.
func RotatePairs(x, cos, sin []float32) {
	checkRotation("RotatePairs", x, cos, sin)
	if len(cos) > 0 {
		rotatePairs(x, cos, sin)
	}
}

func checkRotation(op string, x, cos, sin []float32) {
	if len(x) != 2*len(cos) || len(sin) != len(cos) {
		panic(fmt.Sprintf("vec: %s: x has length %d, cos %d and sin %d; want 2n, n and n", op, len(x), len(cos), len(sin)))
	}
}
