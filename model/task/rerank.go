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
	"github.com/seed2010d43f/transformer/tensor"
)

// Reranker scores documents for a query with a cross-encoder, which gives a pair one score, as CrossEncoder of
// sentence-transformers 6.2 does. It may be used from several goroutines.
type Reranker struct {
	Preprocessor
	ScoreFunc ScoreFunc // Auto is Sigmoid

	// Prompts are put before queries, each for the purpose that it is named after. DefaultPrompt is the name of the
	// one that is used, or "".
	Prompts       map[string]string
	DefaultPrompt string

	scorer scorer // what scores sequences; nil is the encoder's head
}

// scorer computes the outputs for sequences, [N, 1].
type scorer interface {
	scores(batch []arch.Sequence) (tensor.Tensor, error)
}

// Ranked is a document and its score.
type Ranked struct {
	Document int // its place among those given
	Score    float32
}

// OpenReranker opens a cross-encoder: a checkpoint for sequence classification with one label, as [model.OpenEncoder]
// does, or a folder of sentence-transformers 3 to 6, whose modules.json may have a Transformer alone, or one with
// Pooling and Dense to the score, or a decoder with LogitScore that reads query and document without text around them.
// For other decoders that are asked whether a document fits there is [OpenLMReranker].
//
// A GGUF file of a classifier with one label is a cross-encoder too; its scores are Sigmoid's.
//
// The function of the scores is what config_sentence_transformers.json names under activation_fn, or config.json
// under sentence_transformers.activation_fn or, older, sbert_ce_default_activation_function: Sigmoid, Tanh, or Identity,
// which is Logits.
func OpenReranker(fsys fs.FS, opt model.Options) (*Reranker, error) {
	name, err := model.FindGGUF(fsys, opt)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return openCrossEncoder(fsys, opt, nil, nil)
	}
	modules, err := readModules(fsys)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var c sentenceConfig
	var t *transformerConfig
	if len(modules) > 0 {
		if err := c.read(fsys); err != nil {
			return nil, err
		}
		if err := c.check(crossEncoderKind); err != nil {
			return nil, err
		}
		sub, err := modules[0].folder(fsys)
		if err != nil {
			return nil, fmt.Errorf("task: modules.json: %w", err)
		}
		if t, err = readTransformer(sub); err != nil {
			return nil, err
		}
	}
	r, err := openCrossEncoder(fsys, opt, modules, t)
	if err != nil {
		return nil, err
	}
	if r.Prompts, r.DefaultPrompt = c.Prompts, c.Default; c.Default != "" {
		if _, ok := c.Prompts[c.Default]; !ok {
			return nil, fmt.Errorf("task: config_sentence_transformers.json: there is no prompt %.100q (default_prompt_name)", c.Default)
		}
	}
	r.ScoreFunc, err = activation(fsys, c.Activation)
	return r, err
}

// openCrossEncoder opens what gives the scores.
func openCrossEncoder(fsys fs.FS, opt model.Options, modules []module, t *transformerConfig) (*Reranker, error) {
	if slices.ContainsFunc(modules, func(m module) bool { return m.kind() == "LogitScore" }) {
		return openLogitScore(fsys, opt, modules, t)
	}
	if len(modules) > 1 {
		e, err := embedder(fsys, opt, modules, "scores")
		if err != nil {
			return nil, err
		}
		if e.Dim != 1 {
			return nil, fmt.Errorf("task: the model gives a pair %d scores; Reranker needs one with 1", e.Dim)
		}
		return &Reranker{Preprocessor: e.Preprocessor, scorer: pooledScores{e}}, nil
	}
	if len(modules) == 1 {
		if m := modules[0]; m.kind() != "Transformer" || m.isPyLate() {
			return nil, fmt.Errorf("task: modules.json: module 0 is %.200q; Reranker needs a Transformer", m.Type)
		}
		if err := t.check("sequence-classification"); err != nil {
			return nil, err
		}
		var err error
		if fsys, err = modules[0].folder(fsys); err != nil {
			return nil, fmt.Errorf("task: modules.json: %w", err)
		}
	}
	e, limit, err := open(fsys, opt, arch.SequenceClassification)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, askHint(fsys))
	}
	r, err := NewReranker(e)
	if err != nil {
		return nil, err
	}
	r.MaxTokens = limit
	if t != nil {
		t.apply(&r.Preprocessor)
	}
	return r, nil
}

// openLogitScore opens a decoder that reads query and document one after the other, without text around them.
func openLogitScore(fsys fs.FS, opt model.Options, modules []module, t *transformerConfig) (*Reranker, error) {
	if template := chatTemplate(fsys); template != "" {
		return nil, fmt.Errorf("task: modules.json: LogitScore: the model is a decoder that is asked whether a document fits, and the folder has "+
			"only a chat template for the question, %s, which is not used: open it with OpenLMReranker, which takes the text around query and document", template)
	}
	if len(modules) != 2 || modules[0].kind() != "Transformer" || modules[1].kind() != "LogitScore" {
		return nil, errors.New("task: modules.json: LogitScore is supported after a Transformer, with nothing between and after them")
	}
	if err := t.check("text-generation"); err != nil {
		return nil, err
	}
	lm, err := openLM(fsys, opt, RerankPrompt{})
	if err != nil {
		return nil, err
	}
	t.apply(&lm.Preprocessor)
	return &Reranker{Preprocessor: lm.Preprocessor, scorer: lm}, nil
}

// askHint says how to open a decoder that is asked whether a document fits, if the folder has a decoder.
func askHint(fsys fs.FS) string {
	var c struct {
		Classes []string `json:"architectures"`
	}
	if err := readJSON(fsys, "config.json", &c); err == nil && len(c.Classes) > 0 && strings.HasSuffix(c.Classes[0], "ForCausalLM") {
		return "; a decoder that is asked whether a document fits, such as Qwen3-Reranker, is opened with OpenLMReranker"
	}
	return ""
}

// pooledScores are those of a cross-encoder with Pooling.
type pooledScores struct{ *Embedder }

func (p pooledScores) scores(batch []arch.Sequence) (tensor.Tensor, error) { return p.Embed(batch, 0) }

// activation returns the function of the scores: the one that is named, or else that of config.json.
func activation(fsys fs.FS, name string) (ScoreFunc, error) {
	var c struct {
		New struct {
			Function string `json:"activation_fn"`
		} `json:"sentence_transformers"`
		Old string `json:"sbert_ce_default_activation_function"`
	}
	if err := readJSON(fsys, "config.json", &c); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	switch name = cmp.Or(name, c.New.Function, c.Old); afterLastDot(name) {
	case "":
		return Auto, nil
	case "Sigmoid":
		return Sigmoid, nil
	case "Identity":
		return Logits, nil
	case "Tanh":
		return Tanh, nil
	}
	return 0, fmt.Errorf("task: the activation function %.200q is not supported; Sigmoid, Tanh and Identity are", name)
}

// NewReranker uses an encoder that is open. It fails if that is for another task, or has more labels
// than one.
func NewReranker(e *model.Encoder) (*Reranker, error) {
	r, err := newPreprocessor(e, "Reranker", arch.SequenceClassification)
	if err != nil {
		return nil, err
	}
	if n := len(e.Labels); n != 1 {
		return nil, fmt.Errorf("task: the checkpoint has %d labels; Reranker needs one with 1, other classifiers are for Classifier", n)
	}
	return &Reranker{Preprocessor: r}, nil
}

// Rerank returns the documents by their score for the query, the best first.
func (r *Reranker) Rerank(query string, documents ...string) ([]Ranked, error) {
	return rank(r.Score, query, documents)
}

// rank returns the documents by their score, the best first.
func rank(score func(pairs ...Pair) ([]float32, error), query string, documents []string) ([]Ranked, error) {
	pairs := make([]Pair, len(documents))
	for i, d := range documents {
		pairs[i] = Pair{query, d}
	}
	scores, err := score(pairs...)
	if err != nil {
		return nil, err
	}
	out := make([]Ranked, len(scores))
	for k, i := range largest(scores, len(scores)) {
		out[k] = Ranked{i, scores[i]}
	}
	return out, nil
}

// Score returns the score of each pair of a query and a document.
func (r *Reranker) Score(pairs ...Pair) ([]float32, error) {
	if prompt := r.Prompts[r.DefaultPrompt]; prompt != "" {
		pairs = slices.Clone(pairs)
		for i := range pairs {
			pairs[i].First = prompt + pairs[i].First
		}
	}
	batch, err := r.ReadPairs(pairs...)
	if err != nil {
		return nil, err
	}
	var s scorer = &r.Preprocessor
	if r.scorer != nil {
		s = r.scorer
	}
	x, err := s.scores(batch)
	if err != nil {
		return nil, err
	}
	if f := r.ScoreFunc; f == Auto {
		Sigmoid.Apply(x)
	} else {
		f.Apply(x)
	}
	return slices.Clone(x.Data), nil
}
