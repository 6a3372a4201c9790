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

// Embedder computes vectors of texts: texts of similar meaning get vectors of similar direction. It follows
// SentenceTransformer of sentence-transformers 6.2. It may be used from several goroutines.
type Embedder struct {
	Preprocessor
	Pooling []Pooling // their results are concatenated
	Modules []Module  // applied after pooling, in order
	Dim     int       // width of the vectors

	// Prompts are put before texts; each is named after its purpose. DefaultPrompt is the name of the prompt
	// that Encode uses, or "".
	Prompts       map[string]string
	DefaultPrompt string
	PoolPrompt    bool // whether the tokens of a prompt are pooled too

	// Similarity compares the vectors as the model was trained for.
	Similarity retrieval.Similarity
}

// NewEmbedder makes an Embedder from an open encoder for any task. Its vectors are the normalised means of
// the hidden states, without prompts.
func NewEmbedder(e *model.Encoder) (*Embedder, error) {
	r, err := newPreprocessor(e, "Embedder")
	if err != nil {
		return nil, err
	}
	return &Embedder{Preprocessor: r, Pooling: []Pooling{PoolMean}, Modules: []Module{Normalizer{}}, Dim: e.Dim, PoolPrompt: true}, nil
}

// Truncate keeps the first dim numbers of each vector, as models that were trained for that allow (Kusupati et al.,
// "Matryoshka Representation Learning", 2022). It does not normalise them again; append a [Normalizer] to Modules for
// that. It panics unless dim is positive.
func (e *Embedder) Truncate(dim int) {
	if dim < 1 {
		panic(fmt.Sprintf("task: vectors of %d numbers", dim))
	}
	if dim < e.Dim {
		e.Modules, e.Dim = append(slices.Clip(e.Modules), Truncated{dim}), dim
	}
}

// Encode returns the vectors of the texts, [N, Dim], with the default prompt before each text, if there is
// one.
func (e *Embedder) Encode(texts ...string) (tensor.Tensor, error) {
	prompt, err := e.Prompt(e.DefaultPrompt)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return e.EncodeWith(prompt, texts...)
}

// Prompt returns the prompt with the given name; "" gives "". The names "query" and "document" always exist,
// perhaps with an empty prompt. Other unknown names give an error.
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

// EncodeQuery returns the vectors of queries, [N, Dim], with the prompt "query" before each, or without one
// if the model has no such prompt.
func (e *Embedder) EncodeQuery(texts ...string) (tensor.Tensor, error) {
	return e.EncodeWith(e.Prompts["query"], texts...)
}

// EncodeDocument returns the vectors of documents to be found, [N, Dim], with the prompt "document" before
// each, or without one if the model has no such prompt. If the model's prompt has another name, such as
// "passage", use [Embedder.EncodeWith].
func (e *Embedder) EncodeDocument(texts ...string) (tensor.Tensor, error) {
	return e.EncodeWith(e.Prompts["document"], texts...)
}

// EncodeWith returns the vectors of the texts, [N, Dim], with the given prompt text before each.
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

// ReadWith returns a sequence for each text, with the given prompt text before it.
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
