package main

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// report is what became of the weights.
type report struct {
	tensors []converted
	all     nn.Deviation
}

type converted struct {
	nn.Matrix
	kept  tensor.DType
	error float64
}

func (r *report) add(m nn.Matrix, kept tensor.DType, d nn.Deviation) {
	r.tensors = append(r.tensors, converted{m, kept, d.Relative()})
	r.all.Add(d)
}

// show prints the error of the tensors: all, or the five largest.
func (r *report) show(out io.Writer, all bool) {
	counts := map[tensor.DType]int{}
	for _, t := range r.tensors {
		counts[t.kept]++
	}
	var types []string
	for dt := range tensor.W7 + 1 {
		if counts[dt] > 0 {
			types = append(types, fmt.Sprintf("%d in %v", counts[dt], dt))
		}
	}
	fmt.Fprintf(out, "%d tensors were converted, %s. The root mean square of what that changed is %.2f %% of that of the weights.\n",
		len(r.tensors), strings.Join(types, ", "), 100*r.all.Relative())
	shown := slices.Clone(r.tensors)
	if !all {
		slices.SortStableFunc(shown, func(a, b converted) int { return cmp.Compare(b.error, a.error) })
		shown = shown[:min(5, len(shown))]
	}
	for _, t := range shown {
		fmt.Fprintf(out, "  %5.2f %%  %-7v %s\n", 100*t.error, t.kept, t.Name)
	}
	fmt.Fprintln(out)
}

// stories is the text that is foretold if no other is given. The grammar that the tiny model was trained on made it, with
// another seed: stories(12, 4242) of examples/internal/tiny/train/decoder.
//
//go:embed stories.txt
var stories string

// text is what models are measured with.
type text struct {
	text            string
	window, windows int
	figures
}

// figures are what is said of a model.
type figures struct {
	bytes      int64
	perplexity task.Perplexity
	prompt     time.Duration // a token of the prompt
	token      time.Duration // a token that is written
}

func readText(f flags) (*text, error) {
	if f.text == "" {
		return &text{text: stories, window: 128}, nil
	}
	data, err := os.ReadFile(f.text)
	return &text{text: string(data), window: 512, windows: f.windows}, err
}

// measure measures a model.
func (t *text) measure(ctx context.Context, d *model.Decoder) (err error) {
	if t.perplexity, err = task.MeasurePerplexity(ctx, d, t.text, task.PerplexityOptions{Window: t.window, Windows: t.windows}); err != nil {
		return err
	}
	ids, err := d.Tokenizer.Encode(t.text)
	if err != nil {
		return err
	}
	ids = ids[:min(len(ids), t.window/2)]
	s, start := d.NewSession(model.SessionOptions{}), time.Now()
	if err := s.Append(ids...); err != nil {
		return err
	}
	t.prompt = time.Since(start) / time.Duration(len(ids))
	sampler, err := sample.New(sample.Config{})
	if err != nil {
		return err
	}
	n := 0
	start = time.Now()
	for _, err := range s.Generate(ctx, nil, sampler, model.GenerateOptions{MaxTokens: t.window / 8}) {
		if err != nil {
			return err
		}
		n++
	}
	t.token = time.Since(start) / time.Duration(max(n, 1))
	return nil
}

// show prints the figures of a model before and after.
func show(out io.Writer, mix string, before, after figures) {
	for _, m := range []struct {
		name string
		figures
	}{{"before", before}, {mix, after}} {
		p := m.perplexity
		fmt.Fprintf(out, "%-7s %9.2f MB, perplexity %.3f ± %.3f, a token of a prompt in %v, one after it in %v\n", m.name, float64(m.bytes)/1e6,
			p.Value(), p.Value()*p.Error, m.prompt.Round(time.Microsecond), m.token.Round(time.Microsecond))
	}
	change := 100 * (after.perplexity.Value()/before.perplexity.Value() - 1)
	fmt.Fprintf(out, "Perplexity changed by %+.2f %%, on the same %d tokens.\n", change, after.perplexity.Tokens)
}
