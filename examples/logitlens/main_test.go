package main

import (
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/model"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	file := filepath.Join(t.TempDir(), "lens.png")
	if err := run(&out, "", "The cat sat on the", file); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"layer 3 ", "layer 0 ", "embedding ", "·mat ", "token read", "\nAfter \"The cat sat on the\" the model chooses \" mat\", and so does every layer from \"layer "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := png.DecodeConfig(f); err != nil || c.Width < 300 || c.Height < 150 {
		t.Errorf("picture %+v, %v", c, err)
	}
}

// After the last layer the lens shows what the model says, at every position.
func TestLens(t *testing.T) {
	d, err := tiny.Open("")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := d.Tokenizer.Encode("Once upon a time, there was a little")
	if err != nil {
		t.Fatal(err)
	}
	choices, err := lens(d, ids)
	if err != nil {
		t.Fatal(err)
	}
	if len(choices) != 1+len(d.Blocks) {
		t.Fatalf("%d rows for %d layers", len(choices), len(d.Blocks))
	}
	logits, err := d.NewSession(model.SessionOptions{}).Extend(ids...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ids {
		row, best, sum := logits.Row(i), 0, 0.0
		for id, v := range row {
			if v > row[best] {
				best = id
			}
		}
		for _, v := range row {
			sum += math.Exp(float64(v - row[best]))
		}
		got := choices[len(choices)-1][i]
		if got.ID != best || math.Abs(got.Prob-1/sum) > 1e-6 { // the sampler's softmax has the precision of float32
			t.Errorf("position %d: the lens says %d with %v, the model %d with %v", i, got.ID, got.Prob, best, 1/sum)
		}
		// The head is the embedding's table: what has only been embedded resembles itself.
		if got := choices[0][i].ID; got != ids[i] {
			t.Errorf("position %d: the embedding of %d says %d", i, ids[i], got)
		}
	}
}

// A column is settled from the layer on after which the final choice does not change any more.
func TestSettled(t *testing.T) {
	v := view{ids: [][]int{{7, 7, 7}, {7, 7, 2}, {3, 7, 7}, {7, 7, 7}}} // the last layer first
	for col, want := range []int{2, 4, 1} {
		if got := v.settled(col); got != want {
			t.Errorf("column %d is settled for %d rows, want %d", col, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lens.png")
	for _, c := range []struct{ folder, text, want string }{
		{"", strings.Repeat("The cat sat. ", 30), "from 1 to 64 can be drawn"},
		{"", "", "0 tokens"},
		{"/no/such/folder", "x", "/no/such/folder"},
	} {
		if err := run(new(strings.Builder), c.folder, c.text, file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a picture was written")
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{" cat": "·cat", "\n": `\n`, "\x1b[2J": `\x1b[2J`, `"`: `"`, "é": "é"} {
		if got := visible(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}
