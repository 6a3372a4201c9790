// Logitlens shows how a decoder makes up its mind. It applies the final norm and the head, which are meant for the
// stream after the last layer, to the stream after every layer, and so asks each layer for the next token
// (nostalgebraist, "interpreting GPT: the logit lens", 2020).
//
//	go run ./examples/logitlens
//	go run ./examples/logitlens -o lens.png "Once upon a time, there was a little"
//	go run ./examples/logitlens -model ~/models/SmolLM2-135M-Instruct "The capital of France is"
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor"
)

func main() {
	folder := flag.String("model", "", "`DIR` with the checkpoint of a decoder; without it the tiny model of the repository runs")
	out := flag.String("o", "logitlens.png", "picture to write, a PNG `FILE`")
	args := cli.Parse("[TEXT]", "Logitlens shows which next token a model would choose after each of its layers, for each token of TEXT.")
	cli.Exit(run(os.Stdout, *folder, cli.Text(args, "The little dog was very happy. The cat sat on the"), *out))
}

func run(w io.Writer, folder, text, out string) error {
	d, err := tiny.Open(folder)
	if err != nil {
		return err
	}
	if d.Trunk.Norm == nil {
		return fmt.Errorf("-model %s: the model has no norm before its head, which the logit lens needs", folder)
	}
	ids, err := d.Tokenizer.Encode(text)
	if err != nil {
		return err
	}
	const most = 64 // tokens: a picture has no room for more
	if len(ids) == 0 || len(ids) > most {
		return fmt.Errorf("the text has %d tokens; from 1 to %d can be drawn", len(ids), most)
	}
	choices, err := lens(d, ids)
	if err != nil {
		return err
	}
	v := newView(d, ids, choices)
	if err := v.print(w); err != nil {
		return err
	}
	final := len(ids) - 1
	fmt.Fprintf(w, "\nAfter %q the model chooses %q, and so does every layer from %q on.\n", text, v.texts[0][final], v.rows[v.settled(final)-1])
	if err := v.draw(out); err != nil {
		return err
	}
	fmt.Fprintln(w, "wrote", out)
	return nil
}

// lens returns the likeliest next token at each position: choices[0] by the embedding, choices[1+i] after layer i.
func lens(d *model.Decoder, ids []int) ([][]sample.Choice, error) {
	sampler, err := sample.New(sample.Config{Temperature: 1}) // the model's own probabilities
	if err != nil {
		return nil, err
	}
	choices := make([][]sample.Choice, 1+len(d.Blocks))
	look := func(row int) func(x tensor.Tensor) {
		return func(x tensor.Tensor) { // [T, Dim]
			normed := tensor.New(x.Rows(), d.Dim)
			d.Trunk.Norm.Forward(normed, x)
			logits := d.Logits(new(attention.Pass), normed) // [T, V]
			for i := range x.Rows() {
				var e error
				choices[row], e = sampler.TopN(choices[row], logits.Row(i), 1)
				err = errors.Join(err, e)
			}
		}
	}
	s := d.NewSession(model.SessionOptions{Observer: func(at attention.Point) func(x tensor.Tensor) {
		switch at.Stage {
		case arch.StageEmbeddings:
			return look(0)
		case block.StageBlock:
			return look(1 + at.Layer)
		}
		return nil
	}})
	return choices, errors.Join(s.Append(ids...), err)
}
