package model_test

import (
	"context"
	"fmt"
	"log"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Two layers of attention with weights set by hand make an induction head (Olsson et al., 2022): the decoder goes on
// as the text went on after the last token's earlier occurrence. The stream of 15 values has three parts of 5: the
// token, the token before it, and what the model predicts.
func ExampleDecoder() {
	const vocab, dim = 5, 3 * 5
	// part moves part from of the stream to part to of a [dim, dim] matrix's result, times scale.
	part := func(w tensor.Tensor, to, from int, scale float32) {
		for i := range vocab {
			w.Row(to*vocab + i)[from*vocab+i] = scale
		}
	}
	layer := func(set func(q, k, v tensor.Tensor), bias attention.Bias) *attention.MultiHead {
		qkv, out := tensor.New(3*dim, dim), tensor.New(dim, dim)
		set(qkv.Slice(0, dim), qkv.Slice(dim, 2*dim), qkv.Slice(2*dim, 3*dim))
		for i := range dim {
			out.Row(i)[i] = 1
		}
		return &attention.MultiHead{Heads: 1, KVHeads: 1, HeadDim: dim, Mask: attention.Mask{Causal: true}, Bias: bias, Scale: 1,
			QKV: nn.Linear{Weight: tensor.WeightFrom(qkv)}, Out: nn.Linear{Weight: tensor.WeightFrom(out)}}
	}
	previous := layer(func(q, k, v tensor.Tensor) { part(v, 1, 0, 1) }, previousToken{})
	induction := layer(func(q, k, v tensor.Tensor) {
		part(q, 0, 0, 20) // looks for this token
		part(k, 0, 1, 1)  // as the one before,
		part(v, 2, 0, 1)  // and copies what stands there
	}, nil)

	words, head := tensor.New(vocab, dim), tensor.New(vocab, dim)
	for i := range vocab {
		words.Row(i)[i], head.Row(i)[2*vocab+i] = 1, 1
	}
	d := &model.Decoder{Decoder: &arch.Decoder{
		Trunk: &arch.Trunk{Vocab: vocab, Stack: arch.Stack{Dim: dim, Blocks: []block.Block{{{Op: previous}}, {{Op: induction}}}}, MaxLen: 100},
		Head:  nn.Linear{Weight: tensor.WeightFrom(head)},
	}}
	d.Embeddings.Words = nn.Embedding{Weight: tensor.WeightFrom(words)}

	s := d.NewSession(model.SessionOptions{})
	for id, err := range s.Generate(context.Background(), []int{3, 1, 4, 0, 3}, nil, model.GenerateOptions{MaxTokens: 5}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(id, " ")
	}
	// Output: 1 4 0 3 1
}

// previousToken is a bias by which a token attends to the one before it alone.
type previousToken struct{}

func (previousToken) AddTo(s *attention.Scores) {
	for i, pos := range s.Pos {
		for key := range s.Keys {
			if s.Key+key == pos-1 {
				s.Tile[key*s.Lanes+i] += 100
			}
		}
	}
}
