package arch_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func random(r *rand.Rand, dims ...int) tensor.Tensor {
	return tensor.From(tensortest.Gaussian(r, tensor.Of(dims...).Len(), 0, 0.5), dims...)
}

func linear(r *rand.Rand, out, in int) nn.Linear {
	return nn.Linear{Weight: tensor.WeightFrom(random(r, out, in)), Bias: random(r, 1, out).Data}
}

// pictureModel returns a random encoder of width 12 with patches of 3 by 2 pixels, two rows before them, a grid of 2 by
// 3 patches, and two layers.
func pictureModel() *arch.ImageEncoder {
	r := rand.New(rand.NewPCG(1, 2))
	norm := func() *nn.LayerNorm {
		return &nn.LayerNorm{Weight: random(r, 1, 12).Data, Bias: random(r, 1, 12).Data, Eps: 1e-6}
	}
	e := &arch.ImageEncoder{Stack: arch.Stack{Dim: 12, Norm: norm()}}
	e.Patches = arch.Patches{Channels: 3, Height: 3, Width: 2, Project: linear(r, 12, 18), First: random(r, 2, 12),
		Positions: random(r, 6, 12), GridHeight: 2, GridWidth: 3, Norm: norm()}
	for range 2 {
		e.Blocks = append(e.Blocks, block.Block{
			{Pre: norm(), Op: &attention.MultiHead{Heads: 3, KVHeads: 3, HeadDim: 4, QKV: linear(r, 36, 12), Out: linear(r, 12, 12)}},
			{Pre: norm(), Op: &block.MLP{Up: linear(r, 20, 12), Down: linear(r, 12, 20)}},
		})
	}
	e.Attention = &arch.AttentionPool{Heads: 3, Probe: random(r, 1, 12).Data, Query: linear(r, 12, 12), Key: linear(r, 12, 12), Value: linear(r, 12, 12),
		Out: linear(r, 12, 12), Norm: norm(), Up: linear(r, 20, 12), Down: linear(r, 12, 20)}
	return e
}

// A picture gets the same bits alone and in a batch of pictures of other sizes, for each pooling.
func TestImageBatch(t *testing.T) {
	e, r := pictureModel(), rand.New(rand.NewPCG(3, 4))
	pictures := []tensor.Tensor{random(r, 3, 6, 6), random(r, 3, 7, 11), random(r, 3, 3, 2), random(r, 3, 6, 6), random(r, 3, 40, 30)}
	for _, pool := range []arch.ImagePooling{arch.ClassToken, arch.MeanOfPatches, arch.ClassAndMean, arch.ByAttention} {
		for _, distilled := range []bool{false, pool == arch.ClassToken} {
			e.Pool, e.Head, e.Distilled = pool, nil, nil
			if distilled {
				e.Head, e.Distilled = &arch.Head{}, &arch.Head{}
			}
			var all, one, full attention.Pass
			pooled := e.ForwardPooled(&all, pictures)
			hidden := e.Forward(&full, pictures)
			tensortest.CheckBits(t, "pooled from all hidden states", e.Pooled(&full, pictures, hidden).Data, pooled.Data)
			row := 0
			for i, x := range pictures {
				tensortest.CheckBits(t, "pooled alone", e.ForwardPooled(&one, pictures[i:i+1]).Data, pooled.Row(i))
				alone := e.Forward(&one, pictures[i:i+1])
				tensortest.CheckBits(t, "alone", alone.Data, hidden.Slice(row, row+e.Rows(x)).Data)
				row += e.Rows(x)
			}
			if row != hidden.Rows() {
				t.Errorf("%d rows of hidden states, want %d", hidden.Rows(), row)
			}
		}
	}
}

// The rows of patches are those of a convolution whose stride is its kernel, with the row of its place added.
func TestPatches(t *testing.T) {
	e, x := pictureModel(), random(rand.New(rand.NewPCG(5, 6)), 3, 6, 6)
	m := &e.Patches
	m.Norm = nil
	weight := make([]float32, 18)
	var got []float32
	p := attention.Pass{Observer: func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != arch.StageEmbeddings {
			return nil
		}
		return func(x tensor.Tensor) { got = append(got, x.Data...) }
	}}
	e.Forward(&p, []tensor.Tensor{x})
	tensortest.CheckBits(t, "rows before the patches", got[:24], m.First.Data)
	for patch := range 6 {
		for out := range 12 {
			m.Project.Weight.Row(weight, out)
			sum := float64(m.Project.Bias[out]) + float64(m.Positions.Row(patch)[out])
			for k, w := range weight {
				c, y, col := k/6, patch/3*3+k%6/2, patch%3*2+k%2
				sum += float64(w) * float64(x.Data[c*36+y*6+col])
			}
			if v := got[24+patch*12+out]; math.Abs(float64(v)-sum) > 1e-5 { // 20 products of numbers below 3, in float32
				t.Fatalf("patch %d, output %d is %v, want %v", patch, out, v, sum)
			}
		}
	}
}

func TestImageErrors(t *testing.T) {
	for _, c := range []struct {
		picture tensor.Tensor
		want    string
	}{
		{tensor.New(3, 2, 6), "2×6 pixels"}, {tensor.New(1, 6, 6), "[3, height, width] is needed"},
		{tensor.New(6, 6), "[3, height, width] is needed"}, {tensor.Tensor{Shape: tensor.Of(3, 6, 6)}, "0 values"}, {tensor.Tensor{}, "needed"},
	} {
		err := pictureModel().Check([]tensor.Tensor{tensor.New(3, 6, 6), c.picture})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "picture 1") {
			t.Errorf("%v: %v, want %q", c.picture.Shape, err, c.want)
		}
	}
	for want, spoil := range map[string]func(*arch.ImageEncoder){
		"Project is":        func(e *arch.ImageEncoder) { e.Patches.Width = 3 },
		"has no weight":     func(e *arch.ImageEncoder) { e.Patches.Project.Weight = nil },
		"First is":          func(e *arch.ImageEncoder) { e.Patches.First = tensor.New(2, 11) },
		"Positions is":      func(e *arch.ImageEncoder) { e.Patches.GridWidth = 4 },
		"Attention":         func(e *arch.ImageEncoder) { e.Pool, e.Attention = arch.ByAttention, nil },
		"Attention.Down is": func(e *arch.ImageEncoder) { e.Pool = arch.ByAttention; e.Attention.Down = e.Attention.Up },
	} {
		e := pictureModel()
		e.Patches.Norm = nil
		spoil(e)
		if _, err := e.Plan(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
