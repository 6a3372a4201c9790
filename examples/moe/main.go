// Moe shows what a mixture of experts does: which experts each token of a text goes to, what each expert likes, and
// what that is worth beside a dense model that multiplies as much for a token.
//
// Without flags it runs two tiny models that are part of the program, a mixture of 8 experts of which a token uses 2,
// and its dense twin, whose feed-forward network is as wide as two experts. train.py trained both on the same tokens
// in the same order: little stories, and sentences with their French translation.
//
//	go run ./examples/moe
//	go run ./examples/moe -o routing.png "The queen sees a bird. ="
//	go run ./examples/moe -model ~/models/OLMoE-1B-7B -layer 5 -documents 10 "The capital of France is"
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
)

type flags struct {
	prompt, model, out string
	maxTokens, layer   int
	documents          int
}

func main() {
	var f flags
	flag.StringVar(&f.model, "model", "", "`DIR` with the checkpoint of a decoder with experts; without it the tiny model of the repository runs")
	flag.IntVar(&f.maxTokens, "max-tokens", 40, "generate at most `N` tokens")
	flag.IntVar(&f.layer, "layer", -1, "draw and print layer `N` only, counted from 0; -1 takes all")
	flag.IntVar(&f.documents, "documents", 180, "measure the first `N` of the 180 documents that are stored for it")
	flag.StringVar(&f.out, "o", "moe.png", "picture to write, a PNG `FILE`")
	args := cli.Parse("[TEXT]", "Moe continues TEXT with a mixture of experts, and draws which experts each token goes to.")
	f.prompt = cli.Text(args, "The king has two horses. =")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cli.Exit(run(ctx, os.Stdout, f))
}

func run(ctx context.Context, w io.Writer, f flags) error {
	d, err := open(f.model)
	if err != nil {
		return err
	}
	ids, err := write(ctx, w, d, f.prompt, f.maxTokens)
	if err != nil {
		return err
	}
	if len(ids) > mostDrawn {
		return fmt.Errorf("the text has %d tokens; at most %d can be drawn", len(ids), mostDrawn)
	}
	text, err := route(d, [][]int{ids})
	if err != nil {
		return err
	}
	shown, err := choose(text.Layers(), f.layer)
	if err != nil {
		return err
	}
	unseen, err := heldOut(d, f.documents)
	if err != nil {
		return err
	}
	all, err := compare(w, d, unseen)
	if err != nil {
		return err
	}
	habits := make([]layer, len(shown))
	for i, n := range shown {
		habits[i] = observe(d, n, all.Routing(n), unseen)
		habits[i].print(w)
	}
	if err := draw(d, ids, text, habits, f.out); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nwrote", f.out)
	return nil
}

// write prints the prompt and its likeliest continuation. It returns the tokens of both.
func write(ctx context.Context, w io.Writer, d *network, prompt string, most int) ([]int, error) {
	s := d.NewSession(model.SessionOptions{})
	fmt.Fprint(w, prompt)
	for piece, err := range s.GenerateText(ctx, prompt, sample.Greedy(), model.GenerateOptions{MaxTokens: most}) {
		if err != nil {
			fmt.Fprintln(w)
			return nil, err
		}
		fmt.Fprint(w, piece)
	}
	fmt.Fprint(w, "\n\n")
	return s.IDs(), nil
}

// mostLayers is how many layers are shown if none is asked for.
const mostLayers = 6

// choose returns the layers to show: the one asked for, or all if asked is negative and there are not too many.
func choose(layers []int, asked int) ([]int, error) {
	if len(layers) == 0 {
		return nil, fmt.Errorf("the model has no experts; this program shows those of Mixtral, OLMoE and their like")
	}
	if asked < 0 {
		return layers[:min(len(layers), mostLayers)], nil
	}
	for _, n := range layers {
		if n == asked {
			return []int{n}, nil
		}
	}
	return nil, fmt.Errorf("-layer %d: layers %d to %d have experts", asked, layers[0], layers[len(layers)-1])
}
