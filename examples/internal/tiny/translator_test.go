package tiny

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor"
)

// translations is what the reference computes from the tiny translator's weights.
type translations struct {
	Tokenize []struct {
		Text, Decoded string
		IDs           []int
	}
	Translate []struct {
		Source, Text string
		IDs, Greedy  []int
		Steps        []struct {
			TopIDs    []int     `json:"top_ids"`
			TopLogits []float64 `json:"top_logits"`
		}
		Beams []struct {
			IDs   []int
			Score float64
			Text  string
		}
	}
	Attention struct {
		SourceIDs []int `json:"source_ids"`
		TargetIDs []int `json:"target_ids"`
		Layer     int
		Head      int
		Weights   [][][]float64 // [H][T][S]
	}
}

// The tiny translator computes what the reference computed from the same weights: ids, logits, greedy texts,
// beams with their scores, attention.
func TestTranslator(t *testing.T) {
	var want translations
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/translator.json.gz"), &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Tokenize) == 0 || len(want.Translate) == 0 || len(want.Attention.Weights) == 0 {
		t.Fatal("no cases")
	}
	w, err := Translator("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range want.Tokenize {
		ids, err := w.Model.Encoder.Tokenizer.Encode(c.Text)
		if err != nil || !slices.Equal(ids, c.IDs) {
			t.Errorf("%q is %v, want %v (%v)", c.Text, ids, c.IDs, err)
		}
		if text, err := w.Model.Decoder.Tokenizer.Decode(c.IDs, true); err != nil || text != c.Decoded {
			t.Errorf("%v is %q, want %q (%v)", c.IDs, text, c.Decoded, err)
		}
	}
	ctx := context.Background()
	for _, c := range want.Translate {
		ids, err := w.Model.Encoder.Tokenizer.Encode(c.Source)
		if err != nil || !slices.Equal(ids, c.IDs) {
			t.Fatalf("%q is %v, want %v (%v)", c.Source, ids, c.IDs, err)
		}
		read, err := w.Model.Encode(ids)
		if err != nil {
			t.Fatal(err)
		}
		// Logits are up to 30 in size, and those of the reference move by 2e-5 with its vector units.
		s := w.Model.NewSession(read[0], model.SessionOptions{})
		next := *w.Model.Decoder.Generation.Start
		for i, step := range c.Steps {
			if err := s.Append(next); err != nil {
				t.Fatal(err)
			}
			for j, id := range step.TopIDs {
				if got := float64(s.Logits()[id]); math.Abs(got-step.TopLogits[j]) > 2e-4 {
					t.Errorf("%q, step %d: logit of %d is %v, want %v", c.Source, i, id, got, step.TopLogits[j])
				}
			}
			next = c.Greedy[i]
		}
		var greedy []int
		for id, err := range w.Model.NewSession(read[0], model.SessionOptions{}).Generate(ctx, nil, sample.Greedy(), model.GenerateOptions{MaxTokens: 47}) {
			if err != nil {
				t.Fatal(err)
			}
			greedy = append(greedy, id)
		}
		if !slices.Equal(greedy, c.Greedy) {
			t.Errorf("%q becomes %v, want %v", c.Source, greedy, c.Greedy)
		}
		fr, err := w.Task("translation_en_to_fr")
		if err != nil {
			t.Fatal(err)
		}
		beams := fr.Model.Decoder.Generation.Beams
		beams.NumReturnSequences = len(c.Beams)
		found, err := fr.Model.NewSession(read[0], model.SessionOptions{}).BeamSearch(ctx, nil, beams, model.GenerateOptions{})
		if err != nil || len(found) != len(c.Beams) {
			t.Fatalf("%d texts: %v", len(found), err)
		}
		for i, h := range found {
			ids := c.Beams[i].IDs
			ids = ids[:slices.Index(ids, 1)+1] // the reference makes all as long as the longest
			if !slices.Equal(h.IDs[1:], ids) || math.Abs(h.Score-c.Beams[i].Score) > 2e-5 {
				t.Errorf("%q: text %d is %v with %v, want %v with %v", c.Source, i, h.IDs[1:], h.Score, ids, c.Beams[i].Score)
			}
		}
	}
	checkAttention(t, w.Model, &want)
}

// checkAttention compares the attention weights of a layer; they are at most 1.
func checkAttention(t *testing.T, m *model.EncoderDecoder, want *translations) {
	t.Helper()
	a := &want.Attention
	if a.Layer != AlignmentLayer || a.Head != AlignmentHead {
		t.Errorf("the words are aligned by layer %d, head %d", a.Layer, a.Head)
	}
	read, err := m.Encode(a.SourceIDs)
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	s := m.NewSession(read[0], model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != attention.StageCrossWeights || at.Layer != a.Layer {
			return nil
		}
		return func(x tensor.Tensor) {
			seen = true
			for h, rows := range a.Weights {
				for i, row := range rows {
					for j, v := range row {
						if got := float64(x.Row(h*x.Shape[1] + i)[j]); math.Abs(got-v) > 2e-5 {
							t.Fatalf("head %d, row %d: weight %d is %v, want %v", h, i, j, got, v)
						}
					}
				}
			}
		}
	}})
	ids := append([]int{*m.Decoder.Generation.Start}, a.TargetIDs...)
	if err := s.Append(ids[:len(a.Weights[0])]...); err != nil || !seen {
		t.Errorf("weights were not seen: %v", err)
	}
}
