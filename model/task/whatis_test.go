package task

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model"
)

// Every opener says what a folder is that has no model, and what to do.
func TestWhatIsThis(t *testing.T) {
	openers := map[string]func(fs.FS) error{
		"OpenEmbedder":   func(f fs.FS) error { _, err := OpenEmbedder(f, model.Options{}); return err },
		"OpenClassifier": func(f fs.FS) error { _, err := OpenClassifier(f, model.Options{}); return err },
		"OpenFillMask":   func(f fs.FS) error { _, err := OpenFillMask(f, model.Options{}); return err },
		"OpenTagger":     func(f fs.FS) error { _, err := OpenTagger(f, model.Options{}); return err },
		"OpenAnswerer":   func(f fs.FS) error { _, err := OpenAnswerer(f, model.Options{}); return err },
		"OpenReranker":   func(f fs.FS) error { _, err := OpenReranker(f, model.Options{}); return err },
		"OpenTextToText": func(f fs.FS) error { _, err := OpenTextToText(f, model.Options{}); return err },
	}
	file := &fstest.MapFile{Data: []byte("x")}
	for want, folder := range map[string]fstest.MapFS{
		`open the folder of "org/base", its base model, and give this one in Options.Adapters`: {
			"adapter_config.json": {Data: []byte(`{"peft_type": "LORA", "base_model_name_or_path": "org/base"}`)}, "adapter_model.bin": file},
		"GGUF":                     {"a.gguf": file},
		`"snapshots/abc"`:          {"snapshots/abc/config.json": file},
		"ONNX":                     {"config.json": {Data: []byte(`{"model_type": "bert"}`)}, "onnx/model.onnx": file},
		"download the file itself": {"config.json": {Data: []byte("version https://git-lfs.github.com/spec/v1\n")}},
	} {
		for name, open := range openers {
			if err := open(folder); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error lacks %q: %v", name, want, err)
			}
		}
	}
}
