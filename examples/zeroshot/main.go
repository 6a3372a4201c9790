// Zeroshot says what a picture shows, among labels that you choose: none of them was a class of the training.
//
// Without flags it draws four pictures, with a cat, a dog, a car or a building, and runs a tiny CLIP that is part of the
// program. It was trained on drawings of other seeds:
//
//	go run ./examples/zeroshot
//	go run ./examples/zeroshot -seed 24 -n 1 -labels "cat on a mat,cat on a road,dog on a mat,dog on a road"
//
// With -model it runs a checkpoint of CLIP, OpenCLIP or SigLIP on your own photos:
//
//	go run ./examples/zeroshot -model ~/models/clip-vit-base-patch32 -labels "cat,dog,sofa" photo.jpg
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/pictures"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model/task"
)

type options struct {
	model, labels, template, out string
	seed                         uint64
	n                            int
}

func main() {
	var o options
	flag.StringVar(&o.model, "model", "", "`DIR` with the checkpoint of a CLIP, OpenCLIP or SigLIP; without it the tiny model of the repository runs")
	flag.StringVar(&o.labels, "labels", "cat,dog,car,building", "the labels to choose from, with commas between them")
	flag.StringVar(&o.template, "template", "a photo of a {}", "the text of a label, which stands for {}; several, with | between them, are averaged")
	flag.Uint64Var(&o.seed, "seed", 0, "without PICTURE, draw pictures from `SEED` on")
	flag.IntVar(&o.n, "n", 4, "how many pictures to draw")
	flag.StringVar(&o.out, "o", "zeroshot.png", "picture to write, a PNG `FILE`, of what the model looked at in the first one; empty writes none")
	files := cli.Parse("[PICTURE ...]", "Zeroshot says which of some labels fits each PICTURE best.")
	cli.Exit(run(os.Stdout, o, files))
}

func run(w io.Writer, o options, files []string) error {
	z, err := tiny.ZeroShotImages(o.model)
	if err != nil {
		return err
	}
	z.Templates = strings.Split(o.template, "|")
	labels, err := z.Labels(strings.Split(o.labels, ",")...)
	if err != nil {
		return err
	}
	shown, err := pictures.Load(files, o.seed, o.n)
	if err != nil {
		return err
	}
	found, err := labels.Classify(pictures.Images(shown)...)
	if err != nil {
		return err
	}
	for i, picture := range shown {
		fmt.Fprintln(w, picture.Name)
		for _, l := range found[i] {
			fmt.Fprintf(w, "  %s: %.1f %%\n", strings.ReplaceAll(z.Templates[0], "{}", l.Name), 100*l.Score)
		}
	}
	if o.out == "" || len(shown) == 0 {
		return nil
	}
	if err := look(z, shown[0], o.out); err != nil {
		return err
	}
	fmt.Fprintln(w, "wrote", o.out)
	return nil
}

// mostLayers is the number of layers that a picture shows: the last ones, which say most.
const mostLayers = 6

// look draws which patches the model looked at.
func look(z *task.ZeroShotImages, picture pictures.Picture, out string) error {
	seen, err := pictures.Watch(z.Model.Image, z.Processor, picture.Image)
	if err != nil {
		return err
	}
	return sheet(seen, picture.Name).WritePNG(out)
}

// sheet shows where a class token looked in each layer, or what the pooling head of a model without one reads, and what
// of the picture arrives through all layers. Where all patches count alike in the end, that is all there is to show.
func sheet(seen *pictures.Watched, name string) plot.Sheet {
	s := plot.Sheet{
		Title: "What the model looked at",
		Tiles: []plot.Tile{{Title: name, Picture: seen.Picture}},
	}
	switch {
	case seen.HasClass():
		s.Caption = "Light falls on the patches that the class token attended to, the mean of a layer's heads; rollout follows attention through all layers."
		for l := max(0, len(seen.Layers)-mostLayers); l < len(seen.Layers); l++ {
			s.Tiles = append(s.Tiles, seen.Tile(fmt.Sprintf("layer %d", l), seen.Class(l)))
		}
	case seen.Head.Data != nil:
		s.Caption = "Light falls on the patches that the pooling head attended to, the mean of its heads; rollout follows them back through all layers."
		s.Tiles = append(s.Tiles, seen.Tile("pooling head", seen.Output()))
	default:
		s.Caption = "The model has no class token and takes the mean of all patches; rollout follows attention through all layers."
	}
	s.Tiles = append(s.Tiles, seen.Tile("rollout", seen.Rollout()))
	return s
}
