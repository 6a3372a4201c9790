// Ner finds the names of people, places and organisations in a text.
//
//	go run ./examples/ner
//	go run ./examples/ner -model ~/models/bert-base-NER "Angela Merkel was born in Hamburg."
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
	folder := flag.String("model", "", "`DIR` with the checkpoint of a token classifier; without it the tiny model of the repository runs")
	args := cli.Parse("[TEXT]", "Ner finds the names of people, places and organisations in TEXT, and says at which bytes they stand.")
	cli.Exit(run(os.Stdout, *folder, cli.Text(args, "Anna Smith works at Acme in Paris.")))
}

func run(w io.Writer, folder, text string) error {
	t, err := tiny.Task(folder, "tagger", task.NewTagger, task.OpenTagger)
	if err != nil {
		return err
	}
	found, err := t.Tag(text)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, text)
	for _, e := range found[0] {
		fmt.Fprintf(w, "  %-6s %5.1f %%  bytes %d to %d  %s\n", e.Label, 100*e.Score, e.Start, e.End, e.Text)
	}
	if len(found[0]) == 0 {
		fmt.Fprintln(w, "  no names found")
	}
	return nil
}
