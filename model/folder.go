package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/internal/whatis"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/lora"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// folder is a checkpoint that is being opened.
type folder struct {
	fsys   fs.FS  // nil where the weights come from somewhere else, or from a GGUF
	text   []byte // of config.json
	config *hf.Config
	src    checkpoint.Source
	family string // model_type
	recipe family.Recipe

	metadata *gguf.Metadata    // nil: not from a GGUF
	chats    map[string]string // the chat templates of a GGUF
	pre      string            // Options.PreTokenizer

	adapters []*lora.Adapter // merged into src
	own      bool            // src is opened here
	inPlace  bool            // the model reads src when it computes
	kept     bool            // and is there
}

// openFolder reads the config and opens the weights.
func openFolder(fsys fs.FS, opt Options) (*folder, error) {
	name, err := FindGGUF(fsys, opt)
	switch {
	case err != nil:
		return nil, err
	case name != "":
		return openGGUF(fsys, name, opt)
	case opt.Skipped != nil:
		for _, name := range ggufFiles(fsys) {
			opt.Skipped(name)
		}
	}
	name = "config.json"
	data, err := sidefile.Read(fsys, name, sidefile.MaxConfig)
	if errors.Is(err, fs.ErrNotExist) && sidefile.Exists(fsys, openCLIPConfig) {
		name = openCLIPConfig
		data, err = readOpenCLIP(fsys)
	}
	if errors.Is(err, fs.ErrNotExist) {
		what := whatis.Folder(fsys)
		if what == "" {
			what = "a checkpoint is a folder with config.json, model.safetensors and a tokenizer"
		}
		return nil, fmt.Errorf("model: no config.json here: %s; %w", what, err)
	}
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	f, err := parseFolder(name, data, nil, opt)
	if err != nil {
		return nil, err
	}
	if f.fsys, f.own = fsys, true; f.family == "" {
		if err := f.config.Err(); err != nil {
			return nil, err
		}
		return nil, f.noType()
	}
	if f.config, err = f.config.WithQuantization(fsys); err != nil {
		return nil, err
	}
	open := hf.OpenWeights
	if f.family == family.OpenCLIP {
		open = hf.OpenCLIPWeights
	}
	if f.src, err = open(fsys); err != nil {
		return nil, err
	}
	if err := f.prepare(opt); err != nil {
		return nil, errors.Join(err, f.src.Close())
	}
	return f, nil
}

// openCLIPConfig is the config of a folder of the library OpenCLIP.
const openCLIPConfig = "open_clip_config.json"

// readOpenCLIP returns the config of the model, which lies within that file, with a model_type.
func readOpenCLIP(fsys fs.FS) ([]byte, error) {
	data, err := sidefile.Read(fsys, openCLIPConfig, sidefile.MaxConfig)
	if err != nil {
		return nil, err
	}
	var file struct {
		Model map[string]json.RawMessage `json:"model_cfg"`
	}
	if err := json.Unmarshal(sidefile.JSON(data), &file); err != nil || file.Model == nil {
		return nil, fmt.Errorf("%s has no object model_cfg (%v)", openCLIPConfig, err)
	}
	file.Model["model_type"] = json.RawMessage(strconv.Quote(family.OpenCLIP))
	return json.Marshal(file.Model)
}

// prepare shows quantised weights as what they stand for, and merges the adapters into the weights.
func (f *folder) prepare(opt Options) error {
	src, err := f.config.Dequantize(f.src)
	if err != nil {
		return err
	}
	f.src = src
	for i, fsys := range opt.Adapters {
		a, err := lora.Open(fsys)
		var src checkpoint.Source
		if err == nil {
			f.adapters = append(f.adapters, a)
			src, err = a.Merge(f.src, f.config)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("model: Options.Adapters[%d]: %w", i, err), f.closeAdapters())
		}
		f.src, f.config = src, a.Config(f.config)
	}
	return nil
}

func (f *folder) closeAdapters() error {
	var errs []error
	for _, a := range f.adapters {
		errs = append(errs, a.Close())
	}
	return errors.Join(errs...)
}

// close closes the weights, unless a model keeps them, and the adapters, of which it has copies.
func (f *folder) close() error {
	if f.kept {
		return f.closeAdapters()
	}
	return errors.Join(f.src.Close(), f.closeAdapters())
}

// newFolder finds the recipe for a config.
func newFolder(configJSON []byte, src checkpoint.Source, opt Options) (*folder, error) {
	return parseFolder("config.json", configJSON, src, opt)
}

// parseFolder is newFolder for a config that errors call by a name.
func parseFolder(name string, configJSON []byte, src checkpoint.Source, opt Options) (*folder, error) {
	c, err := hf.ParseConfig(name, configJSON)
	if err != nil {
		return nil, err
	}
	if opt.KeepBits {
		c = c.WithBits()
	}
	if opt.FloatActivations {
		c = c.WithFloatActivations()
	}
	f := &folder{text: configJSON, config: c, src: src, family: c.ModelType()}
	f.recipe, _ = opt.Recipe(f.family)
	return f, nil
}

// openTokenizer opens the folder's tokenizer, or returns nil if there is none.
func (f *folder) openTokenizer() (*tokenizer.Tokenizer, error) {
	if f.metadata != nil {
		return f.ggufTokenizer()
	}
	if f.recipe.Tokenizer != nil {
		return f.recipe.Tokenizer(f.fsys)
	}
	for _, name := range []string{"tokenizer.json", "tekken.json", "tokenizer.model", "tiktoken.model", "spiece.model", "sentencepiece.bpe.model", "spm.model",
		"vocab.json", "vocab.txt"} {
		if sidefile.Exists(f.fsys, name) {
			return tokenizer.Open(f.fsys)
		}
	}
	return nil, nil
}

// assemble runs a recipe and reports everything that is wrong with the config and the weights. build is nil for a
// model_type that has no such form; has tells which have. With noHead, the projection to the vocabulary is not read.
func assemble[Model any](f *folder, opt Options, kind string, noHead bool, build func(*hf.Config, nn.Loader) *Model, has func(family.Recipe) bool) (*Model, error) {
	c := f.config
	if err := c.Err(); err != nil {
		return nil, err
	}
	if err := f.check(opt, kind, build != nil, has); err != nil {
		return nil, err
	}
	w := opt.loader(c, f.src, noHead)
	m := build(c, w)
	f.inPlace = w.InPlace()
	err := w.Err(true)
	if w.Err(false) == nil { // otherwise the loader has met those of the config
		err = errors.Join(err, c.Err())
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}
