package nn

import (
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// From shapes alone a Loader makes every kind of layer, in its shape and without memory.
func TestShapesOnly(t *testing.T) {
	const dim, out, n = 1 << 14, 1 << 15, 4
	l := NewLoader(checkpoint.NewShapes(checkpoint.BF16), Options{})
	if !l.ShapesOnly() || !l.HasOptional("anything") || NewLoader(checkpoint.Zeros(tensor.F32), Options{}).ShapesOnly() {
		t.Error("a source of shapes alone is not told from others")
	}
	layers := map[string]Linear{
		"linear":   l.Linear("linear", dim, out, true),
		"fused":    l.Fused(dim, true, Part{"q", out / 2}, Part{"k", out / 2}),
		"rows":     l.LinearRows("rows", dim, out, true, [][2]int{{1, out - 1}, {0, 1}}),
		"conv1d":   l.Conv1D("conv1d", dim, out),
		"conv":     l.Convolution("conv", dim/2, out, 2, 2),
		"float32":  l.Float32("float32", dim, out, true),
		"embedded": {Weight: l.Embedding("embedded", out, dim).Weight},
		"table":    {Weight: l.Table("table", out, dim).Weight},
	}
	for name, lin := range layers {
		if lin.Out() != out || lin.In() != dim || lin.Bias != nil && len(lin.Bias) != out {
			t.Errorf("%s is [%d, %d] with a bias of %d", name, lin.Out(), lin.In(), len(lin.Bias))
		}
	}
	fused := l.FusedExperts("gate_up", "down", n, dim, out, Fusion{Transposed: true, Interleaved: true, Bias: true})
	for _, experts := range [][]tensor.Expert{fused, l.Experts("experts", n, dim, out, "gate", "up", "down")} {
		if len(experts) != n {
			t.Fatalf("%d experts", len(experts))
		}
		if err := experts[n-1].Check(dim, dim); err != nil || experts[0].Up.Out != out || experts[0].Down.In != out {
			t.Errorf("experts: %v", err)
		}
	}
	if e := fused[n-1]; len(e.GateBias) != out || len(e.UpBias) != out || len(e.DownBias) != dim {
		t.Errorf("biases of %d, %d and %d", len(e.GateBias), len(e.UpBias), len(e.DownBias))
	}
	heads := l.Heads("heads", dim, n, 16, HeadRows{N: 8}, HeadRows{First: 8, N: 8, Transposed: true})
	if len(heads[0]) != n || heads[0][0].Out != 8 || heads[1][3].Out != dim {
		t.Errorf("heads of [%d, %d] and [%d, %d]", heads[0][0].Out, heads[0][0].In, heads[1][3].Out, heads[1][3].In)
	}
	if norm := l.RMSNorm("norm", dim, 1e-6, 1); len(norm.Weight) != dim || norm.Weight[0] != 0 {
		t.Errorf("a norm of %d that begins with %v; vectors share memory, which must not change", len(norm.Weight), norm.Weight[0])
	}
	if err := l.Err(true); err != nil {
		t.Error(err)
	}
}

// A model of more matrices than any has is an error.
func TestShapesOnlyBounds(t *testing.T) {
	l := NewLoader(checkpoint.NewShapes(checkpoint.BF16), Options{})
	if l.Described(1<<20-1, 1, 1); l.Err(false) != nil {
		t.Error(l.Err(false))
	}
	if l.Described(1, 1, 1); l.Err(false) == nil {
		t.Error("a million matrices are made")
	}
}
