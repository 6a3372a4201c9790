// Generate continues a text with a decoder, token by token.
//
// Without flags it runs a tiny model that is part of the program. It needs no files and no network:
//
//	go run ./examples/generate
//	go run ./examples/generate -temperature 0.7 -seed 3 "One day a little dog"
//	go run ./examples/generate -show
//
// With -model it runs a checkpoint of any supported family, in a folder as Hugging Face publishes it:
//
//	go run ./examples/generate -model ~/models/SmolLM2-135M-Instruct "The capital of France is"
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/seed2010d43f/transformer/examples/internal/cli"
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
	flag.StringVar(&f.model, "model", "", "`DIR` with the checkpoint of a decoder, or a GGUF file; without it the tiny model of the repository runs")
	flag.IntVar(&f.maxTokens, "max-tokens", 120, "generate at most `N` tokens")
	flag.BoolVar(&f.show, "show", false, "show what happens between TEXT and its first new token")
	flag.Float64Var(&f.sampling.Temperature, "temperature", 0, "0 takes the likeliest token; 1 draws from the model's distribution")
	flag.IntVar(&f.sampling.TopK, "top-k", 0, "draw from the `K` likeliest tokens only; 0 draws from all")
	flag.Float64Var(&f.sampling.TopP, "top-p", 0, "draw from the fewest likely tokens that have the probability `P` together; 0 draws from all")
	flag.Float64Var(&f.sampling.MinP, "min-p", 0, "draw from the tokens that are at least `P` times as likely as the likeliest")
	flag.Uint64Var(&f.sampling.Seed, "seed", 1, "`SEED` of the random numbers: the same seed gives the same text")
	args := cli.Parse("[TEXT]", "Generate continues TEXT with a language model, token by token.")
	f.prompt = cli.Text(args, "The cat sat on the")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cli.Exit(run(ctx, os.Stdout, f))
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
