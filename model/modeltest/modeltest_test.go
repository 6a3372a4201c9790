package modeltest_test

import (
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

const dim = 16

func linear(out, in int) nn.Linear {
	return nn.Linear{Weight: tensor.WeightFrom(tensor.From(tensortest.Normal(rand.New(rand.NewPCG(1, uint64(out))), out*in), out, in))}
}

func attend(causal bool) attention.Op {
	return &attention.MultiHead{Heads: 2, KVHeads: 2, HeadDim: dim / 2, QKV: linear(3*dim, dim), Out: linear(dim, dim), Mask: attention.Mask{Causal: causal}}
}

// neighbours adds to each row what the rows of the whole pass have in common: other sequences, and how a text is split.
type neighbours struct{}

func (neighbours) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	for i := range dst.Data {
		dst.Data[i] = x.Data[i] + float32(p.Rows())
	}
}

func TestTests(t *testing.T) {
	if err := modeltest.TestOp(attend(true), dim); err != nil {
		t.Errorf("causal attention: %v", err)
	}
	for name, op := range map[string]attention.Op{"attention to later tokens": attend(false), "an operation that sees its neighbours": neighbours{}} {
		if err := modeltest.TestOp(op, dim); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	if err := modeltest.TestEncoder(&model.Encoder{Encoder: modeltest.EncoderOf(attend(false), dim)}, nil); err != nil {
		t.Errorf("attention in both directions: %v", err)
	}
	if err := modeltest.TestEncoder(&model.Encoder{Encoder: modeltest.EncoderOf(neighbours{}, dim)}, nil); err == nil {
		t.Error("an encoder that sees its neighbours passes")
	}
}
