package model_test

import (
	"fmt"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/tensor"
)

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

// The form of a text does not depend on its neighbours in a batch, though a batch is computed in pieces.
func TestLatentNeighbours(t *testing.T) {
	g := plain(t, "deepseek_v3")
	d := g.decoder(t, model.Options{})
	d.MaxLen = 1000
	var batch []model.Input
	for i, n := range []int{200, 200, 120, 3, 600, 1, 17, 18, 19} {
		batch = append(batch, model.Input{Session: d.NewSession(model.SessionOptions{}), IDs: modeltest.RandomIDs(uint64(i), n, 97)})
	}
	if err := d.AppendBatch(batch); err != nil {
		t.Fatal(err)
	}
	for i, in := range batch {
		same(t, fmt.Sprintf("text %d of %d tokens", i, len(in.IDs)), in.Session.Logits(), alone(t, d, model.SessionOptions{}, in.IDs))
	}
}
