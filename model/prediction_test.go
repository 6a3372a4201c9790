package model_test

import (
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/modeltest"
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

// The forms of latent attention agree, and so does what they write.
func TestLatentForms(t *testing.T) {
	for _, name := range []string{"deepseek_v3", "deepseek_v2", "glm4_moe_lite"} {
		g := plain(t, name)
		ids := modeltest.RandomIDs(7, 100, 97)
		var logits [3]tensor.Tensor
		for i, form := range []attention.LatentForm{attention.LatentAuto, attention.LatentAbsorbed, attention.LatentExpanded} {
			d := g.decoder(t, model.Options{LatentForm: form})
			var err error
			if logits[i], err = d.NewSession(model.SessionOptions{}).Extend(ids...); err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				compareTensors(t, name+" "+form.String(), logits[i], logits[0])
			}
		}
		if _, equal := tensortest.SameBits(logits[1].Data, logits[2].Data); equal {
			t.Errorf("%s: the forms do not differ", name)
		}
	}
}
