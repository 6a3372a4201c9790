package tiny

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/sample"
)

// The tiny encoder and its heads compute what the reference computed from the same weights. Logits are
// up to 15 in size, and those of the reference move by 2e-5 with its vector units.
func TestEncoder(t *testing.T) {
	type text struct {
		Text string
		IDs  []int
	}
	var want struct {
		Fill []struct {
			text
			TopIDs    []int     `json:"top_ids"`
			TopLogits []float64 `json:"top_logits"`
		}
		Tag []struct {
			text
			Logits [][]float64
		}
		Classify []struct {
			text
			Logits []float64
		}
		Embed []struct {
			text
			Embedding []float64
		}
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/encoder.json.gz"), &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Fill) == 0 || len(want.Tag) == 0 || len(want.Classify) == 0 || len(want.Embed) == 0 {
		t.Fatal("a head has no cases")
	}
	open := func(head string) *model.Encoder {
		e, err := Encoder(head)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	read := func(e *model.Encoder, c text) []arch.Sequence {
		ids, err := e.Tokenizer.Encode(c.Text)
		if err != nil || !slices.Equal(ids, c.IDs) {
			t.Fatalf("%q is %v, want %v (%v)", c.Text, ids, c.IDs, err)
		}
		return []arch.Sequence{{IDs: ids}}
	}
	near := func(what string, got []float32, want []float64, tolerance float64) {
		t.Helper()
		for i := range want {
			if math.Abs(float64(got[i])-want[i]) > tolerance {
				t.Errorf("%s: value %d is %v, want %v", what, i, got[i], want[i])
				return
			}
		}
	}

	fill := open("encoder")
	for _, c := range want.Fill {
		x, err := fill.TokenScores(read(fill, c.text))
		if err != nil {
			t.Fatal(err)
		}
		row := x[0].Row(slices.Index(c.IDs, fill.Tokenizer.Special().Mask))
		top, err := new(sample.Sampler).TopN(nil, row, 1)
		if err != nil || top[0].ID != c.TopIDs[0] {
			t.Errorf("%q: %v comes first, want %d (%v)", c.Text, top, c.TopIDs[0], err)
		}
		for i, id := range c.TopIDs {
			near(c.Text, row[id:id+1], c.TopLogits[i:i+1], 1e-4)
		}
	}
	tagger := open("tagger")
	for _, c := range want.Tag {
		x, err := tagger.TokenScores(read(tagger, c.text))
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range c.Logits {
			near(c.Text, x[0].Row(i), row, 2e-4)
		}
	}
	classifier := open("classifier")
	for _, c := range want.Classify {
		x, err := classifier.SequenceScores(read(classifier, c.text))
		if err != nil {
			t.Fatal(err)
		}
		near(c.Text, x.Row(0), c.Logits, 1e-4)
	}
	embedder, err := task.NewEmbedder(open("embedder"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range want.Embed {
		x, err := embedder.Encode(c.Text)
		if err != nil {
			t.Fatal(err)
		}
		near(c.Text, x.Row(0), c.Embedding, 1e-5)
	}
}
