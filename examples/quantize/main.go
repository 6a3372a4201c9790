// Quantize keeps a decoder in few bits, and says what that costs: its size, the error of its weights, how well it
// foretells a text and how fast it writes, before and after.
//
// Without flags it takes a tiny model that is part of the program. It needs no files and no network:
//
//	go run ./examples/quantize
//	go run ./examples/quantize -to Q8_0 -v
//
// With -model it takes a checkpoint of any supported family, in a folder as Hugging Face publishes it, or a GGUF file:
//
//	go run ./examples/quantize -model ~/models/SmolLM2-135M-Instruct -to Q4_K_M -text story.txt
//
// With -o it writes what it made: a file NAME.gguf, which llama.cpp opens, of a folder or of another such file; or, of a
// folder, a folder in the form of compressed-tensors, for Q8_0 and Q4_0, which vLLM opens too. The figures are then those of
// what was written.
//
//	go run ./examples/quantize -model ~/models/SmolLM2-135M-Instruct -to Q4_K_M -o SmolLM2-135M-Instruct-Q4_K_M.gguf
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

type flags struct {
	model, to, text, out string
	windows              int
	verbose              bool
}

func main() {
	var f flags
	flag.StringVar(&f.model, "model", "", "folder with the checkpoint of a decoder, or a GGUF file; without it the tiny model of the repository is taken")
	flag.StringVar(&f.to, "to", "Q4_K_M", "the mix of types: "+strings.Join(quantize.Names(), ", ")+"; or F32, F16, BF16")
	flag.StringVar(&f.text, "text", "", "`FILE` with a text that both models foretell; without it a little story")
	flag.IntVar(&f.windows, "windows", 8, "foretell at most `N` windows of the text, of 512 tokens each")
	flag.StringVar(&f.out, "o", "", "write the model to this `PATH`, which must not exist")
	flag.BoolVar(&f.verbose, "v", false, "show every tensor that is converted, not only those with the largest errors")
	cli.Parse("", "Quantize keeps a decoder in few bits, and says what that costs.")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cli.Exit(run(ctx, os.Stdout, f))
}

func run(ctx context.Context, out io.Writer, f flags) error {
	choose, err := byName(f.to)
	if err != nil {
		return err
	}
	t, err := readText(f)
	if err != nil {
		return err
	}
	before, size, err := open(f.model, model.Options{})
	if err != nil {
		return err
	}
	t.bytes = size
	if err := t.measure(ctx, before); err != nil {
		return err
	}
	old := t.figures
	before = nil // its memory can go
	var r report
	after, size, err := quantised(f, choose, &r)
	if err != nil {
		return err
	}
	r.show(out, f.verbose)
	t.bytes = size
	if err := t.measure(ctx, after); err != nil {
		return err
	}
	show(out, f.to, old, t.figures)
	if f.out != "" {
		fmt.Fprintf(out, "\nwritten to %s\n", f.out)
	}
	return nil
}

// wide are types that are no mix: all matrices have them.
var wide = map[string]tensor.DType{"F32": tensor.F32, "F16": tensor.F16, "BF16": tensor.BF16}

// byName returns the choice of types with a name.
func byName(name string) (func(nn.Matrix) tensor.DType, error) {
	if dt, ok := wide[name]; ok {
		return nn.As(dt), nil
	}
	return quantize.ByName(name)
}

// quantised returns the model in few bits, and the bytes of its weights: of what was written, if that is asked for, or
// of what it becomes when it is opened.
func quantised(f flags, choose func(nn.Matrix) tensor.DType, r *report) (*model.Decoder, int64, error) {
	write := writeFolder
	switch {
	case f.out == "":
		d, size, err := open(f.model, model.Options{Convert: choose, Converted: r.add})
		for _, t := range r.tensors {
			size -= int64(t.DType.Bytes(t.In)-t.kept.Bytes(t.In)) * int64(t.Rows)
		}
		return d, size, err
	case f.model == "":
		return nil, 0, errors.New("-o needs -model: the tiny model is not written")
	case isGGUF(f.model) && !isGGUF(f.out):
		return nil, 0, fmt.Errorf("-o %s: a GGUF file is written as one, NAME.gguf", f.out)
	case isGGUF(f.out):
		write = writeGGUF
	}
	if err := write(f.model, f.out, f.to, choose, r); err != nil {
		return nil, 0, err
	}
	d, _, err := open(f.out, model.Options{KeepBits: true})
	if err != nil {
		return nil, 0, err
	}
	weights := f.out
	if !isGGUF(f.out) {
		weights = filepath.Join(f.out, "model.safetensors")
	}
	info, err := os.Stat(weights)
	if err != nil {
		return nil, 0, err
	}
	return d, info.Size(), nil
}

func isGGUF(name string) bool { return filepath.Ext(name) == ".gguf" }

// open opens a folder, a GGUF file, or the tiny model, and returns the bytes of its weights as they are stored.
func open(name string, opt model.Options) (d *model.Decoder, size int64, err error) {
	opt.Progress = func(_, total int64) { size = total }
	d, err = tiny.Decoder(name, opt)
	return d, size, err
}
