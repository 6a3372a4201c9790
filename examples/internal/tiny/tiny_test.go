package tiny

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
)

// The tiny decoder computes what the reference computed from the same weights.
func TestDecoder(t *testing.T) {
	data, err := os.ReadFile("testdata/decoder.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Prompt      string
		IDs, Greedy []int
		TopIDs      []int     `json:"top_ids"`
		TopProbs    []float64 `json:"top_probabilities"`
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	d, err := Open("")
	if err != nil {
		t.Fatal(err)
	}
	sampler, err := sample.New(sample.Config{Temperature: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		ids, err := d.Tokenizer.Encode(c.Prompt)
		if err != nil || !slices.Equal(ids, c.IDs) {
			t.Fatalf("%q is %v, want %v (%v)", c.Prompt, ids, c.IDs, err)
		}
		s := d.NewSession(model.SessionOptions{})
		var got []int
		for id, err := range s.Generate(context.Background(), ids, sample.Greedy(), model.GenerateOptions{MaxTokens: 64}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		if !slices.Equal(got, c.Greedy) {
			t.Errorf("%q continues with %v, want %v", c.Prompt, got, c.Greedy)
		}
		s = d.NewSession(model.SessionOptions{})
		if err := s.Append(ids...); err != nil {
			t.Fatal(err)
		}
		top, err := sampler.TopN(nil, s.Logits(), len(c.TopIDs))
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.TopIDs {
			if top[i].ID != c.TopIDs[i] || math.Abs(top[i].Prob-c.TopProbs[i]) > 1e-4 {
				t.Errorf("%q: candidate %d is %v, want %d with %v", c.Prompt, i, top[i], c.TopIDs[i], c.TopProbs[i])
			}
		}
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{
		"/no/such/folder": "no such file", file: "is a file", t.TempDir(): "config.json",
	} {
		if _, err := Open(folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("opening %s: %v, want an error with %q", folder, err, want)
		}
	}
}
