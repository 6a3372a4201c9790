// Generate continues a text with a decoder, token by token.
//
// Without flags it runs a tiny model that is part of the program, so it needs no files and no network:
//
//	go run ./examples/generate
//	go run ./examples/generate -prompt "One day a little dog" -temperature 0.7 -seed 3
//	go run ./examples/generate -show
//
// With -model it runs any checkpoint folder, as Hugging Face publishes them, of a supported family:
//
//	go run ./examples/generate -model ~/models/SmolLM2-135M-Instruct -prompt "The capital of France is"
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
)

type flags struct {
	prompt, model string
	maxTokens     int
	show          bool
	sampling      sample.Config
}

func main() {
	var f flags
	flag.StringVar(&f.prompt, "prompt", "The cat sat on the", "text to continue")
	flag.StringVar(&f.model, "model", "", "folder of a checkpoint; without it a tiny built-in model runs")
	flag.IntVar(&f.maxTokens, "max-tokens", 120, "most tokens to generate")
	flag.BoolVar(&f.show, "show", false, "show what happens between the prompt and its first new token")
	flag.Float64Var(&f.sampling.Temperature, "temperature", 0, "0 takes the likeliest token; 1 draws from the model's distribution")
	flag.IntVar(&f.sampling.TopK, "top-k", 0, "draw from the k likeliest tokens only")
	flag.Float64Var(&f.sampling.TopP, "top-p", 0, "draw from the likeliest tokens with this share of the probability")
	flag.Float64Var(&f.sampling.MinP, "min-p", 0, "draw from tokens at least this many times as likely as the likeliest")
	flag.Uint64Var(&f.sampling.Seed, "seed", 1, "of the random numbers: the same seed gives the same text")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, f); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, f flags) error {
	sampler, err := sample.New(f.sampling)
	if err != nil {
		return err
	}
	d, err := tiny.Open(f.model)
	if err != nil {
		return err
	}
	if f.show {
		if err := show(out, d, f.prompt); err != nil {
			return err
		}
	}
	s := d.NewSession(model.SessionOptions{})
	if err := likeliest(out, d, f.prompt); err != nil {
		return err
	}
	fmt.Fprint(out, f.prompt)
	start := time.Now()
	for piece, err := range s.GenerateText(ctx, f.prompt, sampler, model.GenerateOptions{MaxTokens: f.maxTokens}) {
		if err != nil {
			fmt.Fprintln(out)
			return err
		}
		fmt.Fprint(out, piece)
	}
	fmt.Fprintf(out, "\n\n%d tokens, prompt included, in %v\n", s.Len(), time.Since(start).Round(time.Millisecond))
	return nil
}

// likeliest prints the five most likely tokens after the prompt.
func likeliest(out io.Writer, d *model.Decoder, prompt string) error {
	ids, err := d.Tokenizer.Encode(prompt)
	if err != nil {
		return err
	}
	s := d.NewSession(model.SessionOptions{})
	if err := s.Append(ids...); err != nil {
		return err
	}
	choices, err := top(s.Logits(), 5)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "After %q come\n", prompt)
	for _, c := range choices {
		fmt.Fprintf(out, "  %5.1f %%  %q\n", 100*c.Prob, tiny.Text(d, c.ID))
	}
	fmt.Fprintln(out)
	return nil
}

// top returns the n likeliest tokens with the model's own probabilities.
func top(logits []float32, n int) ([]sample.Choice, error) {
	s, err := sample.New(sample.Config{Temperature: 1})
	if err != nil {
		return nil, err
	}
	return s.TopN(nil, logits, n)
}
