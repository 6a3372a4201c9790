package task

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// PerplexityOptions say how [MeasurePerplexity] reads a text.
type PerplexityOptions struct {
	Window   int                  // tokens that are read together; 0 is 512. It must be 4 or more.
	Windows  int                  // at most so many, from the start of the text; 0 is all
	Session  model.SessionOptions // of each window
	Progress func(done, total int, p Perplexity)
}

// Perplexity is how well a model foretells the tokens of a text.
type Perplexity struct {
	Tokens int     // that were foretold
	Loss   float64 // the mean of their negative log-likelihoods, in nats
	Error  float64 // the standard error of Loss

	sum, squares float64
}

// Value returns the perplexity, exp(Loss): the number of equally likely tokens among which the model would be as unsure.
func (p Perplexity) Value() float64 { return math.Exp(p.Loss) }

// MeasurePerplexity computes the perplexity of a text by the rule of llama-perplexity (llama.cpp), so that figures
// compare: the tokens are cut in windows, which the model reads one by one without the others; only tokens of the second
// half of a window count, which have at least half a window before them; tokens that do not fill a window are left out.
// Where the tokenizer puts BOS before a text, BOS takes the place of the first token of each window.
//
// It returns an error for a text of less than a window, or a window that is longer than the model can read.
func MeasurePerplexity(ctx context.Context, d *model.Decoder, text string, o PerplexityOptions) (Perplexity, error) {
	if o.Window == 0 {
		o.Window = 512
	}
	if o.Window < 4 {
		return Perplexity{}, fmt.Errorf("task: windows of %d tokens for a perplexity; they must have 4 or more", o.Window)
	}
	if d.Tokenizer == nil {
		return Perplexity{}, errors.New("task: the decoder has no tokenizer")
	}
	ids, err := d.Tokenizer.AppendEncode(nil, text, tokenizer.Options{AddSpecial: true})
	if err != nil {
		return Perplexity{}, err
	}
	if len(ids) < o.Window {
		return Perplexity{}, fmt.Errorf("task: the text has %d tokens, less than a window of %d", len(ids), o.Window)
	}
	windows := len(ids) / o.Window
	if o.Windows > 0 {
		windows = min(windows, o.Windows)
	}
	bos := d.Tokenizer.Special().BOS
	marked := bos >= 0 && ids[0] == bos
	var p Perplexity
	for i := range windows {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		window := ids[i*o.Window:][:o.Window:o.Window]
		if marked {
			window[0] = bos
		}
		losses, err := windowLosses(d, window, o.Session)
		if err != nil {
			return p, err
		}
		p.add(losses)
		if o.Progress != nil {
			o.Progress(i+1, windows, p)
		}
	}
	return p, nil
}

// add counts the losses of more tokens.
func (p *Perplexity) add(losses []float64) {
	for _, l := range losses {
		p.sum += l
		p.squares += l * l
	}
	p.Tokens += len(losses)
	n := float64(p.Tokens)
	p.Loss = p.sum / n
	p.Error = math.Sqrt(max(0, p.squares/n-p.Loss*p.Loss) / max(1, n-1))
}

// lossRows is how many rows of logits are in memory at a time.
const lossRows = 64

// windowLosses returns the losses of the tokens of the second half of a window, but for its first.
func windowLosses(d *model.Decoder, window []int, o model.SessionOptions) ([]float64, error) {
	s, first := d.NewSession(o), len(window)/2
	if err := s.Append(window[:first]...); err != nil {
		return nil, err
	}
	var all []float64
	for at := first; at < len(window)-1; at += lossRows {
		end := min(at+lossRows, len(window)-1)
		logits, err := s.Extend(window[at:end]...)
		if err != nil {
			return nil, err
		}
		t := &losses{logits, window[at+1 : end+1], make([]float64, end-at)}
		parallel.Run(parallel.Width(), end-at, t)
		all = append(all, t.values...)
	}
	return all, nil
}

// losses computes the loss of the token after each row of logits.
type losses struct {
	logits tensor.Tensor
	next   []int
	values []float64
}

func (t *losses) Do(row, _ int) {
	x := t.logits.Row(row)
	most := x[0]
	for _, v := range x {
		most = max(most, v)
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v - most))
	}
	t.values[row] = math.Log(sum) - float64(x[t.next[row]]-most)
}
