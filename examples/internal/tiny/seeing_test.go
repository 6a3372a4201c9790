package tiny

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/examples/internal/scene"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/vision"
)

// drawings returns the first n drawings.
func drawings(t *testing.T, n int) []*vision.Image {
	t.Helper()
	out := make([]*vision.Image, n)
	for i := range out {
		var err error
		if out[i], err = vision.FromImage(scene.New(uint64(i)).Draw()); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// The tiny CLIP computes what the reference computed from the same weights and pictures.
func TestCLIP(t *testing.T) {
	var want struct {
		Texts       []string
		IDs         [][]int
		Logits      [][]float64 `json:"logits_per_image"`
		ImageEmbeds [][]float64 `json:"image_embeds"` // their first numbers
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/clip.json.gz"), &want); err != nil {
		t.Fatal(err)
	}
	e, err := ImageEmbedder("")
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range want.Texts {
		if ids, err := e.Model.Tokenizer.Encode(text); err != nil || !slices.Equal(ids, want.IDs[i]) {
			t.Errorf("%q is %v, want %v (%v)", text, ids, want.IDs[i], err)
		}
	}
	images, err := e.Images(drawings(t, len(want.Logits))...)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := e.Texts(want.Texts...)
	if err != nil {
		t.Fatal(err)
	}
	logits, most := e.Model.Logits(nil, images, texts), 0.0
	for i := range want.Logits {
		for k, v := range want.ImageEmbeds[i] {
			if d := math.Abs(float64(images.Row(i)[k]) - v); d > 2e-5 { // of vectors of length 1
				t.Errorf("picture %d: number %d of the vector is off by %v", i, k, d)
			}
		}
		for k, v := range want.Logits[i] {
			most = max(most, math.Abs(v))
			if d := math.Abs(float64(logits.Row(i)[k]) - v); d > 2e-5*100 { // logits are cosines times up to 100
				t.Errorf("picture %d and %q: the logit is off by %v", i, want.Texts[k], d)
			}
		}
	}
	if most < 5 {
		t.Errorf("the largest logit is %v: the file says little", most)
	}
}

// The tiny BLIP writes what the reference wrote, greedy, after a prompt and with beams.
func TestBLIP(t *testing.T) {
	var want []struct {
		IDs            []int
		Text, Prompted string
		Beams          []string
		Scores         []float64
		Logits         [][]float64 // of the last ids of the vocabulary, after each token
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/blip.json.gz"), &want); err != nil {
		t.Fatal(err)
	}
	c, err := Captioner("")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for i, m := range drawings(t, len(want)) {
		w := want[i]
		out, err := c.Caption(ctx, m)
		if err != nil || out[0].Text != w.Text || !slices.Equal(out[0].IDs, w.IDs[1:]) {
			t.Errorf("picture %d: %v, want %q (%v)", i, out, w.Text, err)
		}
		prompted := *c
		prompted.Prompt = "a picture of"
		if out, err = prompted.Caption(ctx, m); err != nil || prompted.Prompt+" "+out[0].Text != w.Prompted {
			t.Errorf("picture %d with a prompt: %v, want %q (%v)", i, out, w.Prompted, err)
		}
		beams := *c
		beams.Beams.NumBeams, beams.Beams.NumReturnSequences = 3, len(w.Beams)
		if out, err = beams.Caption(ctx, m); err != nil || len(out) != len(w.Beams) {
			t.Fatalf("picture %d with beams: %v (%v)", i, out, err)
		}
		for k, o := range out {
			if o.Text != w.Beams[k] || math.Abs(o.Score-w.Scores[k]) > 2e-5 {
				t.Errorf("picture %d: beam %d is %q with %v, want %q with %v", i, k, o.Text, o.Score, w.Beams[k], w.Scores[k])
			}
		}
		px, err := c.Processor.Process(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := c.Model.Look(tensor.From(px.Data, px.Channels, px.Height, px.Width))
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Model.NewSession(seen[0], model.Question{}, model.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		logits, err := s.Extend(w.IDs...)
		if err != nil {
			t.Fatal(err)
		}
		for at, row := range w.Logits {
			got := logits.Row(at)[c.Model.Writer.Vocab-len(row):]
			for k, v := range row {
				if d := math.Abs(float64(got[k]) - v); d > 5e-4 { // 2e-5 of the largest, which is about 20
					t.Errorf("picture %d, after token %d: logit %d is off by %v", i, at, k, d)
				}
			}
		}
	}
}
