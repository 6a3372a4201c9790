package retrieval

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// Cosine returns the cosine of the angle between two vectors, computed in float64. It is 0 if one of them is
// all zeros. It panics if their lengths differ.
func Cosine(a, b []float32) float32 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("retrieval: Cosine: vectors have %d and %d numbers; both must have the same", len(a), len(b)))
	}
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return float32(dot / math.Sqrt(aa*bb))
}

// Normalize divides each row of x by its Euclidean length, in place. Rows of zeros stay zeros.
func Normalize(x tensor.Tensor) {
	for i := range x.Rows() {
		row, sum := x.Row(i), 0.0
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		n := float32(max(math.Sqrt(sum), 1e-12))
		for j := range row {
			row[j] /= n
		}
	}
}

// Lexical returns the score of two sparse embeddings: the sum of the products of their weights over the token
// ids that both have.
func Lexical(query, document map[int]float32) float32 {
	sum := float32(0)
	for _, id := range slices.Sorted(maps.Keys(query)) { // in one order, so that the result is always the same
		sum += query[id] * document[id]
	}
	return sum
}

// MaxSim returns the similarity of two texts with many vectors: for each vector of query, [T, Width], it
// takes the largest dot product with a vector of document, [S, Width], and returns the mean (as in BGE-M3;
// Khattab and Zaharia, "ColBERT", 2020, use the sum). It is 0 if one of them has no vectors. It panics if the
// widths differ.
func MaxSim(query, document tensor.Tensor) float32 {
	if query.Rows() == 0 || document.Rows() == 0 {
		return 0
	}
	if query.Shape.Last() != document.Shape.Last() {
		panic(fmt.Sprintf("retrieval: MaxSim: vectors are %v and %v; both must have the same width", query.Shape, document.Shape))
	}
	scores := tensor.New(query.Rows(), document.Rows())
	tensor.MatMul(scores, query, tensor.WeightFrom(document))
	sum := float32(0)
	for i := range scores.Rows() {
		sum += vec.Max(scores.Row(i))
	}
	return sum / float32(scores.Rows())
}
