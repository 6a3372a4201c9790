package tiny

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/examples/internal/scene"
	"github.com/seed2010d43f/transformer/internal/tensortest"
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
		if ids, err := e.Model.Text.Tokenizer.Encode(text); err != nil || !slices.Equal(ids, want.IDs[i]) {
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
