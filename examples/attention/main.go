// Attention draws what each head of a decoder looks at: for every token of a sentence, how much it
// attends to the tokens before it. The maps of one layer, or of all, become a PNG with the tokens at
// its axes.
//
//	go run ./examples/attention
//	go run ./examples/attention -layer 2 -out attention.png
//	go run ./examples/attention -model ~/models/SmolLM2-135M-Instruct -text "The animal didn't cross the street because it was too tired."
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

func main() {
	folder := flag.String("model", "", "folder of a checkpoint; without it a tiny built-in model runs")
	text := flag.String("text", "The animal didn't cross the street because it was too tired.", "sentence to look at")
	layer := flag.Int("layer", -1, "layer to draw, counted from 0; −1 draws all")
	word := flag.String("word", "it", "word whose attention is printed")
	out := flag.String("out", "attention.png", "file to write")
	flag.Parse()
	if err := run(os.Stdout, *folder, *text, *word, *layer, *out); err != nil {
		fmt.Fprintln(os.Stderr, "attention:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, folder, text, word string, layer int, out string) error {
	d, err := tiny.Open(folder)
	if err != nil {
		return err
	}
	if layer >= len(d.Blocks) {
		return fmt.Errorf("-layer %d: the model has layers 0 to %d", layer, len(d.Blocks)-1)
	}
	ids, err := d.Tokenizer.Encode(text)
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
	describe(w, maps, labels, word)
	if err := draw(maps, labels, layer, out); err != nil {
		return err
	}
	fmt.Fprintln(w, "wrote", out)
	return nil
}

// observe runs the model once and returns the attention weights of each layer, [H, T, S].
func observe(d *model.Decoder, ids []int) ([]tensor.Tensor, error) {
	maps := make([]tensor.Tensor, len(d.Blocks))
	s := d.NewSession(model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != attention.StageWeights {
			return nil
		}
		return func(x tensor.Tensor) {
			maps[at.Layer] = tensor.From(append([]float32(nil), x.Data...), x.Shape[0], x.Shape[1], x.Shape[2])
		}
	}})
	const most = 200 // tokens: more have no room in a picture
	if len(ids) > most {
		return nil, fmt.Errorf("the text has %d tokens; at most %d can be drawn", len(ids), most)
	}
	return maps, s.Append(ids...)
}

// look is what one head attends to most.
type look struct {
	layer, head, token int
	weight             float32
}

// describe prints, for the last place where the word stands, the heads that attend most to one other
// token. The first token is left out, since heads with nothing to say rest on it, and so is the
// token just before.
func describe(w io.Writer, maps []tensor.Tensor, labels []string, word string) {
	at := -1
	for i, l := range labels {
		if strings.TrimSpace(l) == word {
			at = i
		}
	}
	if at < 3 {
		return
	}
	var looks []look
	for l, m := range maps {
		for h := range m.Shape[0] {
			row := m.Row(h*m.Shape[1] + at)
			best := 1
			for i := range row[:at-1] {
				if i > 0 && row[i] > row[best] {
					best = i
				}
			}
			looks = append(looks, look{l, h, best, row[best]})
		}
	}
	slices.SortStableFunc(looks, func(a, b look) int { return cmp.Compare(b.weight, a.weight) })
	fmt.Fprintf(w, "The heads in which %q attends most to one token:\n", word)
	for _, k := range looks[:min(5, len(looks))] {
		fmt.Fprintf(w, "  layer %d, head %d: %3.0f %% to %q\n", k.layer, k.head, 100*k.weight, labels[k.token])
	}
}

// draw writes the maps of one layer, or of all, as a picture with a panel for each head.
func draw(maps []tensor.Tensor, labels []string, layer int, out string) error {
	m := plot.HeatMap{Title: "Attention weights: each row is a token, its cells the tokens it attends to", Rows: labels, Cols: labels}
	for l, x := range maps {
		if layer >= 0 && l != layer {
			continue
		}
		m.Across = x.Shape[0]
		for h := range x.Shape[0] {
			p := plot.Panel{Title: fmt.Sprintf("layer %d, head %d", l, h)}
			for t := range x.Shape[1] {
				p.Values = append(p.Values, x.Row(h*x.Shape[1]+t))
			}
			m.Panels = append(m.Panels, p)
		}
	}
	m.Across = min(m.Across, 4)
	return m.WritePNG(out)
}
