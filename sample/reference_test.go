package sample

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// TestReference compares kept tokens and their probabilities with those of
// transformers; see testdata/reference.py.
func TestReference(t *testing.T) {
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Logits [][]float32
		Cases  []struct {
			Config            Config
			Logits            int
			Prompt, Generated []int
			Probs             [][2]float64 // id, probability
		}
	}
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Cases) != 120 {
		t.Fatalf("%d cases, want 120", len(table.Cases))
	}
	for _, c := range table.Cases {
		logits := table.Logits[c.Logits]
		s, err := New(c.Config)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Prompt(c.Prompt...); err != nil {
			t.Fatal(err)
		}
		if err := s.Accept(c.Generated...); err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(logits)
		got, err := s.Probabilities(nil, logits)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, logits) {
			t.Errorf("%+v, logits %d: logits were modified", c.Config, c.Logits)
		}
		want := make([]float64, len(logits))
		kept := make([]bool, len(logits))
		for _, p := range c.Probs {
			want[int(p[0])], kept[int(p[0])] = p[1], true
		}
		for id := range want {
			if kept[id] != (got[id] > 0) {
				t.Errorf("%+v, logits %d: token %d kept is %v, want %v", c.Config, c.Logits, id, got[id] > 0, kept[id])
			}
			if math.Abs(got[id]-want[id]) > 1e-6*max(want[id], 1e-3) {
				t.Errorf("%+v, logits %d: token %d has probability %v, want %v", c.Config, c.Logits, id, got[id], want[id])
			}
		}
	}
}
