// Formats measures what a model loses and gains in few bits: for each format it writes the GGUF file, and prints a row of a
// Markdown table with its size, the error of its weights, its perplexity on a text and its speed. The tables of
// docs/formats.md are from it.
//
//	go run ./benchmarks/formats -text tinyshakespeare.txt ~/models/SmolLM2-135M-Instruct
//	go run ./benchmarks/formats -formats BF16,Q4_K_M -windows 8 -text story.txt MODEL…
//
// A model is a Hugging Face folder of a family that is written to GGUF, or a GGUF file, which is measured as it is. Speeds are medians of -runs runs, of a prompt of 512
// tokens and of 64 tokens after it; 0 leaves them out. With -exact, perplexity is measured with float32 activations too.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type options struct {
	formats, text string
	windows, runs int
	exact         bool
}

func main() {
	var o options
	flag.StringVar(&o.formats, "formats", "F32,BF16,Q8_0,Q6_K,Q5_K_M,Q4_K_M,Q4_0", "formats, the first of which the others are compared with")
	flag.StringVar(&o.text, "text", "", "`FILE` with the text")
	flag.IntVar(&o.windows, "windows", 64, "windows of 512 tokens of the text")
	flag.IntVar(&o.runs, "runs", 3, "runs for each speed")
	flag.BoolVar(&o.exact, "exact", false, "also measure perplexity with float32 activations")
	flag.Parse()
	if err := run(os.Stdout, o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer, o options, models []string) error {
	text, err := os.ReadFile(o.text)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "formats")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range models {
		fmt.Fprintf(out, "| %s | MB | error | perplexity | change | exact | prompt, tokens/s | a token, tokens/s |\n|---|---|---|---|---|---|---|---|\n", filepath.Base(name))
		first, formats, file := 0.0, strings.Split(o.formats, ","), filepath.Join(dir, "model.gguf")
		if filepath.Ext(name) == ".gguf" {
			formats, file = []string{asStored}, name
		}
		for _, format := range formats {
			r := row{format: format, file: file}
			if err := r.measure(name, string(text), o); err != nil {
				return fmt.Errorf("%s in %s: %w", name, format, err)
			}
			if first == 0 {
				first = r.perplexity
			}
			r.print(out, first)
		}
		fmt.Fprintln(out)
	}
	return nil
}

// asStored stands for the format of a file.
const asStored = "as stored"

// row is what is measured of a format.
type row struct {
	format, file      string
	size              int64
	all               nn.Deviation
	perplexity, exact float64
	prompt, token     float64 // a second
}

func (r *row) print(out io.Writer, first float64) {
	exact := ""
	if r.exact > 0 {
		exact = fmt.Sprintf("%.3f", r.exact)
	}
	fmt.Fprintf(out, "| %s | %.1f | %.2f %% | %.3f | %+.2f %% | %s | %.0f | %.1f |\n", r.format, float64(r.size)/1e6, 100*r.all.Relative(), r.perplexity,
		100*(r.perplexity/first-1), exact, r.prompt, r.token)
}

func (r *row) measure(name, text string, o options) error {
	if r.format != asStored {
		if err := r.write(name); err != nil {
			return err
		}
		defer os.Remove(r.file)
	} else if info, err := os.Stat(r.file); err == nil {
		r.size = info.Size()
	}
	d, err := r.open(nn.Automatic)
	if err != nil {
		return err
	}
	if r.perplexity, err = perplexity(d, text, o.windows); err != nil {
		return err
	}
	if err := r.speed(d, text, o.runs); err != nil || !o.exact {
		return err
	}
	if d, err = r.open(nn.Exact); err != nil {
		return err
	}
	r.exact, err = perplexity(d, text, o.windows)
	return err
}

func perplexity(d *model.Decoder, text string, windows int) (float64, error) {
	p, err := task.MeasurePerplexity(context.Background(), d, text, task.PerplexityOptions{Windows: windows})
	return p.Value(), err
}

func (r *row) open(p nn.Precision) (*model.Decoder, error) {
	return model.OpenDecoder(os.DirFS(filepath.Dir(r.file)), model.Options{GGUF: filepath.Base(r.file), Precision: p})
}

// write writes the model as a GGUF file.
func (r *row) write(name string) (err error) {
	wide := map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16}
	var choose func(nn.Matrix) tensor.DType
	if dt, ok := wide[r.format]; ok {
		choose = nn.As(dt)
	} else if choose, err = quantize.ByName(r.format); err != nil {
		return err
	}
	meta, stored, err := model.ConvertGGUF(os.DirFS(name), filepath.Base(name), model.Options{})
	if err != nil {
		return err
	}
	src, err := quantize.Source(stored, choose, func(_ nn.Matrix, _ tensor.DType, d nn.Deviation) { r.all.Add(d) })
	if err != nil {
		return errors.Join(err, stored.Close())
	}
	file, err := os.Create(r.file)
	if err != nil {
		return errors.Join(err, stored.Close())
	}
	w := bufio.NewWriterSize(file, 1<<20)
	err = errors.Join(gguf.Write(w, meta, src), w.Flush(), file.Close(), stored.Close())
	if info, e := os.Stat(r.file); e == nil {
		r.size = info.Size()
	}
	return err
}

// speed measures a prompt of 512 tokens, and 64 tokens after it.
func (r *row) speed(d *model.Decoder, text string, runs int) error {
	if runs == 0 {
		return nil
	}
	const prompt, tokens = 512, 64
	ids, err := d.Tokenizer.Encode(text)
	if err != nil || len(ids) < prompt+tokens {
		return errors.Join(err, fmt.Errorf("the text has %d tokens", len(ids)))
	}
	var first, later []float64
	for range runs {
		s, start := d.NewSession(model.SessionOptions{}), time.Now()
		if err := s.Append(ids[:prompt]...); err != nil {
			return err
		}
		first = append(first, prompt/time.Since(start).Seconds())
		start = time.Now()
		for _, id := range ids[prompt:][:tokens] {
			if err := s.Append(id); err != nil {
				return err
			}
			s.Logits()
		}
		later = append(later, tokens/time.Since(start).Seconds())
	}
	slices.Sort(first)
	slices.Sort(later)
	r.prompt, r.token = first[runs/2], later[runs/2]
	return nil
}
