// Caption says in words what a picture shows, and draws where it looked for each word.
//
// Without flags it draws four pictures, with a cat, a dog, a car or a building, and runs a tiny BLIP that is part of the
// program. It was trained on drawings of other seeds:
//
//	go run ./examples/caption
//	go run ./examples/caption -seed 24 -n 1 -prompt "a picture of" -beams 3
//
// With -model it runs a checkpoint of BLIP, BLIP-2 or InstructBLIP on your own photos. A prompt begins the caption, or
// asks a question:
//
//	go run ./examples/caption -model ~/models/blip-image-captioning-base photo.jpg
//	go run ./examples/caption -model ~/models/blip-vqa-base -prompt "how many cats are there?" photo.jpg
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/pictures"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/tensor"
)

type options struct {
	model, prompt, out string
	seed               uint64
	n, beams           int
}

func main() {
	var o options
	flag.StringVar(&o.model, "model", "", "`DIR` with the checkpoint of a BLIP, BLIP-2 or InstructBLIP; without it the tiny model of the repository runs")
	flag.StringVar(&o.prompt, "prompt", "", "`TEXT` with which the caption begins, or a question")
	flag.IntVar(&o.beams, "beams", 1, "search with `N` beams")
	flag.Uint64Var(&o.seed, "seed", 0, "without PICTURE, draw pictures from `SEED` on")
	flag.IntVar(&o.n, "n", 4, "how many pictures to draw")
	flag.StringVar(&o.out, "o", "caption.png", "picture to write, a PNG `FILE`, of where the model looked for each word of the first caption; empty writes none")
	files := cli.Parse("[PICTURE ...]", "Caption says in words what each PICTURE shows.")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cli.Exit(run(ctx, os.Stdout, o, files))
}

func run(ctx context.Context, w io.Writer, o options, files []string) error {
	c, err := tiny.Captioner(o.model)
	if err != nil {
		return err
	}
	c.Prompt, c.Beams.NumBeams = o.prompt, o.beams
	shown, err := pictures.Load(files, o.seed, o.n)
	if err != nil {
		return err
	}
	written, err := c.CaptionAll(ctx, pictures.Images(shown))
	if err != nil {
		return err
	}
	for i, picture := range shown {
		fmt.Fprintf(w, "%s: %s\n", picture.Name, written[i][0].Text)
	}
	if o.out == "" || len(shown) == 0 {
		return nil
	}
	drawn, err := look(c, shown[0], written[0][0], o.out)
	if err != nil {
		return err
	}
	if !drawn {
		fmt.Fprintln(w, "no picture: the model's words do not attend to patches")
		return nil
	}
	fmt.Fprintln(w, "wrote", o.out)
	return nil
}

// look draws the patches that the decoder attended to when it was to write each word: the mean of all heads of its
// layers. A decoder that gets a picture as words, or answers what another part has read, does not attend to patches.
func look(c *task.Captioner, picture pictures.Picture, written task.Output, out string) (bool, error) {
	seen, err := pictures.Watch(c.Model.Image, c.Processor, picture.Image)
	if err != nil || c.Model.Reader != nil {
		return false, err
	}
	weights, err := crossWeights(c, picture, written.IDs)
	if err != nil || len(weights) == 0 {
		return false, err
	}
	sheet := plot.Sheet{
		Title:   strings.TrimSpace(c.Prompt + " " + written.Text),
		Caption: "Light falls on the patches that the decoder attended to before it wrote each word: the mean of all heads.",
		Tiles:   []plot.Tile{{Title: picture.Name, Picture: seen.Picture}},
	}
	for i, id := range written.IDs {
		word, err := c.Model.Tokenizer.Decode([]int{id}, true)
		if err != nil {
			return false, err
		}
		if word = strings.TrimSpace(word); word == "" {
			continue // the end
		}
		sheet.Tiles = append(sheet.Tiles, seen.Tile(word, weights[i]))
	}
	return true, sheet.WritePNG(out)
}

// crossWeights returns, for each token that was written, the attention to the rows of the picture with which it was
// chosen.
func crossWeights(c *task.Captioner, picture pictures.Picture, ids []int) ([][]float32, error) {
	px, err := c.Processor.Process(nil, picture.Image)
	if err != nil {
		return nil, err
	}
	look, err := c.Model.Look(tensor.From(px.Data, px.Channels, px.Height, px.Width))
	if err != nil {
		return nil, err
	}
	var q model.Question
	if c.Prompt != "" {
		if q, err = c.Model.Question(c.Prompt); err != nil {
			return nil, err
		}
	}
	var maps [][]float32 // of the last token read, in each layer
	s, err := c.Model.NewSession(look[0], q, model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != attention.StageCrossWeights {
			return nil
		}
		return func(x tensor.Tensor) { maps = append(maps, pictures.Mean(x, x.Shape[1]-1)) }
	}})
	if err != nil {
		return nil, err
	}
	next := []int{} // the prompt is in the session, and waits to be computed
	if s.Len() == 0 {
		next = []int{*c.Model.Writer.Generation.Start}
	}
	var weights [][]float32
	for _, id := range ids {
		if err := s.Append(next...); err != nil {
			return nil, err
		}
		if len(maps) == 0 {
			return nil, nil
		}
		weights, maps, next = append(weights, mean(maps)), nil, []int{id}
	}
	return weights, nil
}

func mean(maps [][]float32) []float32 {
	out := make([]float32, len(maps[0]))
	for _, m := range maps {
		for i, v := range m {
			out[i] += v / float32(len(maps))
		}
	}
	return out
}
