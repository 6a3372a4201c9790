package task

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// OpenEmbedder opens a folder of sentence-transformers: modules.json names the encoder, or a table of word vectors
// (StaticEmbedding), the pooling and the layers after it (Dense, Normalize, LayerNorm, Dropout), each in a folder of its
// own; sentence_bert_config.json has the length at which texts are cut; config_sentence_transformers.json the prompts
// and the similarity. A folder without modules.json is taken for a plain encoder, as by [NewEmbedder]. Of a checkpoint
// with a head the head is not read.
//
// Of a GGUF file, which [model.FindGGUF] finds, pooling_type says how the vectors are made; they are normalised.
//
// A folder of another kind, such as a cross-encoder, and a module that is not supported are refused by name.
func OpenEmbedder(fsys fs.FS, opt model.Options) (*Embedder, error) {
	name, err := model.FindGGUF(fsys, opt)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return openGGUF(fsys, name, opt)
	}
	modules, err := readModules(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return openPlain(fsys, opt)
	}
	if err != nil {
		return nil, err
	}
	var c sentenceConfig
	if err := c.read(fsys); err != nil {
		return nil, err
	}
	if err := c.check(embedderKind); err != nil {
		return nil, err
	}
	e, err := embedder(fsys, opt, modules, "sentence_embedding")
	if err != nil {
		return nil, err
	}
	return e, c.apply(e)
}

// embedder assembles the modules of a folder. The last of them gives output: sentence_embedding, or the scores of a
// cross-encoder.
func embedder(fsys fs.FS, opt model.Options, modules []module, output string) (*Embedder, error) {
	f := folder{root: fsys, opt: opt, output: output}
	for i, m := range modules {
		if err := f.add(i, m); err != nil {
			return nil, err
		}
	}
	switch {
	case f.e == nil:
		return nil, errors.New("task: modules.json names no module")
	case !f.pooled:
		return nil, errors.New("task: modules.json names no Pooling: the model gives a vector for each token, and none for a text")
	case output != "sentence_embedding" && !f.scored:
		return nil, fmt.Errorf("task: modules.json: no Dense gives %s", output)
	}
	return f.e, nil
}

func openPlain(fsys fs.FS, opt model.Options) (*Embedder, error) {
	opt.Heads = []arch.Task{arch.Features}
	enc, err := model.OpenEncoder(fsys, opt)
	if err != nil {
		return nil, err
	}
	return plainEmbedder(fsys, enc)
}

// plainEmbedder uses an encoder without modules.
func plainEmbedder(fsys fs.FS, enc *model.Encoder) (*Embedder, error) {
	limit, err := tokenLimit(fsys, enc)
	if err != nil {
		return nil, err
	}
	e, err := NewEmbedder(enc)
	if err != nil {
		return nil, err
	}
	e.MaxTokens = limit
	return e, nil
}

// folder assembles an embedder module by module.
type folder struct {
	root   fs.FS
	opt    model.Options
	output string // of the last Dense
	e      *Embedder
	pooled bool // there is one vector for a text
	scored bool // a Dense has given the output that is not sentence_embedding
}

func (f *folder) add(i int, m module) error {
	fsys, err := m.folder(f.root)
	if err != nil {
		return fmt.Errorf("task: modules.json: module %d: %w", i, err)
	}
	kind := m.kind()
	first := kind == "Transformer" || kind == "StaticEmbedding"
	switch {
	case m.isPyLate():
		err = fmt.Errorf("task: modules.json: module %d is %.200q: a ColBERT of PyLate compares vectors of tokens; such models are not supported", i, m.Type)
	case (i == 0) != first && modulesAfterFirst[kind] || first && i > 0:
		err = fmt.Errorf("task: modules.json: module %d is %.200q; the first must be a Transformer or a StaticEmbedding, and no other", i, m.Type)
	case kind == "Transformer":
		err = f.transformer(fsys)
	case kind == "StaticEmbedding":
		err = f.static(fsys)
	case kind == "Pooling" && i != 1:
		err = fmt.Errorf("task: modules.json: module %d is a Pooling; it must come after the Transformer", i)
	case kind == "Pooling":
		err = f.pooling(fsys)
	case modulesAfterFirst[kind] && !f.pooled:
		err = fmt.Errorf("task: modules.json: module %d is %.200q before any Pooling: it is for the vectors of tokens, which is not supported", i, m.Type)
	case kind == "Dense":
		err = f.dense(fsys)
	case kind == "Normalize":
		f.e.Modules = append(f.e.Modules, Normalizer{})
	case kind == "LayerNorm":
		err = f.layerNorm(fsys)
	case kind == "Dropout":
	default:
		err = fmt.Errorf("task: modules.json: module %d is %.200q, which is not supported; Transformer, StaticEmbedding, Pooling, Dense, "+
			"Normalize, LayerNorm and Dropout are", i, m.Type)
	}
	if err != nil && m.Path != "" {
		err = fmt.Errorf("%w (in %s)", err, m.Path)
	}
	return err
}

// modulesAfterFirst are the modules that may follow the first.
var modulesAfterFirst = map[string]bool{"Pooling": true, "Dense": true, "Normalize": true, "LayerNorm": true, "Dropout": true}

func (f *folder) transformer(fsys fs.FS) error {
	c, err := readTransformer(fsys)
	if err != nil {
		return err
	}
	if err := c.check("feature-extraction"); err != nil {
		return err
	}
	e, err := openPlain(fsys, f.opt)
	if err != nil {
		return err
	}
	e.Modules = nil
	c.apply(&e.Preprocessor)
	f.e = e
	return nil
}

func (f *folder) pooling(fsys fs.FS) error {
	var c map[string]any // booleans, numbers, and a string or a list
	if err := readJSON(fsys, "config.json", &c); err != nil {
		return err
	}
	f.e.Pooling = nil
	for _, p := range legacyPooling {
		if on, _ := c[p.key].(bool); on {
			f.e.Pooling = append(f.e.Pooling, p.mode)
		}
	}
	if names, ok := c["pooling_mode"]; ok {
		f.e.Pooling = nil
		list, isList := names.([]any)
		if !isList {
			list = []any{names}
		}
		if len(list) > maxPoolings {
			return fmt.Errorf("task: pooling_mode has %d modes; at most %d make sense", len(list), maxPoolings)
		}
		for _, n := range list {
			s, _ := n.(string)
			p, err := parsePooling(s)
			if err != nil {
				return fmt.Errorf("task: %w", err)
			}
			f.e.Pooling = append(f.e.Pooling, p)
		}
	}
	if len(f.e.Pooling) == 0 {
		f.e.Pooling = []Pooling{PoolMean}
	}
	for _, key := range []string{"word_embedding_dimension", "embedding_dimension"} {
		if n, ok := c[key].(float64); ok && n != float64(f.e.Encoder.Dim) {
			return fmt.Errorf("task: the pooling's %s is %v; the encoder's width is %d", key, n, f.e.Encoder.Dim)
		}
	}
	if include, ok := c["include_prompt"].(bool); ok {
		f.e.PoolPrompt = include
	}
	f.e.Dim = f.e.Encoder.Dim * len(f.e.Pooling)
	f.pooled = true
	return nil
}

// Bounds of what configs may ask for. There are six kinds of pooling, and published models have about four
// modules.
const maxWidth, maxPoolings, maxModules = 1 << 20, 16, 16

func (f *folder) dense(fsys fs.FS) error {
	c := struct {
		In       int     `json:"in_features"`
		Out      int     `json:"out_features"`
		Bias     bool    `json:"bias"`
		Act      *string `json:"activation_function"`
		Input    string  `json:"module_input_name"`
		Output   string  `json:"module_output_name"`
		Residual bool    `json:"use_residual"`
	}{Bias: true}
	if err := readJSON(fsys, "config.json", &c); err != nil {
		return err
	}
	if c.Input != "" && c.Input != "sentence_embedding" {
		return fmt.Errorf("task: a Dense from %.200q is not supported; one from sentence_embedding is", c.Input)
	}
	switch {
	case c.Output == f.output && f.output != "sentence_embedding":
		f.scored = true
	case c.Output != "" && c.Output != "sentence_embedding":
		return fmt.Errorf("task: a Dense to %.200q is not supported; one to %s is", c.Output, f.output)
	}
	if c.In != f.e.Dim || c.Out < 1 || c.Out > maxWidth {
		return fmt.Errorf("task: a Dense from %d to %d does not fit embeddings of %d", c.In, c.Out, f.e.Dim)
	}
	d := &Dense{Act: nn.Tanh, Residual: c.Residual}
	if c.Act != nil {
		var ok bool
		if d.Act, ok = torchActivation(*c.Act); !ok {
			return fmt.Errorf("task: the activation_function %.200q is not supported", *c.Act)
		}
	}
	return load(fsys, f.opt, func(w nn.Loader, _ checkpoint.Source) {
		d.Linear = w.Linear("linear", c.In, c.Out, c.Bias)
		if c.Residual && c.In != c.Out {
			p := w.Linear("residual", c.In, c.Out, false)
			d.Project = &p
		}
		f.e.Modules, f.e.Dim = append(f.e.Modules, d), c.Out
	})
}

func torchActivation(name string) (nn.Activation, bool) {
	switch afterLastDot(name) {
	case "Tanh":
		return nn.Tanh, true
	case "Identity", "":
		return nn.Identity, true
	case "ReLU":
		return nn.ReLU, true
	case "GELU":
		return nn.GELU, true
	case "SiLU":
		return nn.SiLU, true
	case "Sigmoid":
		return nn.Sigmoid, true
	}
	return 0, false
}

func (f *folder) layerNorm(fsys fs.FS) error {
	return load(fsys, f.opt, func(w nn.Loader, _ checkpoint.Source) {
		f.e.Modules = append(f.e.Modules, NormModule{w.LayerNorm("norm", f.e.Dim, 1e-5)})
	})
}

// load reads a layer from the weights in a folder.
func load(fsys fs.FS, opt model.Options, build func(w nn.Loader, src checkpoint.Source)) error {
	src, err := hf.OpenWeights(fsys)
	if err != nil {
		return err
	}
	defer src.Close()
	return loadFrom(src, opt, build)
}

// loadFrom reads a layer. Tensors that are called weight and bias alone are shown as linear.weight and
// linear.bias.
func loadFrom(file checkpoint.Source, opt model.Options, build func(w nn.Loader, src checkpoint.Source)) error {
	src, err := checkpoint.Rename(file, func(name string) string {
		if name == "weight" || name == "bias" {
			return "linear." + name
		}
		return name
	})
	if err != nil {
		return err
	}
	w := nn.NewLoader(src, nn.Options{Convert: opt.Convert, Converted: opt.Converted})
	build(w, src)
	return w.Err(true)
}
