package model_test

import (
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
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
