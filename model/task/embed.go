package task

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
)

// Embedder makes vectors of texts, so that texts of like meaning have vectors of like direction, as
// SentenceTransformer of sentence-transformers 6.2 does. It may be used from several goroutines.
type Embedder struct {
	Preprocessor
	Pooling []Pooling // put side by side
	Modules []Module  // after pooling
	Dim     int       // of the vectors

	// Prompts are put before texts, each for the purpose that it is named after. DefaultPrompt is the name
	// of the one that Encode uses, or "".
	Prompts       map[string]string
	DefaultPrompt string
	PoolPrompt    bool // the tokens of a prompt are among those pooled

	// Similarity compares the vectors as the model was trained for.
	Similarity retrieval.Similarity
}

// NewEmbedder uses an encoder that is open, of whatever task: the mean of the hidden states, normalised,
// without prompts.
func NewEmbedder(e *model.Encoder) (*Embedder, error) {
	r, err := newPreprocessor(e, "Embedder")
	if err != nil {
		return nil, err
	}
	return &Embedder{Preprocessor: r, Pooling: []Pooling{PoolMean}, Modules: []Module{Normalizer{}}, Dim: e.Dim, PoolPrompt: true}, nil
}

// Truncate makes vectors of at most dim numbers, the first, as models that were trained for that allow (Kusupati et
// al., "Matryoshka Representation Learning", 2022). They are not normalised again; append a [Normalizer] to Modules for
// that. It panics unless dim is positive.
func (e *Embedder) Truncate(dim int) {
	if dim < 1 {
		panic(fmt.Sprintf("task: vectors of %d numbers", dim))
	}
	if dim < e.Dim {
		e.Modules, e.Dim = append(slices.Clip(e.Modules), Truncated{dim}), dim
	}
}

// Encode returns the vectors of the texts, [N, Dim], with the default prompt before each, if there is one.
func (e *Embedder) Encode(texts ...string) (tensor.Tensor, error) {
	prompt, err := e.Prompt(e.DefaultPrompt)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return e.EncodeWith(prompt, texts...)
}

// Prompt returns the prompt with a name, and "" for the name "". The names "query" and "document" are
// always there, if with an empty prompt.
func (e *Embedder) Prompt(name string) (string, error) {
	p, ok := e.Prompts[name]
	if !ok && name != "" && name != "query" && name != "document" {
		var names []string
		for _, n := range slices.Sorted(maps.Keys(e.Prompts)) {
			if names = append(names, fmt.Sprintf("%.100q", n)); len(names) == 20 {
				break
			}
		}
		return "", fmt.Errorf("task: the model has no prompt %.100q; it has: %s", name, strings.Join(names, " "))
	}
	return p, nil
}

// EncodeQuery returns the vectors of queries, [N, Dim], with the prompt "query" before each, or none if the
// model has no such prompt.
func (e *Embedder) EncodeQuery(texts ...string) (tensor.Tensor, error) {
	return e.EncodeWith(e.Prompts["query"], texts...)
}

// EncodeDocument returns the vectors of what is to be found, [N, Dim], with the prompt "document" before
// each, or none if the model has no such prompt: one of another name, "passage" for instance, must be
// given to [Embedder.EncodeWith].
func (e *Embedder) EncodeDocument(texts ...string) (tensor.Tensor, error) {
	return e.EncodeWith(e.Prompts["document"], texts...)
}

// EncodeWith returns the vectors of the texts, [N, Dim], with the prompt before each.
func (e *Embedder) EncodeWith(prompt string, texts ...string) (tensor.Tensor, error) {
	batch, err := e.ReadWith(prompt, texts...)
	if err != nil {
		return tensor.Tensor{}, err
	}
	skip := 0
	if prompt != "" && !e.PoolPrompt {
		if skip, err = e.promptTokens(prompt); err != nil {
			return tensor.Tensor{}, err
		}
	}
	return e.Embed(batch, skip)
}

// ReadWith returns a sequence for each text, with the prompt before it.
func (e *Embedder) ReadWith(prompt string, texts ...string) ([]arch.Sequence, error) {
	if prompt != "" {
		texts = slices.Clone(texts)
		for i := range texts {
			texts[i] = prompt + texts[i]
		}
	}
	return e.Read(texts...)
}

// promptTokens returns the number of tokens of a prompt, without those after it.
func (e *Embedder) promptTokens(prompt string) (int, error) {
	s, err := e.ReadWith("", prompt)
	if err != nil {
		return 0, err
	}
	ids := s[0].IDs
	last := ids[len(ids)-1]
	for _, a := range e.Encoder.Tokenizer.AddedTokens() {
		if a.Special && a.ID == last {
			return len(ids) - 1, nil
		}
	}
	return len(ids), nil
}

// Embed returns the vectors of sequences, [N, Dim]. The first skip tokens of each are not pooled.
func (e *Embedder) Embed(batch []arch.Sequence, skip int) (tensor.Tensor, error) {
	width := e.Encoder.Dim
	out := tensor.New(len(batch), width*len(e.Pooling))
	for i, s := range batch {
		if len(s.IDs) <= skip && !e.bare {
			return tensor.Tensor{}, fmt.Errorf("task: text %d has %d tokens; those of the prompt, %d, leave nothing to embed", i, len(s.IDs), skip)
		}
	}
	err := e.runTexts(batch, func(i int, x tensor.Tensor, _ *tensor.Arena) error {
		for k, p := range e.Pooling {
			p.Forward(out.Row(i)[k*width:(k+1)*width], x, skip)
		}
		return nil
	})
	if err != nil || len(batch) == 0 {
		return tensor.New(0, e.Dim), err
	}
	for _, l := range e.Modules {
		out = l.Forward(out)
	}
	return out, nil
}

// runTexts is run for the texts that have tokens: those of a table of word vectors may have none, and a vector of
// zeros.
func (e *Embedder) runTexts(batch []arch.Sequence, see func(i int, x tensor.Tensor, a *tensor.Arena) error) error {
	if !e.bare {
		return e.run(batch, see)
	}
	var some []arch.Sequence
	var places []int
	for i, s := range batch {
		if len(s.IDs) > 0 {
			some, places = append(some, s), append(places, i)
		}
	}
	return e.run(some, func(i int, x tensor.Tensor, a *tensor.Arena) error { return see(places[i], x, a) })
}
