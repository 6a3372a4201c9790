// Fillmask finds the words that fit in the place of [MASK], with their probabilities.
//
//	go run ./examples/fillmask
//	go run ./examples/fillmask -text "Anna works at [MASK] in Paris."
//	go run ./examples/fillmask -model ~/models/bert-base-uncased -text "The capital of France is [MASK]."
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model/task"
)

func main() {
	folder := flag.String("model", "", "folder of a masked language model; without it a tiny built-in one runs")
	text := flag.String("text", "The [MASK] sat on the mat", "text with one mask token or several")
	n := flag.Int("n", 5, "words to show for each")
	flag.Parse()
	if err := run(os.Stdout, *folder, *text, *n); err != nil {
		fmt.Fprintln(os.Stderr, "fillmask:", err)
		os.Exit(1)
	}
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
