package model_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// What of SigLIP 2 and BLIP is not supported is refused by name, with what is.
func TestPicturesRefused(t *testing.T) {
	for config, want := range map[string][]string{
		`{"model_type": "siglip2"}`:                                              {`"siglip2"`, "NaFlex", `"siglip"`, "OpenImageText"},
		`{"model_type": "siglip2_vision_model"}`:                                 {`"siglip2_vision_model"`, "NaFlex", `"siglip"`},
		`{"model_type": "siglip2_text_model"}`:                                   {`"siglip2_text_model"`, "NaFlex", `"siglip"`},
		`{"model_type": "blip", "architectures": ["BlipModel"]}`:                 {"BlipModel", "BlipForConditionalGeneration", "BlipForImageTextRetrieval"},
		`{"model_type": "blip-2", "architectures": ["Blip2Model"]}`:              {"Blip2Model", "Blip2ForConditionalGeneration", "Blip2ForImageTextRetrieval"},
		`{"model_type": "instructblip", "architectures": ["InstructBlipModel"]}`: {"InstructBlipModel", "InstructBlipForConditionalGeneration"},
		`{"model_type": "clip", "text_config": {}, "vision_config": {}}`:         {`"clip"`, "OpenImageText"},
		`{"model_type": "vit", "hidden_size": 8}`:                                {`"vit"`, "OpenImageEncoder"},
	} {
		src := checkpoint.Formula(map[string]tensor.Shape{"x": tensor.Of(1)}, func(string, tensor.Shape) (float64, float64) { return 0, 1 })
		_, err := model.NewImageToText([]byte(config), src, model.Options{})
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %.600v, want %q", config, err, w)
			}
		}
		t.Logf("%.400v", err)
	}
	for how, err := range everyOpener(fstest.MapFS{"config.json": {Data: []byte(`{"model_type": "siglip2"}`)}, "model.safetensors": {Data: []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}")}}) {
		if err == nil || !strings.Contains(fmt.Sprint(err), "NaFlex") {
			t.Errorf("%s: %v", how, err)
		}
	}
}
