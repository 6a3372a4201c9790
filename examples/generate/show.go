package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// show prints the way from the prompt to the next token: the ids, the shape of the activations after each step, and
// the likeliest tokens.
func show(out io.Writer, d *model.Decoder, prompt string) error {
	ids, err := d.Tokenizer.Encode(prompt)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "text       %q\n", prompt)
	fmt.Fprint(out, "tokens    ")
	for _, id := range ids {
		fmt.Fprintf(out, " %d %q", id, tiny.Text(d, id))
	}
	fmt.Fprintln(out)

	s := d.NewSession(model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
		if last := len(d.Blocks) - 1; at.Layer > 0 && at.Layer < last {
			if at.Layer > 1 || at.Stage != block.StageBlock {
				return nil
			}
			return func(tensor.Tensor) { fmt.Fprintf(out, "…          blocks 1 to %d are like block 0\n", last-1) }
		}
		return func(x tensor.Tensor) { line(out, at, x) }
	}})
	if err := s.Append(ids...); err != nil {
		return err
	}
	choices, err := top(s.Logits(), 10)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "softmax    the ten likeliest of", d.Vocab, "tokens")
	for _, c := range choices {
		bar := strings.Repeat("█", int(40*c.Prob+0.5))
		fmt.Fprintf(out, "  %-14q %5.1f %% %s\n", tiny.Text(d, c.ID), 100*c.Prob, bar)
	}
	fmt.Fprintln(out)
	return nil
}

// line prints one point of the forward pass.
func line(out io.Writer, at attention.Point, x tensor.Tensor) {
	what := ""
	switch at.Stage {
	case arch.StageEmbeddings:
		what = "embedding  one row for each token"
	case attention.StageWeights:
		what = fmt.Sprintf("block %-3d  attention weights, heads × queries × keys", at.Layer)
	case block.StageResidual:
		name := "attention"
		if at.Index > 0 {
			name = "feed-forward"
		}
		what = fmt.Sprintf("           + %s", name)
	case arch.StageFinalNorm:
		what = "norm"
	case arch.StageLogits:
		what = "head       a score for each token of the vocabulary"
	default:
		return
	}
	fmt.Fprintf(out, "%-62s %v\n", what, x.Shape)
}
