package task

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// OpenEmbedder opens a folder of sentence-transformers: modules.json names the encoder, the pooling and
// the layers after it (Dense, Normalize, LayerNorm, Dropout), each in a folder of its own;
// sentence_bert_config.json has the length at which texts are cut; config_sentence_transformers.json the
// prompts. A folder without modules.json is taken for a plain encoder, as by [NewEmbedder].
func OpenEmbedder(fsys fs.FS, opt model.Options) (*Embedder, error) {
	var modules []module
	err := readJSON(fsys, "modules.json", &modules)
	if errors.Is(err, fs.ErrNotExist) {
		return openPlain(fsys, opt)
	}
	if err != nil {
		return nil, err
	}
	if err := checkModules(modules); err != nil {
		return nil, err
	}
	slices.SortStableFunc(modules, func(a, b module) int { return cmp.Compare(a.Index, b.Index) })
	f := folder{root: fsys, opt: opt}
	for i, m := range modules {
		if err := f.add(i, m); err != nil {
			return nil, err
		}
	}
	if f.e == nil {
		return nil, errors.New("task: modules.json names no module")
	}
	if err := f.readPrompts(); err != nil {
		return nil, err
	}
	return f.e, nil
}

func openPlain(fsys fs.FS, opt model.Options) (*Embedder, error) {
	enc, limit, err := open(fsys, opt, arch.Features)
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

type module struct {
	Index int    `json:"idx"`
	Path  string `json:"path"`
	Type  string `json:"type"`
}

// checkModules sees to it that the weights of a folder are read once: a list can name it any number of times.
func checkModules(modules []module) error {
	if n := len(modules); n > maxModules {
		return fmt.Errorf("task: modules.json names %d modules; at most %d are read", n, maxModules)
	}
	seen := map[string]bool{}
	for _, m := range modules {
		if m.Path != "" && seen[m.Path] {
			return fmt.Errorf("task: modules.json: two modules are in the folder %.200q", m.Path)
		}
		seen[m.Path] = true
	}
	return nil
}

// folder assembles an embedder module by module.
type folder struct {
	root fs.FS
	opt  model.Options
	e    *Embedder
}

func (f *folder) add(i int, m module) error {
	fsys := f.root
	if m.Path != "" {
		var err error
		if fsys, err = fs.Sub(f.root, strings.TrimSuffix(m.Path, "/")); err != nil {
			return fmt.Errorf("task: modules.json: module %d: %w", i, err)
		}
	}
	kind := afterLastDot(m.Type)
	if (i == 0) != (kind == "Transformer") {
		return fmt.Errorf("task: modules.json: module %d is %.200q; the first must be a Transformer, and no other", i, m.Type)
	}
	var err error
	switch kind {
	case "Transformer":
		err = f.transformer(fsys)
	case "Pooling":
		if i != 1 {
			return fmt.Errorf("task: modules.json: module %d is a Pooling; it must come after the Transformer", i)
		}
		err = f.pooling(fsys)
	case "Dense":
		err = f.dense(fsys)
	case "Normalize":
		f.e.Modules = append(f.e.Modules, Normalizer{})
	case "LayerNorm":
		err = f.layerNorm(fsys)
	case "Dropout":
	default:
		err = fmt.Errorf("task: modules.json: module %d is %.200q, which is not supported; Transformer, Pooling, Dense, "+
			"Normalize, LayerNorm and Dropout are", i, m.Type)
	}
	if err != nil && m.Path != "" {
		err = fmt.Errorf("%w (in %s)", err, m.Path)
	}
	return err
}

func (f *folder) transformer(fsys fs.FS) error {
	e, err := openPlain(fsys, f.opt)
	if err != nil {
		return err
	}
	e.Modules = nil
	var c struct {
		Length int  `json:"max_seq_length"`
		Lower  bool `json:"do_lower_case"`
	}
	for _, name := range []string{"bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet", "mpnet"} {
		err := readJSON(fsys, "sentence_"+name+"_config.json", &c)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if c.Length < 0 {
			return fmt.Errorf("task: sentence_%s_config.json: max_seq_length is %d", name, c.Length)
		}
		break
	}
	if c.Length > 0 {
		e.MaxTokens = min(c.Length, e.Encoder.MaxLen)
	}
	e.Lower = c.Lower
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
	for _, name := range []string{c.Input, c.Output} {
		if name != "" && name != "sentence_embedding" {
			return fmt.Errorf("task: a Dense from or to %.200q is not supported; sentence_embedding is", name)
		}
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
	w := nn.NewLoader(src, nn.Options{Convert: opt.Convert})
	build(w, src)
	return w.Err(true)
}

func (f *folder) readPrompts() error {
	var c struct {
		Prompts  map[string]string `json:"prompts"`
		Default  string            `json:"default_prompt_name"`
		Truncate int               `json:"truncate_dim"`
	}
	err := readJSON(f.root, "config_sentence_transformers.json", &c)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f.e.Prompts, f.e.DefaultPrompt = c.Prompts, c.Default
	if _, err := f.e.Prompt(c.Default); err != nil {
		return fmt.Errorf("%w (default_prompt_name in config_sentence_transformers.json)", err)
	}
	if c.Truncate > 0 && c.Truncate < f.e.Dim {
		f.e.Modules = append(f.e.Modules, Truncated{c.Truncate})
		f.e.Dim = c.Truncate
	}
	return nil
}
