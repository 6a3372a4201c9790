package moe_test

import (
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// weight returns a matrix with the given rows.
func weight(rows ...[]float32) *tensor.Weight {
	x := tensor.New(len(rows), len(rows[0]))
	for i, row := range rows {
		copy(x.Row(i), row)
	}
	return tensor.WeightFrom(x)
}

// times returns an expert for rows of two numbers. It multiplies the first number, if that is positive, by
// 10·n, and the second by n.
func times(n float32) tensor.Expert {
	identity := weight([]float32{1, 0}, []float32{0, 1})
	return tensor.Expert{Gate: weight([]float32{10, 0}, []float32{1, 0}), Up: identity, Down: weight([]float32{n, 0}, []float32{0, n})}
}

// A router and four experts by hand: each token goes to the two experts whose rows of the gate are most like it.
func Example() {
	gate := weight([]float32{1, 0}, []float32{0, 1}, []float32{-1, 0}, []float32{0, -1})
	layer := &moe.Layer{
		Router:  &moe.TopK{Gate: nn.Linear{Weight: gate}, Active: 2, Score: moe.Softmax, Renormalise: true},
		Experts: []tensor.Expert{times(1), times(2), times(3), times(4)}, Act: nn.ReLU,
	}
	var record moe.Record
	pass := &attention.Pass{Observer: record.Observe}
	pass.Begin(attention.Seq{Rows: 2})
	y := tensor.New(2, 2)
	layer.Forward(pass, y, tensor.From([]float32{1, 0.5, 1, -3}, 2, 2))

	for t := range 2 {
		experts, weights := record.Routing(0).Row(t)
		fmt.Printf("token %d: experts %v with weights %.2f give %.2f\n", t, experts, weights, y.Row(t))
	}
	fmt.Println("load:", moe.Load(record.Routing(0)))
	// Output:
	// token 0: experts [0 1] with weights [0.62 0.38] give [13.78 0.69]
	// token 1: experts [3 0] with weights [0.88 0.12] give [36.42 -10.93]
	// load: [0.5 0.25 0 0.25]
}

// The router of DeepSeek V3: sigmoid scores, a bias that changes the choice alone, and the experts of the best
// groups.
func ExampleTopK() {
	gate := tensor.New(4, 1)
	copy(gate.Data, []float32{2, 1, 0, 1.9})
	router := &moe.TopK{
		Gate: nn.Linear{Weight: tensor.WeightFrom(gate)}, Active: 2,
		Score: moe.Sigmoid, Bias: []float32{0, 0, 0.5, 0},
		Groups:      moe.Groups{N: 2, Keep: 1, Score: moe.TopTwo},
		Renormalise: true, Scale: 2.5,
	}
	var record moe.Record
	pass := &attention.Pass{Observer: record.Observe}
	pass.Begin(attention.Seq{Rows: 1})
	expert := times(1)
	expert.Gate, expert.Up, expert.Down = weight([]float32{1}), weight([]float32{1}), weight([]float32{1})
	layer := &moe.Layer{Router: router, Experts: []tensor.Expert{expert, expert, expert, expert}, Act: nn.SiLU}
	layer.Forward(pass, tensor.New(1, 1), tensor.From([]float32{1}, 1, 1))
	experts, weights := record.Routing(0).Row(0)
	fmt.Printf("scores %.2f: experts %v with weights %.2f\n", record.Routing(0).Scores.Row(0), experts, weights)
	// Output:
	// scores [0.88 0.73 0.50 0.87]: experts [2 3] with weights [0.91 1.59]
}
