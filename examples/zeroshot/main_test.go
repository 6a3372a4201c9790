package main

import (
	"bytes"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/examples/internal/pictures"
	"github.com/seed2010d43f/transformer/examples/internal/scene"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/vision"
)

// Of 500 pictures with seeds that the tiny model was not trained on, the first label is right in at least 95 of 100.
func TestUnseenPictures(t *testing.T) {
	z, err := tiny.ZeroShotImages("")
	if err != nil {
		t.Fatal(err)
	}
	labels, err := z.Labels(scene.Subjects[:]...)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := pictures.Load(nil, 0, pictures.Unseen)
	if err != nil {
		t.Fatal(err)
	}
	found, err := labels.Classify(pictures.Images(drawn)...)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, s := range pictures.Scenes(pictures.Unseen) {
		if found[i][0].Name == s.Subject.String() {
			right++
		}
	}
	t.Logf("%d of %d first labels are right", right, pictures.Unseen)
	if right < pictures.Unseen*95/100 {
		t.Errorf("%d of %d first labels are right", right, pictures.Unseen)
	}
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	o := options{labels: "cat,dog,car,building", template: "a photo of a {}", n: 1, out: filepath.Join(t.TempDir(), "looks.png")}
	if err := run(&out, o, nil); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "drawing 0\n  a photo of a cat: ") || strings.Count(got, " %\n") != 4 || !strings.Contains(got, "wrote ") {
		t.Errorf("the output is\n%s", got)
	}
	for _, bad := range []struct {
		change func(*options)
		files  []string
		says   string
	}{
		{func(o *options) { o.template = "a photo" }, nil, "{}"},
		{func(o *options) {}, []string{"main.go"}, "main.go"},
		{func(o *options) {}, []string{"missing.png"}, "missing.png"},
	} {
		other := o
		bad.change(&other)
		if err := run(&out, other, bad.files); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("error %v, want one with %q", err, bad.says)
		}
	}
}

// The first row of a model without a class token is a patch: no tile shows where it looked.
func TestSheet(t *testing.T) {
	const shape = `"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 16, "patch_size": 4`
	drawn, err := pictures.Load(nil, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := &vision.Processor{Fit: vision.Squash, Size: vision.Size{Height: 16, Width: 16}, Rescale: true, Scale: 1. / 255}
	for _, c := range []struct {
		config string
		rows   int
		tiles  []string
	}{
		{`{"model_type": "clip_vision_model", "architectures": ["CLIPVisionModel"], ` + shape + `}`, 17, []string{"layer 0", "layer 1", "rollout"}},
		{`{"model_type": "siglip_vision_model", "architectures": ["SiglipVisionModel"], ` + shape + `}`, 16, []string{"pooling head", "rollout"}},
		{`{"model_type": "siglip_vision_model", "architectures": ["SiglipVisionModel"], "vision_use_head": false, ` + shape + `}`, 16, []string{"rollout"}},
	} {
		e, err := model.NewImageEncoder([]byte(c.config), checkpoint.Random(1, tensor.F32), model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		seen, err := pictures.Watch(e.ImageEncoder, p, drawn[0].Image)
		if err != nil {
			t.Fatal(err)
		}
		var tiles []string
		for _, tile := range sheet(seen, "drawing").Tiles[1:] {
			tiles = append(tiles, tile.Title)
			if n := len(tile.Weights); n != 4 || len(tile.Weights[n-1]) != 4 {
				t.Errorf("%s: %d rows of patches", tile.Title, n)
			}
		}
		if !slices.Equal(tiles, c.tiles) {
			t.Errorf("%s: tiles %q, want %q", c.config, tiles, c.tiles)
		}
		sum := 0.0
		for _, v := range seen.Output() {
			sum += float64(v)
		}
		if len(seen.Output()) != c.rows || math.Abs(sum-1) > 1e-5 {
			t.Errorf("%s: the shares of %d rows sum to %v", c.config, len(seen.Output()), sum)
		}
	}
}
