package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// roundBF16 returns x rounded to bfloat16.
func roundBF16(x tensor.Tensor) tensor.Tensor {
	y := tensor.New(x.Shape[:x.Shape.Rank()]...)
	for i, v := range x.Data {
		y.Data[i] = half.FromBF16(half.BF16(v))
	}
	return y
}

// The types below compute what those they hold would compute if products rounded activations.

type roundedAttention struct {
	heads *attention.MultiHead // with a projection that changes nothing
	out   nn.Linear
}

func newRoundedAttention(m *attention.MultiHead) *roundedAttention {
	heads := *m
	width := heads.Heads * heads.HeadDim
	identity := tensor.New(width, width)
	for i := range width {
		identity.Row(i)[i] = 1
	}
	heads.Out = nn.Linear{Weight: tensor.WeightFrom(identity)}
	return &roundedAttention{&heads, m.Out}
}

func (r *roundedAttention) Traits() attention.Traits {
	return attention.Traits{Of: r, Inner: []attention.Op{r.heads}}
}

func (r *roundedAttention) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	output := tensor.New(x.Rows(), r.heads.Out.Out())
	r.heads.Forward(p, output, roundBF16(x))
	r.out.Forward(dst, roundBF16(output))
}

type roundedGLU struct{ g *block.GLU }

func (r roundedGLU) Forward(_ *attention.Pass, dst, x tensor.Tensor) {
	both, h := tensor.New(x.Rows(), r.g.GateUp.Out()), tensor.New(x.Rows(), r.g.GateUp.Out()/2)
	r.g.GateUp.Forward(both, roundBF16(x))
	r.g.Act.Gate(h, both)
	r.g.Down.Forward(dst, roundBF16(h))
}

type roundedMLP struct{ m *block.MLP }

func (r roundedMLP) Forward(_ *attention.Pass, dst, x tensor.Tensor) {
	h := tensor.New(x.Rows(), r.m.Up.Out())
	r.m.Up.ForwardActivated(h, roundBF16(x), r.m.Act)
	r.m.Down.Forward(dst, roundBF16(h))
}

type roundedNorm struct{ n nn.Norm }

func (r roundedNorm) Forward(dst, x tensor.Tensor) {
	r.n.Forward(dst, x)
	copy(dst.Data, roundBF16(dst).Data)
}

// emulateRounding has a decoder, whose weights are bfloat16, round activations before each product.
func emulateRounding(t *testing.T, d *model.Decoder) {
	for i, b := range d.Blocks {
		for j, r := range b {
			switch op := r.Op.(type) {
			case *attention.MultiHead:
				d.Blocks[i][j].Op = newRoundedAttention(op)
			case *block.GLU:
				d.Blocks[i][j].Op = roundedGLU{op}
			case *block.MLP:
				d.Blocks[i][j].Op = roundedMLP{op}
			default:
				t.Fatalf("no rounded form of %T", op)
			}
		}
	}
	d.Norm = roundedNorm{d.Norm}
}

// Products that round activations give the logits of an emulation that rounds them before exact products, and keep
// every promise of bits.
func TestRounding(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		// 2e-5 is float32's. The instruction for bfloat16 adds in another order, so that now and then an activation
		// rounds to its other neighbour. Without the rounding of one norm, logits move by 1.4e-3.
		bound := float32(2e-5)
		if simd.Active().Has(simd.AVX512BF16) {
			bound = 1e-3
		}
		for _, g := range goldens(t) {
			if slices.Contains([]string{"llama-gqa", "gpt2-plain", "gemma3-new-config", "phi3-plain"}, g.Name) {
				g.checkRounding(t, bound)
			}
		}
	})
}

func (g *golden) checkRounding(t *testing.T, bound float32) {
	narrow := nn.As(tensor.BF16)
	exact, rounding := g.decoder(t, model.Options{Convert: narrow}), g.decoder(t, model.Options{Convert: narrow, Precision: nn.BF16Activations})
	logits := func(d *model.Decoder, step int) []float32 {
		s := d.NewSession(model.SessionOptions{})
		for i := 0; i < len(g.Prompt); i += step {
			if err := s.Append(g.Prompt[i:min(i+step, len(g.Prompt))]...); err != nil {
				t.Fatal(err)
			}
		}
		return slices.Clone(s.Logits())
	}
	got := logits(rounding, len(g.Prompt))
	if slices.Equal(got, logits(exact, len(g.Prompt))) {
		t.Errorf("%s: nothing was rounded", g.Name)
	}
	emulated := g.decoder(t, model.Options{Convert: narrow})
	emulateRounding(t, emulated)
	var worst, size float32
	for i, want := range logits(emulated, len(g.Prompt)) {
		worst, size = max(worst, got[i]-want, want-got[i]), max(size, want, -want)
	}
	if !(worst <= bound*size) {
		t.Errorf("%s: logits are off by %v of %v", g.Name, worst, size)
	}
	for _, step := range []int{1, 7} {
		if !slices.Equal(logits(rounding, step), got) {
			t.Errorf("%s: fed by %d the logits are others", g.Name, step)
		}
	}
	if err := rounding.NewSession(model.SessionOptions{}).Append(rounding.Vocab); err == nil || !strings.Contains(err.Error(), "ids are 0 to") {
		t.Errorf("error %v", err)
	}
}
