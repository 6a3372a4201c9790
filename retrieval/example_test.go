package retrieval_test

import (
	"fmt"

	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
)

func ExampleIndex() {
	x := retrieval.NewIndex(2)
	x.Add(tensor.From([]float32{1, 0, 0, 1, 0.8, 0.6}, 3, 2))
	for _, hit := range x.Search(tensor.From([]float32{0.6, 0.8}, 1, 2), 2)[0] {
		fmt.Printf("row %d: %.2f\n", hit.Row, hit.Score)
	}
	// Output:
	// row 2: 0.96
	// row 1: 0.80
}

func ExampleCosine() {
	fmt.Printf("%.2f\n", retrieval.Cosine([]float32{3, 4}, []float32{4, 3}))
	// Output: 0.96
}

func ExampleMaxSim() {
	query := tensor.From([]float32{1, 0, 0, 1}, 2, 2)              // two tokens
	document := tensor.From([]float32{0, 1, 0.6, 0.8, 1, 0}, 3, 2) // three
	fmt.Println(retrieval.MaxSim(query, document))
	// Output: 1
}

func ExampleLexical() {
	query, document := map[int]float32{17: 0.5, 23: 0.25}, map[int]float32{17: 0.5, 99: 2}
	fmt.Println(retrieval.Lexical(query, document))
	// Output: 0.25
}
