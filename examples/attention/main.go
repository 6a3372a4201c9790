// Attention draws what each head of a decoder looks at: for every token of a sentence, how much it attends to the
// tokens before it. A PNG has one map for each head, with the tokens at its axes.
//
//	go run ./examples/attention
//	go run ./examples/attention -word cross -layer 2 -o attention.png
//	go run ./examples/attention -model ~/models/SmolLM2-135M-Instruct -word it "Anna put the book on the table because it was heavy."
package main

import (
	"cmp"
	"flag"
	"fmt"
	"image"
	"io"
	"os"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

type options struct {
	model, word, out string
	layer            int
}

const sentence = "The animal didn't cross the street because it was too tired."

func main() {
	var o options
	flag.StringVar(&o.model, "model", "", "`DIR` with the checkpoint of a decoder; without it the tiny model of the repository runs")
	flag.StringVar(&o.word, "word", "", "`WORD` whose attention is printed and framed in the picture; without it the last one")
	flag.IntVar(&o.layer, "layer", -1, "draw layer `N` only, counted from 0; -1 draws all")
	flag.StringVar(&o.out, "o", "attention.png", "picture to write, a PNG `FILE`")
	args := cli.Parse("[TEXT]", "Attention draws how much each token of TEXT attends to the tokens before it, one map for each head of the model.")
	if len(args) == 0 && o.word == "" {
		o.word = "it"
	}
	cli.Exit(run(os.Stdout, o, cli.Text(args, sentence)))
}

func run(w io.Writer, o options, text string) error {
	d, err := tiny.Open(o.model)
	if err != nil {
		return err
	}
	if o.layer >= len(d.Blocks) {
		return fmt.Errorf("-layer %d: the model has layers 0 to %d", o.layer, len(d.Blocks)-1)
	}
	ids, asked, err := findWord(d.Tokenizer, text, o.word)
	if err != nil {
		return err
	}
	maps, err := observe(d, ids)
	if err != nil {
		return err
	}
	labels := make([]string, len(ids))
	for i, id := range ids {
		labels[i] = tiny.Text(d, id)
	}
	looks := strongest(maps, asked)
	describe(w, looks, labels, asked)
	if n := heads(maps); o.layer < 0 && n > mostMaps && len(looks) > 0 {
		o.layer = looks[0].layer
		fmt.Fprintf(w, "The model has %d heads. The picture shows those of layer %d; choose another one with -layer.\n", n, o.layer)
	}
	if err := draw(maps, labels, asked, o); err != nil {
		return err
	}
	fmt.Fprintln(w, "wrote", o.out)
	return nil
}

// observe runs the model once and returns the attention weights of each layer, [H, T, S].
func observe(d *model.Decoder, ids []int) ([]tensor.Tensor, error) {
	const most = 200 // tokens: a picture has no room for more
	if len(ids) > most {
		return nil, fmt.Errorf("the text has %d tokens; at most %d can be drawn", len(ids), most)
	}
	maps := make([]tensor.Tensor, len(d.Blocks))
	s := d.NewSession(model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != attention.StageWeights {
			return nil
		}
		return func(x tensor.Tensor) {
			maps[at.Layer] = tensor.From(slices.Clone(x.Data), x.Shape[0], x.Shape[1], x.Shape[2])
		}
	}})
	return maps, s.Append(ids...)
}

func heads(maps []tensor.Tensor) int {
	n := 0
	for _, m := range maps {
		n += m.Shape[0]
	}
	return n
}

// look is what one head attends to most.
type look struct {
	layer, head, token int
	weight             float32
}

// strongest returns the token that each head attends to most from the last token of the word, the heads with the
// largest weight first. It leaves out the first token, on which heads rest that have nothing to say, and the token just
// before the word.
func strongest(maps []tensor.Tensor, asked word) []look {
	var looks []look
	for l, m := range maps {
		for h := range m.Shape[0] {
			row := m.Row(h*m.Shape[1] + asked.last)
			best := look{l, h, 0, -1}
			for i := 1; i < asked.first-1; i++ {
				if row[i] > best.weight {
					best.token, best.weight = i, row[i]
				}
			}
			if best.token > 0 {
				looks = append(looks, best)
			}
		}
	}
	slices.SortStableFunc(looks, func(a, b look) int { return cmp.Compare(b.weight, a.weight) })
	return looks
}

// describe prints the heads that attend most to one token.
func describe(w io.Writer, looks []look, labels []string, asked word) {
	if len(looks) == 0 {
		fmt.Fprintf(w, "%q is so near the beginning that it has nothing to look back at.\n", asked.text)
		return
	}
	fmt.Fprintf(w, "The heads in which %q attends most to one token:\n", asked.text)
	for _, k := range looks[:min(5, len(looks))] {
		fmt.Fprintf(w, "  layer %d, head %d: %3.0f %% to %q\n", k.layer, k.head, 100*k.weight, labels[k.token])
	}
}

// mostMaps is how many maps of all layers go into one picture.
const mostMaps = 64

// draw writes the maps of one layer, or of all, as a picture with a panel for each head.
func draw(maps []tensor.Tensor, labels []string, asked word, o options) error {
	m := plot.HeatMap{
		Title:   "Attention weights",
		Caption: fmt.Sprintf("Each row is a token, its cells are the tokens that it attends to. The frame is around %q.", asked.text),
		Key:     "attention weight",
		Rows:    labels, Cols: labels,
		Frames: []image.Rectangle{image.Rect(0, asked.first, len(labels), asked.last+1)},
	}
	for l, x := range maps {
		if o.layer >= 0 && l != o.layer {
			continue
		}
		m.Across = min(x.Shape[0], 4)
		for h := range x.Shape[0] {
			p := plot.Panel{Title: fmt.Sprintf("layer %d, head %d", l, h)}
			for t := range x.Shape[1] {
				p.Values = append(p.Values, x.Row(h*x.Shape[1]+t))
			}
			m.Panels = append(m.Panels, p)
		}
	}
	return m.WritePNG(o.out)
}
