package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/torchfile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

func openCLIPGoldens(t testing.TB) []towerGolden {
	t.Helper()
	return readGoldens[towerGolden](t, "testdata/golden/openclip/*.json.gz", 5)
}

// OpenCLIP's own towers, and SigLIP in timm's form, give what open_clip gives.
func TestOpenCLIPGolden(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, g := range openCLIPGoldens(t) {
			t.Run(g.Name, func(t *testing.T) {
				m, err := model.NewImageText(g.Config, g.weights(t, tensor.F32), model.Options{})
				if err != nil {
					t.Fatal(err)
				}
				g.checkPictures(t, m.ImageEncoder(), "image features")
				g.checkTexts(t, m.TextEncoder())
				if m.Length > 0 {
					m.PadID = 1 // the tokenizer's
				}
				g.checkLogits(t, m)
			})
		}
	})
}

// What of OpenCLIP is not supported is refused by name.
func TestOpenCLIPErrors(t *testing.T) {
	g := openCLIPGoldens(t)[1]
	src := g.weights(t, tensor.F32)
	var config struct {
		Vision json.RawMessage `json:"vision_cfg"`
		Text   json.RawMessage `json:"text_cfg"`
	}
	if err := json.Unmarshal(g.Config, &config); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ part, edit, want string }{
		{"vision", `{"layers": [3, 4, 6, 3]}`, "ResNet"},
		{"vision", `{"timm_model_name": "convnext_base"}`, "convnext_base"},
		{"vision", `{"attentional_pool": true}`, "attentional_pool"},
		{"vision", `{"pool_type": "max"}`, "pool_type"},
		{"text", `{"hf_model_name": "roberta-base"}`, "hf_model_name"},
		{"text", `{"proj_type": "mlp"}`, "proj_type"},
		{"text", `{"act_kwargs": {"approximate": "erf"}}`, "act_kwargs"},
		{"text", `{"norm_kwargs": {"bias": false}}`, "norm_kwargs"},
		{"", `{"multimodal_cfg": {}}`, "multimodal_cfg"},
	} {
		edit := c.edit
		switch c.part {
		case "vision":
			edit = fmt.Sprintf(`{"vision_cfg": %s}`, edited(t, config.Vision, c.edit))
		case "text":
			edit = fmt.Sprintf(`{"text_cfg": %s}`, edited(t, config.Text, c.edit))
		}
		if _, err := model.NewImageText(edited(t, g.Config, edit), src, model.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.edit, err, c.want)
		}
	}
	if _, err := model.OpenImageText(fstest.MapFS{"open_clip_config.json": {Data: []byte(`{}`)}}, model.Options{}); err == nil || !strings.Contains(err.Error(), "model_cfg") {
		t.Errorf("a config without a model: %v", err)
	}
}

// Folders of OpenCLIP open as it publishes them: with safetensors, or with a pickle.
func TestOpenCLIPFolder(t *testing.T) {
	g := openCLIPGoldens(t)[0]
	var tensors []torchfile.Tensor
	var storages [][]byte
	src := g.weights(t, tensor.F32)
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		b, err := src.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, torchfile.Contiguous(name, "FloatStorage", fmt.Sprint(len(storages)), info.Shape...))
		storages = append(storages, bytes.Clone(b))
	}
	var safe bytes.Buffer
	if err := safetensors.Write(&safe, src, nil); err != nil {
		t.Fatal(err)
	}
	config := []byte(fmt.Sprintf(`{"model_cfg": %s, "preprocess_cfg": {}}`, edited(t, g.Config, `{"model_type": "x"}`)))
	for name, data := range map[string][]byte{
		"open_clip_model.safetensors": safe.Bytes(),
		"open_clip_pytorch_model.bin": torchfile.Zip(torchfile.State(torchfile.Pickle(tensors...), storages...)...),
	} {
		m, err := model.OpenImageText(fstest.MapFS{"open_clip_config.json": {Data: config}, name: {Data: data}}, model.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Processor == nil {
			t.Errorf("%s: no processor", name)
		}
		g.checkLogits(t, m)
	}
}
