// Classify tells the labels of texts, by default whether they are positive, negative or neutral.
//
//	go run ./examples/classify
//	go run ./examples/classify "The soup was cold." "The staff were kind."
//	go run ./examples/classify -model ~/models/distilbert-sst2 "What a film!"
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
	folder := flag.String("model", "", "folder of a sequence classifier; without it a tiny built-in one runs")
	flag.Parse()
	texts := flag.Args()
	if len(texts) == 0 {
		texts = []string{"The soup was wonderful and the staff were kind.", "The film was boring.", "The shop closes at six."}
	}
	if err := run(os.Stdout, *folder, texts); err != nil {
		fmt.Fprintln(os.Stderr, "classify:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, folder string, texts []string) error {
	c, err := tiny.Task(folder, "classifier", task.NewClassifier, task.OpenClassifier)
	if err != nil {
		return err
	}
	labels, err := c.Classify(texts...)
	if err != nil {
		return err
	}
	for i, text := range texts {
		fmt.Fprintln(w, text)
		for _, l := range labels[i] {
			fmt.Fprintf(w, "  %5.1f %%  %s\n", 100*l.Score, l.Name)
		}
	}
	return nil
}
