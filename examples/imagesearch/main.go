// Imagesearch finds the pictures of a folder that show what a text says, or that are like another picture. It keeps an
// index of the folder in a file: at the next search only new and changed pictures are computed.
//
// Without flags it draws 60 pictures of cats, dogs, cars and buildings, and runs a tiny CLIP that is part of the program:
//
//	go run ./examples/imagesearch
//	go run ./examples/imagesearch "a blue car on a road"
//
// With -model it runs a checkpoint of CLIP, OpenCLIP or SigLIP on your own photos:
//
//	go run ./examples/imagesearch -model ~/models/clip-vit-base-patch32 -folder ~/photos -index photos.index "a child with a kite"
//	go run ./examples/imagesearch -model ~/models/clip-vit-base-patch32 -folder ~/photos -index photos.index -like photo.jpg
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/pictures"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/examples/internal/scene"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/vision"
)

type options struct {
	model, folder, index, like, out string
	query                           string
	most                            int
}

func main() {
	var o options
	flag.StringVar(&o.model, "model", "", "`DIR` with the checkpoint of a CLIP, OpenCLIP or SigLIP; without it the tiny model of the repository runs")
	flag.StringVar(&o.folder, "folder", "", "`DIR` with pictures, also in folders below it; without it the program draws some")
	flag.StringVar(&o.index, "index", "", "`FILE` that keeps the index between searches; it is made at the first; without it each search computes all pictures")
	flag.StringVar(&o.like, "like", "", "a picture `FILE`: find those like it")
	flag.IntVar(&o.most, "k", 5, "show the best `K` pictures")
	flag.StringVar(&o.out, "o", "found.png", "picture to write, a PNG `FILE`, of what was found; empty writes none")
	args := cli.Parse("[TEXT]", "Imagesearch finds the pictures of a folder that show what TEXT says.")
	o.query = cli.Text(args, "a dog on a road")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cli.Exit(run(ctx, os.Stdout, o))
}

// drawings is the number of pictures to draw where no folder is given.
const drawings = 60

func run(ctx context.Context, w io.Writer, o options) (err error) {
	e, err := tiny.ImageEmbedder(o.model)
	if err != nil {
		return err
	}
	e.Decode.Orient = true
	if o.folder == "" {
		dir, err := os.MkdirTemp("", "drawings")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := draw(dir, drawings); err != nil {
			return err
		}
		o.folder = dir
	}
	fsys := os.DirFS(o.folder)
	x, err := open(e, o.index)
	if err != nil {
		return err
	}
	if err := update(ctx, w, x, fsys, o.index); err != nil {
		return err
	}
	found, asked, err := search(x, o)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, asked)
	for _, m := range found {
		fmt.Fprintf(w, "  %.2f  %s\n", m.Score, m.Name)
	}
	if o.out == "" || len(found) == 0 {
		return nil
	}
	if err := show(fsys, asked, found, e.Decode, o.out); err != nil {
		return err
	}
	fmt.Fprintln(w, "wrote", o.out)
	return nil
}

// draw writes drawings into a folder. The name of each is its seed: it does not say what is shown.
func draw(dir string, n int) error {
	for seed := range n {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("drawing %02d.png", seed)))
		if err != nil {
			return err
		}
		err = png.Encode(f, scene.New(uint64(seed)).Draw())
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// open returns the index in a file, or an empty one if there is no such file.
func open(e *task.ImageEmbedder, file string) (*task.ImageIndex, error) {
	if file == "" {
		return e.NewIndex(), nil
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return e.NewIndex(), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	x, err := e.ReadIndex(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return x, nil
}

// update brings the index up to date and writes it, also if the update is broken off.
func update(ctx context.Context, w io.Writer, x *task.ImageIndex, fsys fs.FS, file string) error {
	u, err := x.Update(ctx, fsys)
	for _, failed := range u.Failed {
		fmt.Fprintln(w, "left out:", failed)
	}
	fmt.Fprintf(w, "%d pictures: %d new, %d changed, %d as they were, %d gone\n", x.Catalogue.Len(), u.Added, u.Changed, u.Kept, u.Removed)
	if file == "" || u.Added+u.Changed+u.Removed == 0 {
		return err
	}
	return errors.Join(err, write(x, file))
}

// write replaces the file of an index. A program that is ended meanwhile leaves the old one.
func write(x *task.ImageIndex, file string) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".index")
	if err != nil {
		return err
	}
	_, err = x.WriteTo(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), file)
}

func search(x *task.ImageIndex, o options) (found []retrieval.Match, asked string, err error) {
	if o.like == "" {
		found, err = x.Text(o.query, o.most)
		return found, o.query, err
	}
	p, err := pictures.Load([]string{o.like}, 0, 0)
	if err != nil {
		return nil, "", err
	}
	found, err = x.Image(p[0].Image, o.most)
	return found, "like " + o.like, err
}

// show draws what was found.
func show(fsys fs.FS, asked string, found []retrieval.Match, decode vision.DecodeOptions, out string) error {
	sheet := plot.Sheet{Title: asked, Caption: "The nearest pictures, with the cosine of their vectors and that of what was asked."}
	for _, m := range found {
		p, err := vision.DecodeFile(fsys, m.Name, decode)
		if err != nil {
			return err
		}
		sheet.Tiles = append(sheet.Tiles, plot.Tile{Title: fmt.Sprintf("%.2f  %s", m.Score, m.Name), Picture: p.ToImage()})
	}
	return sheet.WritePNG(out)
}
