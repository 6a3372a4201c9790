package retrieval

import (
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/tensor"
)

// Similarity says how two vectors are compared: the larger, the more alike. The zero value is the cosine.
type Similarity uint8

const (
	CosineSimilarity Similarity = iota // the cosine of the angle
	DotProduct                         // the sum of the products
	Euclidean                          // less the distance
	Manhattan                          // less the sum of the absolute differences
)

var similarityNames = [...]string{"cosine", "dot", "euclidean", "manhattan"}

// String returns the name that sentence-transformers has for it.
func (s Similarity) String() string {
	if int(s) < len(similarityNames) {
		return similarityNames[s]
	}
	return fmt.Sprintf("Similarity(%d)", uint8(s))
}

// ParseSimilarity returns the similarity of a name: cosine, dot, euclidean, manhattan.
func ParseSimilarity(name string) (Similarity, error) {
	for i, n := range similarityNames {
		if n == name {
			return Similarity(i), nil
		}
	}
	return 0, fmt.Errorf("retrieval: the similarity %.100q is not supported; these are: %v", name, similarityNames)
}

// Of compares two vectors, in float64. It panics if their lengths differ.
func (s Similarity) Of(a, b []float32) float32 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("retrieval: similarity of vectors of %d and %d numbers", len(a), len(b)))
	}
	sum := 0.0
	switch s {
	case CosineSimilarity:
		return Cosine(a, b)
	case DotProduct:
		for i, x := range a {
			sum += float64(x) * float64(b[i])
		}
		return float32(sum)
	case Euclidean:
		for i, x := range a {
			d := float64(x) - float64(b[i])
			sum += d * d
		}
		return float32(-math.Sqrt(sum))
	case Manhattan:
		for i, x := range a {
			sum += math.Abs(float64(x) - float64(b[i]))
		}
		return float32(-sum)
	}
	panic("retrieval: " + s.String() + " is no similarity")
}

// Matrix compares each row of a, [N, Dim], with each of b, [M, Dim]: [N, M].
func (s Similarity) Matrix(a, b tensor.Tensor) tensor.Tensor {
	out := tensor.New(a.Rows(), b.Rows())
	for i := range a.Rows() {
		for j := range b.Rows() {
			out.Row(i)[j] = s.Of(a.Row(i), b.Row(j))
		}
	}
	return out
}
