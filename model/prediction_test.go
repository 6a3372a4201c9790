package model_test

import (
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// The layer that predicts one token more is there only for those who ask for it, and changes nothing else.
func TestPredictionOnRequest(t *testing.T) {
	g := plain(t, "deepseek_v3")
	var skipped []string
	without := g.decoder(t, model.Options{Skipped: func(name string) { skipped = append(skipped, name) }})
	if without.Prediction != nil || len(skipped) == 0 {
		t.Errorf("%d tensors are left out", len(skipped))
	}
	for _, name := range skipped {
		if !strings.HasPrefix(name, "model.layers.3.") {
			t.Errorf("%q is left out", name)
		}
	}
	skipped = nil
	predicting := g.decoder(t, model.Options{Prediction: true, Skipped: func(name string) { skipped = append(skipped, name) }})
	if predicting.Prediction == nil || len(skipped) != 2 {
		t.Errorf("with the layer, %q are left out, want the table and the head", skipped)
	}
	same(t, "logits", alone(t, predicting, model.SessionOptions{}, g.Prompt), alone(t, without, model.SessionOptions{}, g.Prompt))

	for family, changes := range map[string]string{"llama": "", "deepseek_v3": "num_nextn_predict_layers=0"} {
		g := plain(t, family)
		o := g.object(t)
		if key, value, ok := strings.Cut(changes, "="); ok {
			o = with(o, key, value)
		}
		_, err := model.NewDecoder(encode(o), g.weights(t, tensor.F32), model.Options{Prediction: true})
		if err == nil || !strings.Contains(err.Error(), "predict") {
			t.Errorf("%s: error %v", family, err)
		}
	}
	if _, err := without.Prediction.Plan(without.Dim); err == nil || !strings.Contains(err.Error(), "Options.Prediction") {
		t.Errorf("a plan of no layer: %v", err)
	}
}

// What a prediction layer is assembled of wrongly is an error.
func TestPredictionAssembledWrongly(t *testing.T) {
	g := plain(t, "deepseek_v3")
	d := g.decoder(t, model.Options{Prediction: true})
	for want, breach := range map[string]func(r *arch.Prediction){
		"lacks a norm":                         func(r *arch.Prediction) { r.HiddenNorm = nil },
		"Prediction.Project is [45, 90], want": func(r *arch.Prediction) { d.Dim = 44 },
		"Prediction.Block: block: residual 0":  func(r *arch.Prediction) { r.Block[0].Op = nil },
		"negative Layer":                       func(r *arch.Prediction) { r.Layer = -1 },
	} {
		r := *d.Prediction
		r.Block = append(r.Block[:0:0], r.Block...)
		breach(&r)
		if _, err := r.Plan(d.Dim); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		d.Dim = 45
	}
	var p attention.Pass
	p.Begin(attention.Seq{Rows: 2})
	tensortest.Panics(t, "hidden is [1, 45], want [2, 45]", func() {
		d.Predict(&p, tensor.New(1, 45), []arch.Sequence{{IDs: []int{1, 2}}})
	})
}
