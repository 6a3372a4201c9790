package model_test

import (
	"math"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

// Options.ActiveExperts has the place of the config's number.
func TestActiveExperts(t *testing.T) {
	g := plain(t, "mixtral")
	logits := func(opt model.Options) []float32 {
		d := g.decoder(t, opt)
		s := d.NewSession(model.SessionOptions{})
		if err := s.Append(g.Prompt...); err != nil {
			t.Fatal(err)
		}
		return s.Logits()
	}
	configured, one := logits(model.Options{}), logits(model.Options{ActiveExperts: 1})
	if _, same := tensortest.SameBits(configured, one); same {
		t.Error("one expert gives what the config's two give")
	}
	changed := g
	changed.Config = []byte(strings.Replace(string(g.Config), `"num_experts_per_tok": 3`, `"num_experts_per_tok": 1`, 1))
	g = changed
	tensortest.CheckBits(t, "one expert by config", logits(model.Options{}), one)
	for _, c := range []struct {
		family, want string
		active       int
	}{{"mixtral", "chooses 9 of", 9}, {"mixtral", "chooses -1 of", -1}, {"llama", "has no experts", 1}} {
		g := plain(t, c.family)
		if _, err := model.NewDecoder(g.Config, g.weights(t, 0), model.Options{ActiveExperts: c.active}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %d: error %v, want one with %q", c.family, c.active, err, c.want)
		}
	}
}

// Beyond the original length, Phi-3.5-MoE rotates with long_factor, as in its publisher's code. The reference does
// not, so both factors are equal in its golden files.
func TestPhiLongFactor(t *testing.T) {
	g := plain(t, "phimoe")
	logits := func(short, long string) []float32 {
		o := with(with(g.object(t), "rope_scaling.short_factor", short), "rope_scaling.long_factor", long)
		changed := g
		changed.Config = encode(o)
		s := changed.decoder(t, model.Options{}).NewSession(model.SessionOptions{})
		if err := s.Append(g.Prompt...); err != nil {
			t.Fatal(err)
		}
		return s.Logits()
	}
	const short, long = "[1,1.1,1.3,1.6,2]", "[1.2,2,3.5,5,7]"
	want := logits(long, long)
	tensortest.CheckBits(t, "beyond the original length", logits(short, long), want)
	if _, same := tensortest.SameBits(logits(short, short), want); same {
		t.Error("long_factor changes nothing beyond the original length")
	}
}

// What does not fit between the config, the router and the experts is an error at opening that names the tensor.
func TestBadExperts(t *testing.T) {
	const layer = "model.layers.1.block_sparse_moe."
	set := func(g *golden, name string, shape ...int) {
		x := g.Tensors[name]
		x.Shape, x.Scale = shape, 0.1
		g.Tensors[name] = x
	}
	poison := func(g *golden, name string, value float64) {
		x := g.Tensors[name]
		x.Offset = value
		g.Tensors[name] = x
	}
	for want, c := range map[string]struct {
		family string
		change func(g *golden)
	}{
		layer + "gate.weight\": element 0 is NaN": {"mixtral", func(g *golden) { poison(g, layer+"gate.weight", math.NaN()) }},
		"correction_bias\": element 0 is +Inf": {"deepseek_v3", func(g *golden) {
			poison(g, "model.layers.2.mlp.gate.e_score_correction_bias", math.Inf(1))
		}},
		"no tensor \"" + layer + "experts.2.w1.weight": {"mixtral", func(g *golden) { delete(g.Tensors, layer+"experts.2.w1.weight") }},
		layer + "experts.5.w1.weight":                  {"mixtral", func(g *golden) { set(g, layer+"experts.5.w1.weight", 26, 40) }},
		"gate.weight\" has shape [6 40]":               {"mixtral", func(g *golden) { set(g, layer+"gate.weight", 6, 40) }},
		"input_linear.weight\" has shape [6 ": {"granitemoe", func(g *golden) {
			const name = "model.layers.0.block_sparse_moe.input_linear.weight"
			set(g, name, 6, g.Tensors[name].Shape[1], g.Tensors[name].Shape[2])
		}},
		"output_linear.weight\" has shape [": {"granitemoe", func(g *golden) {
			const name = "model.layers.0.block_sparse_moe.output_linear.weight"
			set(g, name, g.Tensors[name].Shape[0], g.Tensors[name].Shape[1], g.Tensors[name].Shape[2]-1)
		}},
	} {
		g := plain(t, c.family)
		c.change(&g)
		if _, err := model.NewDecoder(g.Config, g.weights(t, tensor.F32), model.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", c.family, err, want)
		}
	}
}
