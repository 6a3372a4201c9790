package task

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Reader turns texts into what an encoder reads, and runs it. Every task has one; its fields may be
// changed until the task is first used.
type Reader struct {
	Encoder *model.Encoder

	// MaxTokens is the length of the longest sequence, special tokens included. A longer text is cut at
	// the end; of a pair, the longer text is, until both fit. Strict makes it an error instead, which
	// wraps [ErrTooLong].
	MaxTokens int
	Strict    bool

	// Progress, if not nil, is told how many of a call's sequences are done. It is called from the
	// goroutine of the call.
	Progress func(done, total int)

	continues string // what marks a token that goes on with a word, or ""
}

// ErrTooLong is what the error for a text of too many tokens wraps.
var ErrTooLong = tokenizer.ErrTooLong

// Pair is two texts that a model reads together.
type Pair struct{ First, Second string }

// newReader checks that the encoder is for one of the tasks.
func newReader(e *model.Encoder, user string, tasks ...model.Task) (Reader, error) {
	if e.Tokenizer == nil {
		return Reader{}, errors.New("task: the checkpoint has no tokenizer: put tokenizer.json or its vocabulary beside it")
	}
	if len(tasks) > 0 && !slices.Contains(tasks, e.Task) {
		return Reader{}, fmt.Errorf("task: the checkpoint is for %v; %s needs one for %v", e.Task, user, tasks[0])
	}
	return Reader{Encoder: e, MaxTokens: e.MaxLen, continues: e.Tokenizer.SubwordPrefix()}, nil
}

// open opens the folder's encoder and its limit of tokens: that of the model, or model_max_length of
// tokenizer_config.json if that is less.
func open(fsys fs.FS, opt model.Options) (*model.Encoder, int, error) {
	e, err := model.OpenEncoder(fsys, opt)
	if err != nil {
		return nil, 0, err
	}
	limit := e.MaxLen
	var c struct {
		MaxLength *float64 `json:"model_max_length"`
	}
	if err := readJSON(fsys, "tokenizer_config.json", &c); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	if c.MaxLength != nil && *c.MaxLength >= 1 && *c.MaxLength < float64(limit) {
		limit = int(*c.MaxLength)
	}
	return e, limit, nil
}

const maxJSON = 16 << 20 // bytes of a configuration

func readJSON(fsys fs.FS, name string, v any) error {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return fmt.Errorf("task: %w", err)
	}
	if info.Size() > maxJSON {
		return fmt.Errorf("task: %s has %d bytes; no configuration needs more than %d", name, info.Size(), maxJSON)
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("task: %w", err)
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(data), "\ufeff")), v); err != nil {
		return fmt.Errorf("task: %s: %w", name, err)
	}
	return nil
}

// whole reads a text as the reference does: with the special tokens spelled out in it, and those around.
var whole = tokenizer.Options{AddSpecial: true, ParseSpecial: true}

// plain reads a text alone, without special tokens around it.
var plain = tokenizer.Options{ParseSpecial: true}

// Read returns a sequence for each text.
func (r *Reader) Read(texts ...string) ([]model.Sequence, error) {
	return r.readAll(len(texts), func(i int) (model.Sequence, error) {
		ids, err := r.Encoder.Tokenizer.Encode(texts[i])
		if err != nil {
			return model.Sequence{}, err
		}
		if len(ids) <= r.MaxTokens {
			return model.Sequence{IDs: ids}, nil
		}
		w, err := r.window(len(ids), texts[i])
		return r.sequence(w), err
	})
}

// ReadPairs returns a sequence for each pair.
func (r *Reader) ReadPairs(pairs ...Pair) ([]model.Sequence, error) {
	return r.readAll(len(pairs), func(i int) (model.Sequence, error) {
		w, err := r.window(0, pairs[i].First, pairs[i].Second)
		return r.sequence(w), err
	})
}

// window returns the first window of a text or a pair. tokens is its length, or 0 if that is not known.
func (r *Reader) window(tokens int, texts ...string) (*tokenizer.Window, error) {
	if r.Strict {
		all, err := r.Encoder.Tokenizer.Windows(whole, tokenizer.Truncation{}, texts...)
		if err != nil {
			return nil, err
		}
		if tokens = len(all[0].IDs); tokens > r.MaxTokens {
			return nil, fmt.Errorf("%w: %d tokens; the model reads at most %d", ErrTooLong, tokens, r.MaxTokens)
		}
		return &all[0], nil
	}
	all, err := r.Encoder.Tokenizer.Windows(whole, tokenizer.Truncation{MaxTokens: r.MaxTokens}, texts...)
	if err != nil {
		return nil, err
	}
	return &all[0], nil
}

// sequence returns what the encoder reads of a window.
func (r *Reader) sequence(w *tokenizer.Window) model.Sequence {
	if w == nil {
		return model.Sequence{}
	}
	s := model.Sequence{IDs: w.IDs}
	if r.Encoder.Types > 1 && slices.ContainsFunc(w.TypeIDs, func(t int) bool { return t != 0 }) {
		s.Types = w.TypeIDs
	}
	return s
}

// readAll reads n texts in several goroutines and checks that the encoder can read them.
func (r *Reader) readAll(n int, read func(i int) (model.Sequence, error)) ([]model.Sequence, error) {
	out := make([]model.Sequence, n)
	errs := make([]error, n)
	inParallel(n, func(i int) {
		out[i], errs[i] = read(i)
		if errs[i] == nil {
			errs[i] = r.check(out[i].IDs)
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("task: text %d: %w", i, errs[i])
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *Reader) check(ids []int) error {
	if len(ids) == 0 {
		return errors.New("it has no tokens, and the tokenizer puts none around it")
	}
	for _, id := range ids {
		if id >= r.Encoder.Vocab {
			return fmt.Errorf("the tokenizer gives id %d, the model's ids end at %d: they do not belong together", id, r.Encoder.Vocab-1)
		}
	}
	return nil
}

// inParallel calls do for 0 to n−1, on all processors.
func inParallel(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var next sync.Mutex
	at := 0
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				next.Lock()
				i := at
				at++
				next.Unlock()
				if i >= n {
					return
				}
				do(i)
			}
		})
	}
	wg.Wait()
}

// byLength returns the places of the sequences, the longest first.
func byLength(batch []model.Sequence) []int {
	order := make([]int, len(batch))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(batch[b].IDs), len(batch[a].IDs)) })
	return order
}

// run computes the hidden states of all sequences, those of like length together, and calls see for
// each with its place in the batch and its rows, [T, Dim], which see must not keep.
func (r *Reader) run(batch []model.Sequence, see func(i int, x tensor.Tensor, a *tensor.Arena) error) error {
	order := byLength(batch)
	sorted := make([]model.Sequence, len(batch))
	for k, i := range order {
		sorted[k] = batch[i]
	}
	return r.Encoder.Run(sorted, func(first int, group []model.Sequence, x tensor.Tensor, a *tensor.Arena) error {
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

func (r *Reader) report(done, total int) {
	if r.Progress != nil {
		r.Progress(done, total)
	}
}

const scoreRows = 4096 // tokens between two reports of progress

// scores returns the output of the head over sequences, [N, Out], those of like length computed together.
func (r *Reader) scores(batch []model.Sequence) (tensor.Tensor, error) {
	var out tensor.Tensor
	order := byLength(batch)
	var group []model.Sequence
	rows := 0
	for k, i := range order {
		group = append(group, batch[i])
		if rows += len(batch[i].IDs); rows < scoreRows && k+1 < len(order) {
			continue
		}
		y, err := r.Encoder.SequenceScores(group)
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

// afterLastDot returns the class of a Python path: "Tanh" of "torch.nn.modules.activation.Tanh".
func afterLastDot(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
