package llamacpp

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// Model is what a Hugging Face folder has.
type Model struct {
	// Config is the contents of a config.json. The keys of generation_config.json are among its own: special tokens,
	// and how to sample, where the file recommends it.
	Config []byte

	// Weights are the tensors under Hugging Face's names. They use the Source that was given to Open, and close it.
	Weights checkpoint.Source

	// ChatTemplates are the chat templates, in Jinja, by name. The usual one has the name "".
	ChatTemplates map[string]string

	// Pooling says how an embedder makes one row of a text.
	Pooling Pooling
}

// Pooling is how an embedder makes one row of the rows of a text, with its number in files.
type Pooling int

// What files may say of pooling.
const (
	PoolingNone Pooling = iota // or nothing is said
	PoolingMean
	PoolingCLS  // the first row
	PoolingLast // the last row
	PoolingRank // a score of a pair of texts: the model is a reranker
)

// Open reads a model. meta and src are those of one [gguf.File]: tensors have llama.cpp's names.
func Open(meta *gguf.Metadata, src checkpoint.Source) (*Model, error) {
	src, err := checkpoint.MultiplyScales(src)
	if err != nil {
		return nil, fmt.Errorf("llamacpp: %w", err)
	}
	f := &file{meta: meta, src: src, config: config{}, read: map[string]bool{}}
	a, err := f.architecture()
	if err != nil {
		return nil, fmt.Errorf("llamacpp: %w", err)
	}
	f.layers = f.count("block_count") - f.optional("nextn_predict_layers", 0)
	if f.err() == nil && (f.layers < 1 || f.layers > hf.MaxLayers) {
		f.fail("%s is %d, %d of which predict further tokens; 1 to %d layers are supported", f.key("block_count"), f.count("block_count"),
			f.optional("nextn_predict_layers", 0), hf.MaxLayers)
	}
	if f.err() != nil { // others would follow from it
		return nil, f.err()
	}
	return f.model(a)
}

// architecture returns that of the file, or an error that says what the file is.
func (f *file) architecture() (*architecture, error) {
	var err error
	if f.name, err = f.meta.String("general.architecture"); err != nil {
		return nil, fmt.Errorf("the file says nothing of a model: %w", err)
	}
	if f.name == "clip" {
		return nil, errors.New(`the architecture is "clip": this file holds the part of a model that reads pictures or sound (mmproj), without the model`)
	}
	if kind, err := f.meta.String("general.type"); err == nil && kind != "model" {
		return nil, fmt.Errorf("general.type is %.200q: the file holds no model, or not all of it", kind)
	}
	a, ok := architectures()[f.name]
	if !ok {
		return nil, fmt.Errorf("architecture %.200q is not supported; these are: %s", f.name, strings.Join(Supported(), " "))
	}
	for range f.src.Names() {
		return a, nil
	}
	return nil, errors.New("the file has no tensors: it holds a vocabulary, not a model")
}

// model assembles what was read.
func (f *file) model(a *architecture) (*Model, error) {
	a.config(f)
	f.generation()
	m := &Model{ChatTemplates: f.chatTemplates(), Pooling: Pooling(f.optional("pooling_type", 0))}
	if m.Pooling > PoolingRank {
		f.fail("%s is %d; 0 to %d are known", f.key("pooling_type"), m.Pooling, PoolingRank)
	}
	f.refuseUnread()
	if err := f.err(); err != nil {
		return nil, err
	}
	parts, err := f.parts(a)
	if err != nil {
		return nil, err
	}
	if m.Weights, err = checkpoint.Parts(f.src, parts...); err != nil {
		return nil, fmt.Errorf("llamacpp: %w", err)
	}
	m.Config, err = f.config.json()
	return m, err
}

// chatTemplates returns the templates by name.
func (f *file) chatTemplates() map[string]string {
	const key = "tokenizer.chat_template"
	templates := map[string]string{}
	if f.meta.Has(key) {
		templates[""] = get(f, key, f.meta.String)
	}
	if !f.meta.Has("tokenizer.chat_templates") {
		return templates
	}
	for _, name := range get(f, "tokenizer.chat_templates", f.meta.Strings) {
		if f.meta.Has(key + "." + name) {
			templates[name] = get(f, key+"."+name, f.meta.String)
		}
	}
	return templates
}

// Supported returns the names of the architectures that Open knows, sorted.
func Supported() []string { return slices.Sorted(maps.Keys(architectures())) }
