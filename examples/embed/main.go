// Embed compares the sentences of two files by their meaning. For each sentence of the first file it prints the
// nearest of the second, and it draws the similarity of all pairs.
//
//	go run ./examples/embed
//	go run ./examples/embed -model ~/models/all-MiniLM-L6-v2 -left questions.txt -right answers.txt -o similarity.png
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
)

//go:embed left.txt
var leftText string

//go:embed right.txt
var rightText string

func main() {
	folder := flag.String("model", "", "`DIR` with the checkpoint of an encoder, of sentence-transformers or plain; without it the tiny model of the repository runs")
	left := flag.String("left", "", "`FILE` with one sentence a line; without it sentences that come with the example")
	right := flag.String("right", "", "`FILE` with the sentences to search; without it others that come with the example")
	out := flag.String("o", "similarity.png", "picture to write, a PNG `FILE`")
	cli.Parse("", "Embed finds, for each sentence of the file -left, the sentence of the file -right that means nearly the same.")
	cli.Exit(run(os.Stdout, *folder, *left, *right, *out))
}

func run(w io.Writer, folder, left, right, out string) error {
	e, err := tiny.Task(folder, "embedder", task.NewEmbedder, task.OpenEmbedder)
	if err != nil {
		return err
	}
	a, err := sentences(left, leftText)
	if err != nil {
		return err
	}
	b, err := sentences(right, rightText)
	if err != nil {
		return err
	}
	va, err := e.Encode(a...)
	if err != nil {
		return err
	}
	vb, err := e.Encode(b...)
	if err != nil {
		return err
	}
	index := retrieval.NewIndex(e.Dim)
	index.Add(vb)
	for i, hits := range index.Search(va, 1) {
		fmt.Fprintf(w, "%.2f  %s\n      %s\n", hits[0].Score, a[i], b[hits[0].Row])
	}
	if err := draw(a, b, va, vb, out); err != nil {
		return err
	}
	fmt.Fprintln(w, "wrote", out)
	return nil
}

// sentences returns the lines of a file, or of the text if there is no file.
func sentences(file, text string) ([]string, error) {
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		text = string(data)
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s has no sentences; one a line is needed", file)
	}
	return lines, nil
}

// draw writes the cosines of all pairs.
func draw(a, b []string, va, vb tensor.Tensor, out string) error {
	const most = 200 // sentences: a picture has no room for more
	p := plot.Panel{}
	for i := range min(len(a), most) {
		row := make([]float32, min(len(b), most))
		for j := range row {
			row[j] = retrieval.Cosine(va.Row(i), vb.Row(j))
		}
		p.Values = append(p.Values, row)
	}
	return plot.HeatMap{
		Title: "Cosine similarity",
		Key:   "cosine; negative ones are drawn as 0",
		Rows:  a[:len(p.Values)], Cols: b[:len(p.Values[0])], PlainRows: true, PlainCols: true,
		Panels: []plot.Panel{p},
	}.WritePNG(out)
}
