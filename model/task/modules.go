package task

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/retrieval"
)

// module is an entry of modules.json of sentence-transformers.
type module struct {
	Index int    `json:"idx"`
	Path  string `json:"path"`
	Type  string `json:"type"`
}

// kind returns the class: Pooling.
func (m module) kind() string { return afterLastDot(m.Type) }

// isPyLate reports whether the module is one of PyLate, whose classes bear the names of others.
func (m module) isPyLate() bool { return strings.HasPrefix(m.Type, "pylate.") }

// folder returns the module's folder below root: Path may be written "./1_Pooling/".
func (m module) folder(root fs.FS) (fs.FS, error) {
	if m.Path == "" || m.Path == "." {
		return root, nil
	}
	return fs.Sub(root, m.Path)
}

// readModules reads modules.json, in the order of the modules.
func readModules(fsys fs.FS) ([]module, error) {
	var modules []module
	if err := readJSON(fsys, "modules.json", &modules); err != nil {
		return nil, err
	}
	if n := len(modules); n > maxModules {
		return nil, fmt.Errorf("task: modules.json names %d modules; at most %d are read", n, maxModules)
	}
	// The weights of a folder are read once: a list can name it any number of times.
	seen := map[string]bool{}
	for i := range modules {
		m := &modules[i]
		if m.Path = path.Clean(m.Path); m.Path == "." {
			m.Path = ""
		}
		if m.Path != "" && seen[m.Path] {
			return nil, fmt.Errorf("task: modules.json: two modules are in the folder %.200q", m.Path)
		}
		seen[m.Path] = true
	}
	slices.SortStableFunc(modules, func(a, b module) int { return cmp.Compare(a.Index, b.Index) })
	return modules, nil
}

// transformerConfig is the file of the module Transformer.
type transformerConfig struct {
	file string

	Length   int    `json:"max_seq_length"`
	Lower    bool   `json:"do_lower_case"`
	Task     string `json:"transformer_task"`
	Output   string `json:"module_output_name"`
	Modality map[string]struct {
		Method string `json:"method"`
		Output string `json:"method_output_name"`
	} `json:"modality_config"`

	// What is given to the tokenizer, to the config and to each call; the older names first.
	TokenizerArgs    map[string]any `json:"tokenizer_args"`
	ProcessorKwargs  map[string]any `json:"processor_kwargs"`
	ConfigArgs       map[string]any `json:"config_args"`
	ConfigKwargs     map[string]any `json:"config_kwargs"`
	ProcessingKwargs map[string]any `json:"processing_kwargs"`
	QueryExpansion   map[string]any `json:"query_expansion"`
	QueryLength      *int           `json:"query_length"`
	DocumentLength   *int           `json:"document_length"`
}

// transformerFiles are the names of the file, in the order in which they are looked for.
var transformerFiles = [...]string{"bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet", "mpnet"}

// readTransformer reads the file of the module Transformer, if there is one.
func readTransformer(fsys fs.FS) (*transformerConfig, error) {
	c := &transformerConfig{}
	for _, name := range transformerFiles {
		c.file = "sentence_" + name + "_config.json"
		err := readJSON(fsys, c.file, c)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && c.Length < 0 {
			err = fmt.Errorf("task: %s: max_seq_length is %d", c.file, c.Length)
		}
		return c, err
	}
	return c, nil
}

// check returns an error unless the module is for the task: feature-extraction, sequence-classification,
// text-generation. An older file names none.
func (c *transformerConfig) check(task string) error {
	if c.Task != "" && c.Task != task {
		return fmt.Errorf("task: %s: transformer_task is %.200q; %s is needed here", c.file, c.Task, task)
	}
	if err := c.checkArguments(); err != nil {
		return err
	}
	want := map[string]string{"feature-extraction": "last_hidden_state", "sequence-classification": "logits", "text-generation": "logits"}[task]
	if c.Modality == nil {
		return nil
	}
	text, ok := c.Modality["text"]
	if !ok {
		return fmt.Errorf("task: %s: modality_config has no text: the model reads something else, or conversations alone", c.file)
	}
	if text.Method != "forward" || text.Output != want {
		return fmt.Errorf("task: %s: modality_config takes %.200q of %.200q; %s of forward is supported", c.file, text.Output, text.Method, want)
	}
	return nil
}

// checkArguments refuses what would change the ids or the model, and is not done.
func (c *transformerConfig) checkArguments() error {
	known := []string{"trust_remote_code", "padding_side", "use_fast", "model_max_length"} // sequences are not padded here
	for key, args := range map[string]map[string]any{"tokenizer_args": c.TokenizerArgs, "processor_kwargs": c.ProcessorKwargs,
		"config_args": c.ConfigArgs, "config_kwargs": c.ConfigKwargs, "processing_kwargs": c.ProcessingKwargs, "query_expansion": c.QueryExpansion} {
		for name := range args {
			if !slices.Contains(known, name) {
				return fmt.Errorf("task: %s: %s.%.100s is not supported", c.file, key, name)
			}
		}
	}
	if c.QueryLength != nil || c.DocumentLength != nil {
		return fmt.Errorf("task: %s: query_length and document_length are not supported: set MaxTokens", c.file)
	}
	return nil
}

// apply sets how texts are read.
func (c *transformerConfig) apply(r *Preprocessor) {
	for _, args := range []map[string]any{c.TokenizerArgs, c.ProcessorKwargs} {
		if n, ok := args["model_max_length"].(float64); ok && n >= 1 && n < float64(r.Encoder.MaxLen) {
			r.MaxTokens = int(n)
		}
	}
	if c.Length > 0 {
		r.MaxTokens = min(c.Length, r.Encoder.MaxLen)
	}
	r.Lower = c.Lower
}

// Kinds of models in folders of sentence-transformers.
const embedderKind, crossEncoderKind = "SentenceTransformer", "CrossEncoder"

// sentenceConfig is config_sentence_transformers.json.
type sentenceConfig struct {
	Kind       string            `json:"model_type"`
	Prompts    map[string]string `json:"prompts"`
	Default    string            `json:"default_prompt_name"`
	Truncate   int               `json:"truncate_dim"`
	Similarity string            `json:"similarity_fn_name"`
	Activation string            `json:"activation_fn"`
}

func (c *sentenceConfig) read(fsys fs.FS) error {
	err := readJSON(fsys, "config_sentence_transformers.json", c)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// check returns an error unless the folder has a model of the kind. An older file names none.
func (c *sentenceConfig) check(kind string) error {
	if c.Kind == "" || c.Kind == kind {
		return nil
	}
	s := fmt.Sprintf("task: config_sentence_transformers.json: model_type is %.200q; %s is needed here", c.Kind, kind)
	switch c.Kind {
	case embedderKind:
		s += ": open it with OpenEmbedder"
	case crossEncoderKind:
		s += ": open it with OpenReranker, or with OpenClassifier if it has several labels"
	default:
		s += ", and others are not supported"
	}
	return errors.New(s)
}

// apply gives an embedder its prompts, its similarity and its width.
func (c *sentenceConfig) apply(e *Embedder) error {
	e.Prompts, e.DefaultPrompt = c.Prompts, c.Default
	if _, err := e.Prompt(c.Default); err != nil {
		return fmt.Errorf("%w (default_prompt_name in config_sentence_transformers.json)", err)
	}
	if c.Similarity != "" {
		var err error
		if e.Similarity, err = retrieval.ParseSimilarity(c.Similarity); err != nil {
			return fmt.Errorf("task: config_sentence_transformers.json: similarity_fn_name: %w", err)
		}
	}
	if c.Truncate > 0 {
		e.Truncate(c.Truncate)
	}
	return nil
}
