package task

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Preprocessor turns texts into sequences for an encoder, and runs the encoder. Each task contains one. Its
// fields may be changed until the task is first used.
type Preprocessor struct {
	Encoder *model.Encoder

	// MaxTokens is the length of the longest sequence, special tokens included. A longer text is cut at the
	// end; of a pair, the longer text is cut until both fit. With Strict such a text is an error instead,
	// which wraps [ErrTooLong].
	MaxTokens int
	Strict    bool

	// Side is where texts are cut; the tokenizer's files may ask for the beginning, tokenizer.Left.
	Side tokenizer.Side

	// Lower has texts lower-cased first, character by character, but for the special tokens in them.
	Lower bool

	// Progress, if not nil, is called with the number of sequences done and in all. It runs on the goroutine
	// of the call.
	Progress func(done, total int)

	continues string                // what marks a token that goes on with a word, or ""
	bare      bool                  // texts are read without special tokens around them, and may have no tokens
	source    *model.EncoderDecoder // what scores sequences, if it is not the Encoder alone
}

// ErrTooLong is wrapped by the error for a text of too many tokens.
var ErrTooLong = tokenizer.ErrTooLong

// Pair is two texts that a model reads together.
type Pair struct{ First, Second string }

var errNoTokenizer = errors.New("task: the checkpoint has no tokenizer: put tokenizer.json or its vocabulary beside it")

// newPreprocessor checks that the encoder is for one of the tasks.
func newPreprocessor(e *model.Encoder, user string, tasks ...arch.Task) (Preprocessor, error) {
	if e.Tokenizer == nil {
		return Preprocessor{}, errNoTokenizer
	}
	if len(tasks) > 0 && !slices.Contains(tasks, e.Task) {
		return Preprocessor{}, fmt.Errorf("task: the checkpoint is for %v; %s needs one for %v", e.Task, user, tasks[0])
	}
	return Preprocessor{Encoder: e, MaxTokens: e.MaxLen, Side: e.Tokenizer.TruncationSide(), continues: e.Tokenizer.SubwordPrefix()}, nil
}

// open opens the folder's encoder with the first of the heads that is stored, and its limit of tokens.
func open(fsys fs.FS, opt model.Options, heads ...arch.Task) (*model.Encoder, int, error) {
	opt.Heads = heads
	e, err := model.OpenEncoder(fsys, opt)
	if err != nil {
		return nil, 0, err
	}
	limit, err := tokenLimit(fsys, e)
	return e, limit, err
}

// tokenLimit returns the tokens of the longest text: those that the model reads, or model_max_length of
// tokenizer_config.json if that is less.
func tokenLimit(fsys fs.FS, e *model.Encoder) (int, error) {
	limit := e.MaxLen
	var c struct {
		MaxLength *float64 `json:"model_max_length"`
	}
	if err := readJSON(fsys, "tokenizer_config.json", &c); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if c.MaxLength != nil && *c.MaxLength >= 1 && *c.MaxLength < float64(limit) {
		limit = int(*c.MaxLength)
	}
	return limit, nil
}

// outputs returns the width of a head's output.
func outputs(h *arch.Head) int {
	if h == nil || h.Out == nil {
		return 0
	}
	return h.Out.Out()
}

func readJSON(fsys fs.FS, name string, v any) error {
	data, err := sidefile.Read(fsys, name, sidefile.MaxConfig)
	if err != nil {
		return fmt.Errorf("task: %w", err)
	}
	if err := json.Unmarshal(sidefile.JSON(data), v); err != nil {
		return fmt.Errorf("task: %s: %w", name, err)
	}
	return nil
}

// whole reads a text as the reference does: with the special tokens spelled out in it, and those around.
func whole() tokenizer.Options { return tokenizer.Options{AddSpecial: true, ParseSpecial: true} }

// plain reads a text alone, without special tokens around it.
func plain() tokenizer.Options { return tokenizer.Options{ParseSpecial: true} }

// tokenizer is what reads texts.
func (r *Preprocessor) tokenizer() *tokenizer.Tokenizer {
	if r.Lower {
		return r.Encoder.Tokenizer.WithLowercase()
	}
	return r.Encoder.Tokenizer
}

// options are how texts are read.
func (r *Preprocessor) options() tokenizer.Options {
	if r.bare {
		return plain()
	}
	return whole()
}

// Read returns a sequence for each text.
func (r *Preprocessor) Read(texts ...string) ([]arch.Sequence, error) {
	return r.readAll(len(texts), func(i int) (arch.Sequence, error) {
		ids, err := r.tokenizer().AppendEncode(nil, texts[i], r.options())
		if err != nil {
			return arch.Sequence{}, err
		}
		if len(ids) <= r.MaxTokens {
			return arch.Sequence{IDs: ids}, nil
		}
		w, err := r.window(texts[i])
		return r.sequence(w), err
	})
}

// ReadPairs returns a sequence for each pair.
func (r *Preprocessor) ReadPairs(pairs ...Pair) ([]arch.Sequence, error) {
	return r.readAll(len(pairs), func(i int) (arch.Sequence, error) {
		w, err := r.window(pairs[i].First, pairs[i].Second)
		return r.sequence(w), err
	})
}

// window returns the first window of a text or a pair.
func (r *Preprocessor) window(texts ...string) (*tokenizer.Window, error) {
	return r.cut(tokenizer.LongestFirst, texts...)
}

// cut returns the first window of a text or a pair, of which the text that cut says is cut.
func (r *Preprocessor) cut(cut tokenizer.Cut, texts ...string) (*tokenizer.Window, error) {
	c := tokenizer.Truncation{MaxTokens: r.MaxTokens, Cut: cut, Side: r.Side}
	if r.Strict {
		c.MaxTokens = 0
	}
	all, err := r.tokenizer().Windows(r.options(), c, texts...)
	if err != nil {
		return nil, err
	}
	if n := len(all[0].IDs); n > r.MaxTokens {
		return nil, fmt.Errorf("%w: %d tokens; at most %d are read", ErrTooLong, n, r.MaxTokens)
	}
	return &all[0], nil
}

// windows are those of several texts, and the sequences that they are, one after the other.
type windows struct {
	of     [][]tokenizer.Window
	batch  []arch.Sequence
	places [][2]int // text and window of each sequence
}

// readWindows reads n texts in windows.
func (r *Preprocessor) readWindows(n int, read func(i int) ([]tokenizer.Window, error)) (*windows, error) {
	w := &windows{of: make([][]tokenizer.Window, n)}
	err := each(n, func(i int) (err error) {
		if w.of[i], err = read(i); err != nil {
			return err
		}
		return r.check(w.of[i][0].IDs)
	})
	for i := range w.of {
		for k := range w.of[i] {
			w.places = append(w.places, [2]int{i, k})
			w.batch = append(w.batch, r.sequence(&w.of[i][k]))
		}
	}
	return w, err
}

// sequence returns what the encoder reads of a window.
func (r *Preprocessor) sequence(w *tokenizer.Window) arch.Sequence {
	if w == nil {
		return arch.Sequence{}
	}
	s := arch.Sequence{IDs: w.IDs}
	if r.Encoder.Types > 1 && r.Encoder.Tokenizer.ReadsTypes() && slices.ContainsFunc(w.TypeIDs, func(t int) bool { return t != 0 }) {
		s.Types = w.TypeIDs
	}
	return s
}

// readAll reads n texts and checks that the encoder can read them.
func (r *Preprocessor) readAll(n int, read func(i int) (arch.Sequence, error)) ([]arch.Sequence, error) {
	out := make([]arch.Sequence, n)
	err := each(n, func(i int) (err error) {
		if out[i], err = read(i); err != nil {
			return err
		}
		return r.check(out[i].IDs)
	})
	return out, err
}

func (r *Preprocessor) check(ids []int) error {
	switch n := len(ids); {
	case n == 0 && !r.bare:
		return errors.New("it has no tokens, and the tokenizer puts none around it")
	case n > r.Encoder.MaxLen:
		return fmt.Errorf("MaxTokens is %d and the text has %d tokens; the model reads at most %d", r.MaxTokens, n, r.Encoder.MaxLen)
	}
	for _, id := range ids {
		if id >= r.Encoder.Vocab {
			return fmt.Errorf("the tokenizer gives id %d, the model's ids end at %d: they do not belong together", id, r.Encoder.Vocab-1)
		}
	}
	return nil
}

// each calls do for the texts 0 to n−1, on all processors, and returns the error of the first that has
// one.
func each(n int, do func(i int) error) error {
	if i, err := parallel.Each(n, do); err != nil {
		return fmt.Errorf("task: text %d: %w", i, err)
	}
	return nil
}

// byLength returns the places of the sequences, the longest first.
func byLength(batch []arch.Sequence) []int {
	order := make([]int, len(batch))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(batch[b].IDs), len(batch[a].IDs)) })
	return order
}

// run computes the hidden states of all sequences, those of like length together, and calls see for
// each with its place in the batch and its rows, [T, Dim], which see must not keep.
func (r *Preprocessor) run(batch []arch.Sequence, see func(i int, x tensor.Tensor, a *tensor.Arena) error) error {
	order := byLength(batch)
	sorted := make([]arch.Sequence, len(batch))
	for k, i := range order {
		sorted[k] = batch[i]
	}
	return r.Encoder.Run(sorted, func(first int, group []arch.Sequence, x tensor.Tensor, a *tensor.Arena) error {
		row := 0
		for k, s := range group {
			mark := a.Mark()
			if err := see(order[first+k], x.Slice(row, row+len(s.IDs)), a); err != nil {
				return err
			}
			a.Release(mark)
			row += len(s.IDs)
		}
		r.report(first+len(group), len(batch))
		return nil
	})
}

func (r *Preprocessor) report(done, total int) {
	if r.Progress != nil {
		r.Progress(done, total)
	}
}

const scoreRows = 4096 // tokens between two reports of progress

// scores returns the output of the head over sequences, [N, Out], those of like length computed together.
func (r *Preprocessor) scores(batch []arch.Sequence) (tensor.Tensor, error) {
	var out tensor.Tensor
	order := byLength(batch)
	var group []arch.Sequence
	rows := 0
	for k, i := range order {
		group = append(group, batch[i])
		if rows += len(batch[i].IDs); rows < scoreRows && k+1 < len(order) {
			continue
		}
		y, err := r.sequenceScores(group)
		if err != nil {
			return out, err
		}
		if out.Data == nil {
			out = tensor.New(len(batch), y.Shape.Last())
		}
		for j, place := range order[k+1-len(group) : k+1] {
			copy(out.Row(place), y.Row(j))
		}
		r.report(k+1, len(order))
		group, rows = group[:0], 0
	}
	return out, nil
}

func (r *Preprocessor) sequenceScores(batch []arch.Sequence) (tensor.Tensor, error) {
	if r.source == nil {
		return r.Encoder.SequenceScores(batch)
	}
	ids := make([][]int, len(batch))
	for i := range batch {
		ids[i] = batch[i].IDs
	}
	return r.source.SequenceScores(ids...)
}

// afterLastDot returns the class of a Python path: "Tanh" of "torch.nn.modules.activation.Tanh".
func afterLastDot(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
