// Ner finds the names in a text: of people, places and organisations.
//
//	go run ./examples/ner
//	go run ./examples/ner -model ~/models/bert-base-NER -text "Angela Merkel was born in Hamburg."
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
	folder := flag.String("model", "", "folder of a token classifier; without it a tiny built-in one runs")
	text := flag.String("text", "Anna Smith works at Acme in Paris.", "text to look through")
	flag.Parse()
	if err := run(os.Stdout, *folder, *text); err != nil {
		fmt.Fprintln(os.Stderr, "ner:", err)
		os.Exit(1)
	}
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
