package task

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// LMReranker scores documents for a query with a decoder that is asked whether the document fits: the score is
// σ(logit(yes) − logit(no)) of the token that it would write next, as Qwen3-Reranker has it (Zhang et al., "Qwen3
// Embedding", 2025). It may be used from several goroutines.
type LMReranker struct {
	Preprocessor              // MaxTokens: of the whole text; where it is longer, query and document are cut
	Prompt       RerankPrompt // the text around query and document
	ScoreFunc    ScoreFunc    // Auto is Sigmoid; Logits is the difference as it is

	head nn.Linear // [1, Dim], or [2, Dim]: of yes and no
	d    *arch.Decoder
}

// RerankPrompt is the text around a query and a document. Special tokens may be spelled out in it.
type RerankPrompt struct {
	Prefix         string // of tokens that are never cut
	BeforeQuery    string
	BeforeDocument string
	Suffix         string // of tokens that are never cut

	Yes, No string // tokens; with an empty No the score is that of Yes alone
}

// Qwen3Reranker is the prompt of the model card of Qwen3-Reranker. An empty instruction is the card's: "Given a web
// search query, retrieve relevant passages that answer the query".
func Qwen3Reranker(instruction string) RerankPrompt {
	if instruction == "" {
		instruction = "Given a web search query, retrieve relevant passages that answer the query"
	}
	return RerankPrompt{
		Prefix: "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. " +
			"Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n",
		BeforeQuery:    "<Instruct>: " + instruction + "\n<Query>: ",
		BeforeDocument: "\n<Document>: ",
		Suffix:         "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
		Yes:            "yes", No: "no",
	}
}

// OpenLMReranker opens a decoder, as [model.OpenDecoder] does. Of a folder of sentence-transformers with a LogitScore,
// its token ids are those of yes and no where the prompt has no Yes.
//
// The text around query and document is the caller's. A chat template that the folder has for it is not used.
func OpenLMReranker(fsys fs.FS, opt model.Options, prompt RerankPrompt) (*LMReranker, error) {
	if prompt == (RerankPrompt{}) {
		s := "task: LMReranker needs the text around query and document: Qwen3Reranker is that of Qwen3-Reranker"
		if template := chatTemplate(fsys); template != "" {
			s += "; the folder has only a chat template for it, in " + template + ", which is not used"
		}
		return nil, errors.New(s)
	}
	return openLM(fsys, opt, prompt)
}

func openLM(fsys fs.FS, opt model.Options, prompt RerankPrompt) (*LMReranker, error) {
	ids, err := logitScore(fsys)
	if err != nil {
		return nil, err
	}
	d, err := model.OpenDecoder(fsys, opt)
	if err != nil {
		return nil, err
	}
	var r *LMReranker
	if prompt.Yes == "" && ids != nil {
		r, err = newLM(d, prompt, ids)
	} else {
		r, err = NewLMReranker(d, prompt)
	}
	if err != nil {
		return nil, err
	}
	r.MaxTokens, err = tokenLimit(fsys, r.Encoder)
	return r, err
}

// chatTemplate returns the file with the folder's chat template, or "".
func chatTemplate(fsys fs.FS) string {
	for _, name := range []string{"chat_template.jinja", "chat_template.json"} {
		if sidefile.Exists(fsys, name) {
			return name
		}
	}
	var c struct {
		Template any `json:"chat_template"`
	}
	if err := readJSON(fsys, "tokenizer_config.json", &c); err == nil && c.Template != nil {
		return "tokenizer_config.json"
	}
	return ""
}

// logitScore returns the ids of the module LogitScore, that of no only if it has one, or nil without such a module.
func logitScore(fsys fs.FS) ([]int, error) {
	modules, err := readModules(fsys)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for i, m := range modules {
		if m.kind() != "LogitScore" {
			continue
		}
		sub, err := m.folder(fsys)
		if err != nil {
			return nil, fmt.Errorf("task: modules.json: module %d: %w", i, err)
		}
		var c struct {
			Yes *int `json:"true_token_id"`
			No  *int `json:"false_token_id"`
		}
		err = readJSON(sub, "config.json", &c)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w (in %s)", err, m.Path)
		case c.Yes == nil:
			return nil, fmt.Errorf("task: config.json: true_token_id is missing (in %s)", m.Path)
		case c.No == nil:
			return []int{*c.Yes}, nil
		}
		return []int{*c.Yes, *c.No}, nil
	}
	return nil, nil
}

// NewLMReranker uses a decoder that is open. It fails if the prompt's Yes or No is no token.
func NewLMReranker(d *model.Decoder, prompt RerankPrompt) (*LMReranker, error) {
	if d.Tokenizer == nil {
		return nil, errNoTokenizer
	}
	words := []string{prompt.Yes, prompt.No}
	if prompt.No == "" {
		words = words[:1]
	}
	var ids []int
	for _, word := range words {
		id, ok := d.Tokenizer.TokenID(word)
		if !ok {
			return nil, fmt.Errorf("task: %q is no token of the model; Yes and No of the prompt have to be", word)
		}
		ids = append(ids, id)
	}
	return newLM(d, prompt, ids)
}

// newLM uses a decoder that is open, with the ids of yes and of no, if there is one.
func newLM(d *model.Decoder, prompt RerankPrompt, ids []int) (*LMReranker, error) {
	if d.Project != nil {
		return nil, errors.New("task: a decoder whose hidden states are projected is not supported as a reranker")
	}
	r, err := newPreprocessor(&model.Encoder{Encoder: &arch.Encoder{Trunk: d.Trunk}, Family: d.Family, Tokenizer: d.Tokenizer}, "LMReranker")
	if err != nil {
		return nil, err
	}
	rows := tensor.New(len(ids), d.Dim)
	var bias []float32
	for i, id := range ids {
		if id < 0 || id >= d.Vocab {
			return nil, fmt.Errorf("task: yes or no is the token %d; the model's ids end at %d", id, d.Vocab-1)
		}
		d.Head.Weight.Row(rows.Row(i), id)
		if d.Head.Bias != nil {
			bias = append(bias, d.Head.Bias[id])
		}
	}
	return &LMReranker{Preprocessor: r, Prompt: prompt, head: nn.Linear{Weight: tensor.WeightFrom(rows), Bias: bias}, d: d.Decoder}, nil
}

// Rerank returns the documents by their score for the query, the best first.
func (r *LMReranker) Rerank(query string, documents ...string) ([]Ranked, error) {
	return rank(r.Score, query, documents)
}

// Score returns the score of each pair of a query and a document.
func (r *LMReranker) Score(pairs ...Pair) ([]float32, error) {
	batch, err := r.ReadPrompts(pairs...)
	if err != nil {
		return nil, err
	}
	out, err := r.scores(batch)
	if err != nil {
		return nil, err
	}
	if f := r.ScoreFunc; f == Auto {
		Sigmoid.Apply(out)
	} else {
		f.Apply(out)
	}
	return out.Data, nil
}

// scores returns logit(yes) − logit(no) of what follows each sequence, [N, 1].
func (r *LMReranker) scores(batch []arch.Sequence) (tensor.Tensor, error) {
	out := tensor.New(len(batch), 1)
	err := r.run(batch, func(i int, x tensor.Tensor, a *tensor.Arena) error {
		y := a.New(1, r.head.Out())
		r.head.Forward(y, x.Slice(x.Rows()-1, x.Rows()))
		r.d.FinishLogits(y)
		if out.Data[i] = y.Data[0]; len(y.Data) > 1 {
			out.Data[i] -= y.Data[1]
		}
		return nil
	})
	return out, err
}

// ReadPrompts returns a sequence for each pair: the prompt with query and document in it. Where it would be longer than
// MaxTokens, the text between Prefix and Suffix is cut at the end.
func (r *LMReranker) ReadPrompts(pairs ...Pair) ([]arch.Sequence, error) {
	t := r.Encoder.Tokenizer
	before, err := t.AppendEncode(nil, r.Prompt.Prefix, plain())
	if err != nil {
		return nil, err
	}
	after, err := t.AppendEncode(nil, r.Prompt.Suffix, plain())
	if err != nil {
		return nil, err
	}
	room := r.MaxTokens - len(before) - len(after)
	if room < 1 {
		return nil, fmt.Errorf("task: %w: the prompt alone has %d tokens; at most %d are read", ErrTooLong, len(before)+len(after), r.MaxTokens)
	}
	return r.readAll(len(pairs), func(i int) (arch.Sequence, error) {
		text := r.Prompt.BeforeQuery + pairs[i].First + r.Prompt.BeforeDocument + pairs[i].Second
		all, err := r.tokenizer().Windows(whole(), tokenizer.Truncation{MaxTokens: room, Side: r.Side}, text)
		if err != nil {
			return arch.Sequence{}, err
		}
		if r.Strict && len(all) > 1 {
			return arch.Sequence{}, fmt.Errorf("%w: at most %d tokens are read", ErrTooLong, r.MaxTokens)
		}
		return arch.Sequence{IDs: slices.Concat(before, all[0].IDs, after)}, nil
	})
}
