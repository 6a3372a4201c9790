// Classify gives each text the probabilities of the labels of a classifier. Those of the tiny model are positive,
// negative and neutral.
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

	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model/task"
)

func main() {
	folder := flag.String("model", "", "`DIR` with the checkpoint of a sequence classifier; without it the tiny model of the repository runs")
	texts := cli.Parse("[TEXT ...]", "Classify says of each TEXT how likely each label is: positive, negative or neutral, or the labels of another classifier.")
	if len(texts) == 0 {
		texts = []string{"The soup was wonderful and the staff were kind.", "The film was boring.", "The shop closes at six."}
	}
	cli.Exit(run(os.Stdout, *folder, texts))
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
