// Fillmask finds the words that fit in the place of [MASK], with their probabilities.
//
//	go run ./examples/fillmask
//	go run ./examples/fillmask -n 3 "Anna works at [MASK] in Paris."
//	go run ./examples/fillmask -model ~/models/bert-base-uncased "The capital of France is [MASK]."
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model/task"
)

func main() {
	folder := flag.String("model", "", "`DIR` with the checkpoint of a masked language model; without it the tiny model of the repository runs")
	n := flag.Int("n", 5, "show the `N` likeliest words for each mask")
	args := cli.Parse("[TEXT]", "Fillmask finds the words that fit in the place of each mask token of TEXT, which most models write [MASK] or <mask>.")
	cli.Exit(run(os.Stdout, *folder, cli.Text(args, "The [MASK] sat on the mat"), *n))
}

func run(w io.Writer, folder, text string, n int) error {
	f, err := tiny.Task(folder, "encoder", task.NewFillMask, task.OpenFillMask)
	if err != nil {
		return err
	}
	masks, err := f.Fill(text, n)
	if err != nil {
		return err
	}
	for _, m := range masks {
		for _, fill := range m.Fills {
			fmt.Fprintf(w, "%5.1f %%  %-12s %s\n", 100*fill.Score, fill.Word, fill.Text)
		}
		fmt.Fprintln(w)
	}
	return nil
}
