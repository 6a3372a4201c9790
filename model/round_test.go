package model_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

// Rounding activations keeps every promise of bits, and moves logits by a few hundredths of their size:
// a bfloat16 has 8 bits, and these models have products of rough weights one after the other.
func TestRounding(t *testing.T) {
	for _, g := range goldens(t) {
		if !slices.Contains([]string{"llama-gqa", "gpt2-plain", "gemma3-new-config", "phi3-plain"}, g.Name) {
			continue
		}
		narrow := func(tensor.DType) tensor.DType { return tensor.BF16 }
		exact, rounding := g.decoder(t, model.Options{Convert: narrow}), g.decoder(t, model.Options{Convert: narrow, Round: true})
		logits := func(d *model.Decoder, step int) []float32 {
			s := d.NewSession(model.SessionOptions{})
			for i := 0; i < len(g.Prompt); i += step {
				if err := s.Append(g.Prompt[i:min(i+step, len(g.Prompt))]...); err != nil {
					t.Fatal(err)
				}
			}
			return slices.Clone(s.Logits())
		}
		want, got := logits(exact, len(g.Prompt)), logits(rounding, len(g.Prompt))
		if slices.Equal(got, want) {
			t.Errorf("%s: nothing was rounded", g.Name)
		}
		var worst, size float32
		for i := range want {
			worst, size = max(worst, got[i]-want[i], want[i]-got[i]), max(size, want[i], -want[i])
		}
		if worst > 0.1*size {
			t.Errorf("%s: logits move by %v of %v", g.Name, worst, size)
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
}
