package main

import (
	"fmt"
	"image"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/seed2010d43f/transformer/examples/internal/plot"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
)

// view is what the lens has seen, the last layer in row 0.
type view struct {
	rows  []string // names
	cols  []string // tokens read
	ids   [][]int
	texts [][]string
	probs [][]float32
}

func newView(d *model.Decoder, ids []int, choices [][]sample.Choice) *view {
	v := &view{}
	for _, id := range ids {
		v.cols = append(v.cols, tiny.Text(d, id))
	}
	for i := len(choices) - 1; i >= 0; i-- {
		name := "embedding"
		if i > 0 {
			name = fmt.Sprintf("layer %d", i-1)
		}
		chosen, texts, probs := make([]int, len(ids)), make([]string, len(ids)), make([]float32, len(ids))
		for j, c := range choices[i] {
			chosen[j], texts[j], probs[j] = c.ID, tiny.Text(d, c.ID), float32(c.Prob)
		}
		v.rows, v.ids = append(v.rows, name), append(v.ids, chosen)
		v.texts, v.probs = append(v.texts, texts), append(v.probs, probs)
	}
	return v
}

// settled returns how many of the last rows have the token of the last layer in a column.
func (v *view) settled(col int) int {
	n := 1
	for n < len(v.ids) && v.ids[n][col] == v.ids[0][col] {
		n++
	}
	return n
}

// print writes a table.
func (v *view) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, name := range v.rows {
		fmt.Fprint(t, name)
		for j, text := range v.texts[i] {
			fmt.Fprintf(t, "\t%s %.0f%%", visible(text), 100*v.probs[i][j])
		}
		fmt.Fprintln(t)
	}
	fmt.Fprint(t, "token read")
	for _, text := range v.cols {
		fmt.Fprintf(t, "\t%s", visible(text))
	}
	fmt.Fprintln(t)
	return t.Flush()
}

// visible shows spaces as dots, and keeps control characters out of the table.
func visible(token string) string {
	q := fmt.Sprintf("%q", strings.ReplaceAll(token, " ", "·"))
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// draw writes a picture.
func (v *view) draw(out string) error {
	m := plot.HeatMap{
		Title: "Logit lens",
		Caption: "Each column is a token that the model has read. Each row is the stream after a layer, the last layer on top.\n" +
			"A cell has the next token that the model would choose there. Framed: its final choice, from where it stays the same.",
		Key:  "probability of the token",
		Rows: v.rows, Cols: v.cols, PlainRows: true,
		Panels: []plot.Panel{{Values: v.probs, Texts: v.texts}},
	}
	for col := range v.cols {
		m.Frames = append(m.Frames, image.Rect(col, 0, col+1, v.settled(col)))
	}
	return m.WritePNG(out)
}
