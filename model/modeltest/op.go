package modeltest

import (
	"math/rand/v2"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// TestOp returns an error that says which promise an operation breaks. It builds a decoder of width dim with
// two layers of the operation between norms, and checks it as [TestDecoder] does. An operation that looks at
// later tokens fails; use [EncoderOf] and [TestEncoder] for it.
func TestOp(op attention.Op, dim int) error {
	return TestDecoder(&model.Decoder{Decoder: DecoderOf(op, dim)}, nil)
}

// vocab of the models that are made around an operation.
const vocab = 61

// DecoderOf returns a decoder of width dim with random embeddings, two layers of op between norms, and a
// random head.
func DecoderOf(op attention.Op, dim int) *arch.Decoder {
	t := trunkOf(op, dim)
	return &arch.Decoder{Trunk: t, Head: nn.Linear{Weight: random(2, vocab, dim)}}
}

// EncoderOf returns an encoder of width dim with random embeddings and two layers of op between norms.
func EncoderOf(op attention.Op, dim int) *arch.Encoder { return &arch.Encoder{Trunk: trunkOf(op, dim)} }

func trunkOf(op attention.Op, dim int) *arch.Trunk {
	norm := &nn.RMSNorm{Eps: 1e-6}
	layer := block.Block{{Pre: norm, Op: op, Post: norm}}
	return &arch.Trunk{Stack: arch.Stack{Dim: dim, Blocks: []block.Block{layer, layer}, Norm: norm}, Vocab: vocab, MaxLen: 1 << 20,
		Embeddings: arch.Embeddings{Words: nn.Embedding{Weight: random(1, vocab, dim)}}}
}

func random(seed uint64, rows, cols int) *tensor.Weight {
	r := rand.New(rand.NewPCG(seed, 3))
	t := tensor.New(rows, cols)
	for i := range t.Data {
		t.Data[i] = float32(r.NormFloat64())
	}
	return tensor.WeightFrom(t)
}
