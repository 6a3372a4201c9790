// Package whatis tells what a folder is that has not what was looked for: an adapter, a file of another program, the cache
// of the hub. Whoever opens a folder and finds nothing asks it, so that all say the same.
package whatis

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
)

// kind says what a folder of one kind is and what to do, or "" for another.
type kind func(fsys fs.FS, f entries) string

// Folder says in words what a folder without a model is and what to do, to stand after a colon, or "" if there is nothing to
// say. It reads the names of the files alone, and of an adapter its config.
func Folder(fsys fs.FS) string {
	return ask(fsys, cache, cacheOfMany, adapter, gguf, mistral, meta, diffusers, exported, sentences, below, tokenizerAlone, otherWeights, empty)
}

// WithoutTokenizer is [Folder] for a folder without a tokenizer, which may have a model.
func WithoutTokenizer(fsys fs.FS) string {
	return ask(fsys, cache, cacheOfMany, adapter, gguf, meta, diffusers, below)
}

func ask(fsys fs.FS, kinds ...kind) string {
	f := list(fsys, ".")
	for _, k := range kinds {
		if s := k(fsys, f); s != "" {
			return s
		}
	}
	return ""
}

// entries are the names in a folder.
type entries struct{ files, folders []string }

func list(fsys fs.FS, dir string) (e entries) {
	for _, d := range sidefile.List(fsys, dir) {
		if d.IsDir() {
			e.folders = append(e.folders, d.Name())
		} else {
			e.files = append(e.files, d.Name())
		}
	}
	return e
}

// has reports whether a file is there.
func (e entries) has(name string) bool { return slices.Contains(e.files, name) }

// like returns the first file whose name matches one of the patterns of [path.Match], or "".
func (e entries) like(patterns ...string) string {
	for _, p := range patterns {
		for _, name := range e.files {
			if ok, _ := path.Match(p, name); ok {
				return name
			}
		}
	}
	return ""
}

// weights returns the first file that may be one of weights, or "".
func (e entries) weights() string {
	left := entries{files: slices.DeleteFunc(slices.Clone(e.files), func(name string) bool {
		return slices.Contains([]string{"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt"}, name)
	})}
	return left.like("*.safetensors", "*.bin", "*.pt")
}

// cache is a model's folder in the cache of the hub: blobs, refs and snapshots.
func cache(fsys fs.FS, f entries) string {
	if !slices.Contains(f.folders, "snapshots") {
		return ""
	}
	names := list(fsys, "snapshots").folders
	if main, err := sidefile.Read(fsys, "refs/main", 1<<10); err == nil && slices.Contains(names, strings.TrimSpace(string(main))) {
		names = []string{strings.TrimSpace(string(main))}
	}
	if len(names) == 0 {
		return "it is a model's folder in the cache of the hub, with nothing below snapshots: download the model again"
	}
	return "it is a model's folder in the cache of the hub: open the folder below it, " + quoted("snapshots/", names)
}

// quoted joins some names.
func quoted(prefix string, names []string) string {
	const most = 3
	var parts []string
	for _, name := range names[:min(len(names), most)] {
		parts = append(parts, fmt.Sprintf("%.100q", prefix+name))
	}
	if len(names) > most {
		parts = append(parts, "…")
	}
	return strings.Join(parts, " or ")
}

// cacheOfMany is the cache itself.
func cacheOfMany(_ fs.FS, f entries) string {
	for _, name := range f.folders {
		if strings.HasPrefix(name, "models--") {
			return fmt.Sprintf("it is the cache of the hub: open a folder below the model's, such as %.200q", name+"/snapshots/…")
		}
	}
	return ""
}

// adapter is the folder of an adapter of peft.
func adapter(fsys fs.FS, f entries) string {
	if !f.has("adapter_config.json") {
		if name := f.like("adapter_model.*"); name != "" && !f.has("config.json") {
			return fmt.Sprintf("it has %.100q of an adapter, and no adapter_config.json, which says what it is for", name)
		}
		return ""
	}
	var c struct {
		Type string `json:"peft_type"`
		Base string `json:"base_model_name_or_path"`
	}
	data, err := sidefile.Read(fsys, "adapter_config.json", sidefile.MaxConfig)
	if err != nil || json.Unmarshal(sidefile.JSON(data), &c) != nil {
		return "it is an adapter, whose adapter_config.json cannot be read"
	}
	base := "its base model"
	if c.Base != "" {
		base = fmt.Sprintf("%.200q, its base model", c.Base)
	}
	if c.Type != "LORA" {
		return fmt.Sprintf("it is an adapter of type %.50q for %s; LORA alone is supported: merge it in Python, with merge_and_unload", c.Type, base)
	}
	return fmt.Sprintf("it is a LoRA adapter: open the folder of %s, and give this one in Options.Adapters", base)
}

// gguf is a file of llama.cpp.
func gguf(_ fs.FS, f entries) string {
	if name := f.like("*.gguf"); name != "" {
		return fmt.Sprintf("it has %.100q, a GGUF file of llama.cpp: the openers of packages model and task open it, "+
			"and tokenizer.OpenGGUF takes its metadata", name)
	}
	return ""
}

// mistral is a checkpoint in Mistral's own format.
func mistral(_ fs.FS, f entries) string {
	if name := f.like("consolidated.safetensors", "consolidated-*.safetensors"); name != "" {
		return fmt.Sprintf("it has %.100q, with params.json and tekken.json the format of Mistral: "+
			"take the files beside it in Hugging Face's format, config.json and model.safetensors or model-*.safetensors", name)
	}
	return ""
}

// meta is a checkpoint in Meta's own format.
func meta(fsys fs.FS, f entries) string {
	name := f.like("consolidated.*.pth")
	if name == "" && slices.Contains(f.folders, "original") && !f.has("config.json") {
		name = list(fsys, "original").like("consolidated.*.pth")
	}
	if name != "" {
		return fmt.Sprintf("it has %.100q, with params.json the format of Meta: take the repository of the same model in Hugging Face's format, "+
			"with config.json and model.safetensors, or convert it with convert_llama_weights_to_hf.py of transformers", name)
	}
	return ""
}

// diffusers is a pipeline of several models.
func diffusers(_ fs.FS, f entries) string {
	if f.has("model_index.json") {
		return "it is a pipeline of diffusers, which is not supported"
	}
	return ""
}

// exported is a model for another program alone.
func exported(fsys fs.FS, f entries) string {
	if name := f.like("openvino_*.xml", "shared_vocabulary.*"); name != "" && f.like("*.safetensors", "pytorch_model*.bin") == "" {
		return fmt.Sprintf("it has %.100q, of a model that was converted for OpenVINO or CTranslate2, which is not supported: "+
			"take the checkpoint that it was made from, with config.json and model.safetensors", name)
	}
	if f.weights() != "" {
		return ""
	}
	name, what, flag := "", "", ""
	onnx := f.like("*.onnx")
	if slices.Contains(f.folders, "onnx") && onnx == "" {
		if in := list(fsys, "onnx").like("*.onnx"); in != "" {
			onnx = "onnx/" + in
		}
	}
	if name = f.like("tf_model.h5", "tf_model-*.h5", "*.ckpt.index", "*.ckpt-*.index", "saved_model.pb"); name != "" {
		what, flag = "TensorFlow", "from_tf"
	} else if name = f.like("flax_model.msgpack", "flax_model-*.msgpack"); name != "" {
		what, flag = "Flax", "from_flax"
	} else if onnx != "" {
		return fmt.Sprintf("it has %.100q, an ONNX model, which is not supported: take the checkpoint that it was exported from, "+
			"with config.json and model.safetensors", onnx)
	}
	if what == "" {
		return ""
	}
	return fmt.Sprintf("it has %.100q, weights of %s, which are not supported: save them again with transformers 4, "+
		"AutoModel.from_pretrained(folder, %s=True).save_pretrained(new)", name, what, flag)
}

// sentences is a folder of sentence-transformers, whose model is in a folder below.
func sentences(_ fs.FS, f entries) string {
	if f.has("modules.json") && !f.has("config.json") {
		return "it is a folder of sentence-transformers: open it with task.OpenEmbedder"
	}
	return ""
}

// below finds a model in a folder below.
func below(fsys fs.FS, f entries) string {
	if f.has("config.json") {
		return ""
	}
	var found []string
	for _, name := range f.folders {
		const most = 100
		if len(found) < most && sidefile.Exists(fsys, name+"/config.json") {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "it has a config.json in a folder below: open " + quoted("", found)
}

// tokenizerAlone is a tokenizer without a model.
func tokenizerAlone(_ fs.FS, f entries) string {
	name := f.like("tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt", "tekken.json")
	if name == "" || f.weights() != "" {
		return ""
	}
	if f.has("config.json") {
		return fmt.Sprintf("it has %.100q and config.json, and no weights: download model.safetensors, or its shards, too; "+
			"for the tokenizer alone there is tokenizer.Open", name)
	}
	return fmt.Sprintf("it has %.100q: a tokenizer without a model, which tokenizer.Open opens", name)
}

// otherWeights are weights under a name that is not looked for.
func otherWeights(_ fs.FS, f entries) string {
	name := f.weights()
	if name == "" {
		return ""
	}
	opener := "torch.Open"
	if path.Ext(name) == ".safetensors" {
		opener = "safetensors.Open"
	}
	return fmt.Sprintf("it has %.100s: open one with %s", name, opener)
}

// empty is an empty folder, or none.
func empty(_ fs.FS, f entries) string {
	if len(f.files) == 0 && len(f.folders) == 0 {
		return "the folder is empty, or is not there: a checkpoint is a folder with config.json, model.safetensors and a tokenizer"
	}
	return ""
}
