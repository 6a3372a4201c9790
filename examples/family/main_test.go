package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// The folders that transformers wrote give its ids, its logits and its greedy text; testdata/make.py made them.
func TestReference(t *testing.T) {
	data, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string][]struct {
		Prompt, Text string
		IDs          []int
		Logits       []float64
		Largest      float64
	}
	if err := json.Unmarshal(data, &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected) != 2 {
		t.Fatalf("%d checkpoints", len(expected))
	}
	for name, cases := range expected {
		dir := filepath.Join("testdata", name)
		d, err := open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			ids, err := d.Tokenizer.AppendEncode(nil, c.Prompt, tokenizer.Options{AddSpecial: true})
			if err != nil {
				t.Fatal(err)
			}
			s := d.NewSession(model.SessionOptions{})
			if err := s.Append(ids...); err != nil {
				t.Fatal(err)
			}
			for i, want := range c.Logits {
				if got := float64(s.Logits()[i]); !(math.Abs(got-want) <= 2e-5*c.Largest) { // the reference's own float32 moves by 6e-6
					t.Errorf("%s, %q: logit %d is %v, want %v", name, c.Prompt, i, got, want)
				}
			}
			if got, err := generate(dir, c.Prompt, 24); err != nil || got != c.Text {
				t.Errorf("%s, %q: %q, %v; want %q", name, c.Prompt, got, err, c.Text)
			}
		}
		if err := modeltest.TestDecoder(d, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
