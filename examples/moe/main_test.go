package main

import (
	"context"
	"encoding/json"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor"
)

// expected is what the reference computes from the stored weights.
type expected struct {
	Loss    float64
	Tokens  int
	Answers []struct {
		Prompt       string
		IDs, Greedy  []int
		RouterLogits [][][]float64 `json:"router_logits"` // [layers][T][experts]
	}
}

// Both models compute what the reference does: losses, texts and routing.
func TestReference(t *testing.T) {
	data, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var models map[string]expected
	if err := json.Unmarshal(data, &models); err != nil || len(models) != 2 {
		t.Fatalf("%d models: %v", len(models), err)
	}
	mixture, err := open("")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range models {
		t.Run(name, func(t *testing.T) {
			d, err := embedded(name)
			if err != nil {
				t.Fatal(err)
			}
			d.Tokenizer = mixture.Tokenizer
			checkLoss(t, d, want)
			for _, a := range want.Answers {
				ids, err := d.Tokenizer.Encode(a.Prompt)
				if err != nil || !slices.Equal(ids, a.IDs) {
					t.Fatalf("%q is %v, want %v (%v)", a.Prompt, ids, a.IDs, err)
				}
				var got []int
				for id, err := range d.NewSession(model.SessionOptions{}).Generate(context.Background(), ids, sample.Greedy(), model.GenerateOptions{MaxTokens: len(a.Greedy)}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, id)
				}
				if !slices.Equal(got, a.Greedy) {
					t.Errorf("%q continues with %v, want %v", a.Prompt, got, a.Greedy)
				}
				checkRouting(t, d, ids, a.RouterLogits)
			}
		})
	}
}

func checkLoss(t *testing.T, d *network, want expected) {
	t.Helper()
	if testing.Short() {
		return // the text takes a minute under the race detector
	}
	documents, err := heldOut(d, 1000)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := losses(d, documents, nil)
	if err != nil {
		t.Fatal(err)
	}
	tokens := len(slices.Concat(documents...)) - len(documents)
	if got := sum(sums) / float64(want.Tokens); tokens != want.Tokens || math.Abs(got-want.Loss) > 1e-5 {
		t.Errorf("loss %v over %d tokens, want %v over %d", got, tokens, want.Loss, want.Tokens)
	}
}

func checkRouting(t *testing.T, d *network, ids []int, want [][][]float64) {
	t.Helper()
	r, err := route(d, [][]int{ids})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Layers()) != len(want) {
		t.Fatalf("layers %v have experts, want %d layers", r.Layers(), len(want))
	}
	for l, rows := range want {
		got := r.Routing(l)
		for i, row := range rows {
			for e, v := range row {
				if x := float64(got.Logits.Row(i)[e]); math.Abs(x-v) > 1e-4 {
					t.Fatalf("layer %d, token %d: logit of expert %d is %v, want %v", l, i, e, x, v)
				}
			}
		}
	}
}

// The mixture was trained well enough to be shown: it writes, it uses all experts, and these differ in what they like.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the text that the models have not seen takes a minute under the race detector")
	}
	var out strings.Builder
	file := filepath.Join(t.TempDir(), "moe.png")
	if err := run(context.Background(), &out, flags{prompt: "The cat sat on the", maxTokens: 20, layer: -1, documents: 1000, out: file}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The cat sat on the mat", "its dense twin", " is better: by ", "layer 2: entropy of the load", "expert 7  load"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := png.DecodeConfig(f); err != nil || c.Width < 600 || c.Height < 400 {
		t.Errorf("picture %+v, %v", c, err)
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "moe.png")
	for _, c := range []struct {
		f    flags
		want string
	}{
		{flags{prompt: "x", model: "/no/such/folder"}, "/no/such/folder"},
		{flags{prompt: "x", model: "../internal/tiny/decoder", layer: -1, maxTokens: 4}, "no experts"},
		{flags{prompt: "x", layer: 7, maxTokens: 4}, "layers 0 to 2"},
		{flags{prompt: strings.Repeat("The cat sat. ", 40), layer: -1, maxTokens: 4}, "at most 120"},
		{flags{prompt: "", layer: -1}, ""},
		{flags{prompt: "x", layer: -1, maxTokens: 4, documents: -1}, "-documents -1"},
	} {
		c.f.out = file
		if err := run(context.Background(), new(strings.Builder), c.f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.f, err, c.want)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a picture was written")
	}
}

// A token's share is that of the weights, and rare tokens do not count.
func TestShares(t *testing.T) {
	r := &moe.Routing{Experts: 3, Active: 2, Logits: tensor.New(2*fewest+1, 3)}
	var ids []int
	for range fewest {
		ids = append(ids, 5, 6)
		r.Chosen = append(r.Chosen, 0, 1, 2, 1)
		r.Weights = append(r.Weights, 0.75, 0.25, 0.5, 0.5)
	}
	ids = append(ids, 7)
	r.Chosen, r.Weights = append(r.Chosen, 0, 1), append(r.Weights, 1, 0)
	got := shares(r, ids)
	if len(got) != 2 || !slices.Equal(got[5], []float64{0.75, 0.25, 0}) || !slices.Equal(got[6], []float64{0, 0.5, 0.5}) {
		t.Errorf("shares %v", got)
	}
}
