package vision

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func folder(files ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return m
}

// TestConfigErrors: what is not known is refused with the name of the file and the key.
func TestConfigErrors(t *testing.T) {
	const clip = `{"image_processor_type": "CLIPImageProcessor", `
	for _, c := range []struct{ file, text, want string }{
		{preprocessorFile, `{"image_processor_type": "Siglip2ImageProcessor"}`, "Siglip2ImageProcessor"},
		{preprocessorFile, `{"image_processor_type": "EfficientNetImageProcessorFast"}`, "EfficientNet"},
		{preprocessorFile, `{"image_processor_type": "Mine"}`, `"Mine"`},
		{preprocessorFile, `{`, "unexpected end"},
		{preprocessorFile, `{"size": 224}`, modelFile},
		{preprocessorFile, clip + `"resample": 6}`, "resample 6"},
		{preprocessorFile, clip + `"resample": "cubic"}`, `resample "cubic"`},
		{preprocessorFile, clip + `"size": {"longest_edge": 5}}`, "longest_edge"},
		{preprocessorFile, clip + `"size": {"max_pixels": 5}}`, "max_pixels"},
		{preprocessorFile, clip + `"size": {"height": 5}}`, "height and width"},
		{preprocessorFile, clip + `"size": -4}`, "Size"},
		{preprocessorFile, clip + `"size": 1000000000}`, "Size"},
		{preprocessorFile, clip + `"size": "big"}`, "size"},
		{preprocessorFile, clip + `"crop_size": {"height": 0, "width": 4}}`, "crop_size"},
		{preprocessorFile, clip + `"crop_size": {"shortest_edge": 4}}`, "crop_size"},
		{preprocessorFile, clip + `"do_pad": true, "pad_size": {"height": 4}}`, "pad_size"},
		{preprocessorFile, clip + `"image_mean": [1, 2]}`, "image_mean"},
		{preprocessorFile, clip + `"image_std": [0, 1, 1]}`, "Std"},
		{preprocessorFile, clip + `"image_std": [Infinity, 1, 1]}`, "image_std"},
		{preprocessorFile, clip + `"do_resize": 3}`, "do_resize"},
		{preprocessorFile, `{"image_processor_type": "ViTImageProcessor", "do_center_crop": true}`, "crop_size"},
		{preprocessorFile, `{"image_processor_type": "ConvNextImageProcessor", "size": 224, "crop_pct": 0}`, "crop_pct"},
		{preprocessorFile, `{"image_processor_type": "ConvNextImageProcessor", "size": {"height": 5, "width": 5}}`, "shortest_edge"},
		{processorFile, `{"image_processor": {"image_processor_type": "Nobody"}}`, processorFile},
		{openCLIPFile, `{"preprocess_cfg": {"resize_mode": "crop"}}`, "resize_mode"},
		{openCLIPFile, `{"preprocess_cfg": {"interpolation": "lanczos"}}`, "lanczos"},
		{openCLIPFile, `{"preprocess_cfg": {"mode": "L"}}`, `"L"`},
		{openCLIPFile, `{"preprocess_cfg": {"fill_color": 300}}`, "fill_color"},
		{openCLIPFile, `{"preprocess_cfg": {"size": 0}}`, "image_size"},
		{openCLIPFile, `[]`, "array"},
	} {
		_, err := OpenProcessor(folder(c.file, c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: the error is %v, want one that names %q and the file", c.text, err, c.want)
		}
	}
	if _, err := OpenProcessor(folder()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), preprocessorFile) {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestConfigFiles: which file and which class count.
func TestConfigFiles(t *testing.T) {
	const vit, clip, open = `{"image_processor_type": "ViTImageProcessor"}`, `{"feature_extractor_type": "CLIPFeatureExtractor"}`, `{"preprocess_cfg": {"resize_mode": "longest"}}`
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		want  Processor
	}{
		{"nested", folder(preprocessorFile, clip, processorFile, `{"image_processor": `+vit+`}`), Processor{Fit: Squash, Filter: Bilinear, Convert: OnlyRGB}},
		{"not nested", folder(preprocessorFile, clip, processorFile, `{"processor_class": "CLIPProcessor"}`), Processor{Fit: Shortest, Filter: Bicubic}},
		{"both libraries", folder(preprocessorFile, clip, openCLIPFile, open), Processor{Fit: Shortest, Filter: Bicubic}},
		{"OpenCLIP", folder(openCLIPFile, open), Processor{Fit: Inside, Filter: Bicubic, Convert: DropAlpha}},
		{"by the model", folder(preprocessorFile, `{"size": 99}`, modelFile, `{"model_type": "deit"}`), Processor{Fit: Squash, Filter: Bicubic, Convert: OnlyRGB}},
		{"name of a filter", folder(preprocessorFile, `{"image_processor_type": "CLIPImageProcessor", "resample": "LANCZOS"}`), Processor{Fit: Shortest, Filter: Lanczos}},
	} {
		p, err := OpenProcessor(c.files)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if p.Fit != c.want.Fit || p.Filter != c.want.Filter || p.Convert != c.want.Convert {
			t.Errorf("%s: %+v, want %+v", c.name, p, c.want)
		}
	}
}

// TestWithSize: a processor for other sizes keeps how much it cuts off.
func TestWithSize(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Processor
		want Processor
	}{
		{"squash", Processor{Fit: Squash, Size: Size{224, 224}}, Processor{Size: Size{280, 140}}},
		{"crop", Processor{Fit: Shortest, Size: Size{256, 256}, Crop: Size{224, 224}}, Processor{Size: Size{320, 320}, Crop: Size{280, 140}}},
	} {
		got, err := c.p.WithSize(280, 140)
		if err != nil {
			t.Fatal(err)
		}
		if got.Size != c.want.Size || got.Crop != c.want.Crop {
			t.Errorf("%s: %+v", c.name, got)
		}
		if out, err := got.Output(999, 333); err != nil || out != (Size{280, 140}) {
			t.Errorf("%s: a picture becomes %v, %v", c.name, out, err)
		}
	}
	for _, p := range []Processor{{}, {Fit: Shortest, Size: Size{224, 224}}} {
		if _, err := p.WithSize(280, 140); err == nil {
			t.Errorf("%+v has no size of its own, and no error", p)
		}
	}
	if _, err := (&Processor{Fit: Squash, Size: Size{4, 4}}).WithSize(0, 3); err == nil {
		t.Error("a height of 0: no error")
	}
}
