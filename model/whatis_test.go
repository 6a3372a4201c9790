package model_test

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// files returns a folder of these files, with a byte each.
func files(names ...string) fstest.MapFS {
	f := fstest.MapFS{}
	for _, name := range names {
		f[name] = &fstest.MapFile{Data: []byte("x")}
	}
	return f
}

// withFile returns a folder that has one file more.
func withFile(f fstest.MapFS, name, data string) fstest.MapFS {
	f[name] = &fstest.MapFile{Data: []byte(data)}
	return f
}

// everyOpener opens a folder in every way, and returns the error of each.
func everyOpener(f fs.FS) map[string]error {
	errs := map[string]error{}
	_, errs["OpenDecoder"] = model.OpenDecoder(f, model.Options{})
	_, errs["OpenEncoder"] = model.OpenEncoder(f, model.Options{})
	_, errs["OpenEncoderDecoder"] = model.OpenEncoderDecoder(f, model.Options{})
	_, errs["OpenImageEncoder"] = model.OpenImageEncoder(f, model.Options{})
	_, errs["OpenImageText"] = model.OpenImageText(f, model.Options{})
	_, errs["OpenImageToText"] = model.OpenImageToText(f, model.Options{})
	return errs
}

const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"

// Every opener says what a folder is that has no model for it, and what to do.
func TestWhatIsThis(t *testing.T) {
	llama := string(plain(t, "llama").Config)
	for name, c := range map[string]struct {
		folder fstest.MapFS
		want   []string
	}{
		"empty":                        {fstest.MapFS{}, []string{"empty", "config.json, model.safetensors and a tokenizer"}},
		"pointer, config":              {withFile(files(), "config.json", pointer), []string{"config.json", "Git LFS", "download the file itself"}},
		"pointer, weights":             {withFile(withFile(files(), "config.json", llama), "model.safetensors", pointer), []string{"model.safetensors", "Git LFS", "download the file itself"}},
		"pointer, index":               {withFile(withFile(files(), "config.json", llama), "model.safetensors.index.json", pointer), []string{"model.safetensors.index.json", "Git LFS"}},
		"pointer, shard without index": {withFile(withFile(files(), "config.json", llama), "model-00001-of-00001.safetensors", pointer), []string{"model-00001-of-00001.safetensors", "Git LFS"}},
		"GGUF":                         {files("model.Q4_0.gguf", "README.md"), []string{"model.Q4_0.gguf", "does not begin with GGUF"}},
		"GGUF beside a config":         {withFile(files("a.gguf"), "config.json", llama), []string{"a.gguf", "does not begin with GGUF"}},
		"two GGUF":                     {files("a.gguf", "b.gguf"), []string{`"a.gguf"`, `"b.gguf"`, "Options.GGUF"}},
		"cache of a model":             {files("blobs/0a", "snapshots/abc/config.json"), []string{"cache of the hub", `"snapshots/abc"`}},
		"cache of a model, main":       {withFile(files("snapshots/a/config.json", "snapshots/b/config.json"), "refs/main", "b\n"), []string{`below it, "snapshots/b";`}},
		"cache of a model, two":        {files("snapshots/a/config.json", "snapshots/b/config.json"), []string{`"snapshots/a" or "snapshots/b"`}},
		"cache":                        {files("models--org--name/snapshots/abc/config.json", "version.txt"), []string{`"models--org--name/snapshots/…"`}},
		"LoRA":                         {withFile(files("adapter_model.safetensors", "tokenizer.json"), "adapter_config.json", `{"peft_type": "LORA", "base_model_name_or_path": "org/base", "x": NaN}`), []string{"LoRA adapter", `"org/base"`, "Options.Adapters"}},
		"other adapter":                {withFile(files("adapter_model.bin"), "adapter_config.json", `{"peft_type": "IA3", "base_model_name_or_path": "org/base"}`), []string{`"IA3"`, `"org/base"`, "LORA alone"}},
		"adapter without a config":     {files("adapter_model.safetensors"), []string{"adapter_model.safetensors", "no adapter_config.json"}},
		"Meta":                         {files("consolidated.00.pth", "params.json", "tokenizer.model"), []string{`"consolidated.00.pth"`, "params.json", "format of Meta", "Hugging Face's format"}},
		"Mistral":                      {files("consolidated.safetensors", "params.json", "tekken.json"), []string{`"consolidated.safetensors"`, "params.json", "tekken.json", "format of Mistral"}},
		"Mistral beside a config":      {withFile(files("consolidated.safetensors", "params.json"), "config.json", llama), []string{`"consolidated.safetensors"`, "format of Mistral"}},
		"ONNX":                         {withFile(files("onnx/model.onnx"), "config.json", llama), []string{`"onnx/model.onnx"`, "ONNX"}},
		"ONNX alone":                   {files("model.onnx"), []string{`"model.onnx"`, "ONNX"}},
		"TensorFlow":                   {withFile(files("tf_model.h5"), "config.json", llama), []string{`"tf_model.h5"`, "TensorFlow", "from_tf=True"}},
		"TensorFlow 1":                 {files("bert_model.ckpt.index", "bert_config.json", "vocab.txt"), []string{`"bert_model.ckpt.index"`, "TensorFlow"}},
		"Flax":                         {withFile(files("flax_model.msgpack"), "config.json", llama), []string{`"flax_model.msgpack"`, "Flax", "from_flax=True"}},
		"tokenizer":                    {files("tokenizer.json", "tokenizer_config.json"), []string{`"tokenizer.json"`, "a tokenizer without a model", "tokenizer.Open"}},
		"tokenizer and config":         {withFile(files("tokenizer.json"), "config.json", llama), []string{"no weights", "download model.safetensors", "tokenizer.Open"}},
		"sentence-transformers":        {files("modules.json", "0_Transformer/config.json"), []string{"task.OpenEmbedder"}},
		"module":                       {withFile(files("model.safetensors"), "config.json", `{"pooling_mode_mean_tokens": true}`), []string{"no model_type", "task.OpenEmbedder"}},
		"OpenVINO":                     {withFile(files("openvino_model.xml", "openvino_model.bin"), "config.json", llama), []string{"OpenVINO", "config.json and model.safetensors"}},
		"CTranslate2":                  {withFile(files("model.bin", "shared_vocabulary.json"), "config.json", "{}"), []string{"no model_type"}},
		"CTranslate2 alone":            {files("model.bin", "shared_vocabulary.txt"), []string{"CTranslate2"}},
		"Meta's below":                 {files("original/consolidated.00.pth", "README.md"), []string{"format of Meta"}},
		"training state":               {withFile(files("training_args.bin", "optimizer.pt", "tokenizer.json"), "config.json", llama), []string{"no weights"}},
		"weights alone":                {files("linear.safetensors", "README.md"), []string{"linear.safetensors: open one with safetensors.Open"}},
		"diffusers":                    {files("model_index.json", "unet/config.json"), []string{"diffusers"}},
		"a folder below":               {files("original/config.json"), []string{`open "original"`}},
		"shard missing":                {withFile(files("model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"), "config.json", llama), []string{"model-00002-of-00003.safetensors", "says that there are 3"}},
		"shards of two":                {withFile(files("model-00001-of-00003.safetensors", "model-00002-of-00004.safetensors"), "config.json", llama), []string{"model-00002-of-00004.safetensors", "one checkpoint"}},
		"shard 4 of 3":                 {withFile(files("model-00001-of-00001.safetensors", "model-00004-of-00001.safetensors"), "config.json", llama), []string{"numbered from 1 to 1"}},
		"shard of none":                {withFile(files("pytorch_model-00000-of-00000.bin"), "config.json", llama), []string{"pytorch_model-00000-of-00000.bin"}},
		"many shards, of which is one": {withFile(files("model-00001-of-99999.safetensors"), "config.json", llama), []string{"model-00002-of-99999.safetensors"}},
	} {
		for opener, err := range everyOpener(c.folder) {
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s with %s: error lacks %q: %v", name, opener, want, err)
				}
			}
		}
	}
}

// Weights that MLX has quantised are named. A key that says so without such weights harms nobody.
func TestMLX(t *testing.T) {
	g := plain(t, "llama")
	var c map[string]json.RawMessage
	if err := json.Unmarshal(g.Config, &c); err != nil {
		t.Fatal(err)
	}
	c["quantization"] = json.RawMessage(`{"group_size": 64, "bits": 4}`)
	config, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	src := g.weights(t, tensor.F32)
	if _, err := model.NewDecoder(config, src, model.Options{}); err != nil {
		t.Error(err)
	}
	const name = "model.layers.0.mlp.up_proj"
	more := checkpointtest.Memory(t, checkpoint.Entry{Name: name + ".scales", DType: checkpoint.F32, Data: make([]byte, 4)},
		checkpoint.Entry{Name: name + ".biases", DType: checkpoint.F32, Data: make([]byte, 4)})
	if src, err = checkpoint.Join(src, more); err != nil {
		t.Fatal(err)
	}
	_, err = model.NewDecoder(config, src, model.Options{})
	for _, want := range []string{"MLX", "4 bits", "groups of 64", ".scales", "unquantised"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
}

// Numbers that are not finite harm nobody who does not read them, as with Python's json; a byte-order mark harms nobody.
func TestPythonJSON(t *testing.T) {
	g := plain(t, "llama")
	config := "\ufeff" + strings.TrimSuffix(strings.TrimSpace(string(g.Config)), "}") + `, "loss": NaN, "worst": [Infinity, -Infinity, "a \" NaN"]}`
	if _, err := model.NewDecoder([]byte(config), g.weights(t, tensor.F32), model.Options{}); err != nil {
		t.Error(err)
	}
	config = strings.Replace(config, `"loss"`, `"rms_norm_eps"`, 1)
	if _, err := model.NewDecoder([]byte(config), g.weights(t, tensor.F32), model.Options{}); err == nil || !strings.Contains(err.Error(), `rms_norm_eps is "NaN"`) {
		t.Errorf("error %v", err)
	}
}

// An adapter's config that is no file does not keep the openers waiting.
func TestWhatIsHostile(t *testing.T) {
	folder := withFile(files("x"), "adapter_config.json", `{"peft_type": "LORA"}`)
	for name, err := range hostile.Check(t, hostile.Folders(t, folder, "adapter_config.json"), 1<<20, func(f fs.FS) error {
		_, err := model.OpenDecoder(f, model.Options{})
		if err != nil && strings.Contains(err.Error(), "it is a LoRA adapter") {
			return nil
		}
		return err
	}) {
		if err == nil || !strings.Contains(err.Error(), "no config.json here") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
