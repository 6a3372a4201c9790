package model_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// fromEnv returns the folder that an environment variable names, or skips the test.
func fromEnv(t *testing.T, name, what string) string {
	t.Helper()
	dir := os.Getenv(name)
	if dir == "" {
		t.Skipf("%s is not set: it names a folder with %s", name, what)
	}
	return dir
}

// What transformers 5.24.0 continues "Once upon a time" with, greedily.
var story = []int{432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267, 337, 410, 408, 419, 292, 411, 322, 265, 282, 295, 433,
	426, 385, 328, 432, 358, 394, 261, 370, 432, 352, 266, 268, 388, 426, 338, 391, 266, 267, 337, 335, 312, 432, 398, 312, 286, 267, 414, 270, 333, 415,
	426, 13, 438, 310, 439, 419, 357, 336, 432, 313, 438, 310, 432, 278, 316, 439, 419, 298, 414, 267, 265, 282, 295, 433, 426, 436, 317, 286, 296, 418,
	269, 279, 292, 416, 439, 413, 409, 416, 327, 263, 415, 294, 267, 400, 426, 338, 336, 432, 313, 442, 391, 267, 337, 335, 364, 420, 268, 388, 432, 398,
	359, 280, 303, 439}

const storyText = ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. " +
	"She wanted to play with it, but it was too high.\nLily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. " +
	"She said, \"I want to play with your ball, but I can'"

func TestStories(t *testing.T) {
	dir := filepath.Join(fromEnv(t, "TRANSFORMER_FIXTURES", "stories260K/, a small trained model"), "stories260K")
	d, err := model.OpenDecoder(os.DirFS(dir), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Generation.BOS == nil || *d.Generation.BOS != 1 || !slices.Equal(d.Generation.EOS, []int{2}) || d.Tokenizer == nil {
		t.Errorf("generation %+v, tokenizer %v", d.Generation, d.Tokenizer)
	}
	sm, err := sample.New(sample.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	s := d.NewSession(model.SessionOptions{})
	for id, err := range s.Generate(context.Background(), []int{1, 403, 407, 261, 378}, sm, model.GenerateOptions{MaxTokens: len(story)}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if !slices.Equal(ids, story) {
		t.Errorf("the story goes\n%v, want\n%v", ids, story)
	}

	sm.Reset()
	s = d.NewSession(model.SessionOptions{})
	feed(t, s, *d.Generation.BOS) // a SentencePiece model alone does not ask for it
	var text strings.Builder
	for piece, err := range s.GenerateText(context.Background(), "Once upon a time", sm, model.GenerateOptions{MaxTokens: len(story)}) {
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(piece)
	}
	if text.String() != storyText {
		t.Errorf("the story goes\n%s, want\n%s", text.String(), storyText)
	}
}

// expected is what the reference answers on a real model.
type expected struct {
	Prompt      string
	IDs, Greedy []int
	Text        string
	TopIDs      []int     `json:"top_ids"`
	TopLogits   []float64 `json:"top_logits"`
	MaxAbsLogit float64   `json:"max_abs_logit"`
}

func TestRealModels(t *testing.T) {
	dir := fromEnv(t, "TRANSFORMER_REAL", "models in folders, each with the reference's answers in expected.json")
	if testing.Short() {
		t.Skip("slow")
	}
	for _, name := range []string{"smollm2-135m-instruct", "gemma-3-270m", "qwen2.5-coder-0.5b-instruct"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(dir, name)
			data, err := os.ReadFile(filepath.Join(dir, "expected.json"))
			if os.IsNotExist(err) {
				t.Skip(err)
			}
			var all []expected
			if err != nil || json.Unmarshal(data, &all) != nil || len(all) == 0 {
				t.Fatalf("expected.json: %v, %d answers", err, len(all))
			}
			d, err := model.OpenDecoder(os.DirFS(dir), model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range all {
				e.check(t, d)
			}
		})
	}
}

func (e *expected) check(t *testing.T, d *model.Decoder) {
	ids, err := d.Tokenizer.Encode(e.Prompt)
	if err != nil || !slices.Equal(ids, e.IDs) {
		t.Errorf("%q: ids %v, error %v; want %v", e.Prompt, ids, err, e.IDs)
	}
	s := d.NewSession(model.SessionOptions{Reserve: len(e.IDs) + len(e.Greedy)})
	feed(t, s, e.IDs...)
	var worst float64
	for i, id := range e.TopIDs {
		worst = max(worst, math.Abs(float64(s.Logits()[id])-e.TopLogits[i]))
	}
	if !(worst <= 1e-4*e.MaxAbsLogit) {
		t.Errorf("%q: logits differ by %.2g of the largest magnitude", e.Prompt, worst/e.MaxAbsLogit)
	}
	t.Logf("%q: logits differ by %.2g of the largest magnitude", e.Prompt, worst/e.MaxAbsLogit)
	for i, id := range e.Greedy {
		if got := argMax(s.Logits()); got != id {
			t.Fatalf("%q: token %d is %d, want %d", e.Prompt, i, got, id)
		}
		if i+1 < len(e.Greedy) {
			feed(t, s, id)
		}
	}
	text, err := d.Tokenizer.Decode(append(slices.Clone(e.IDs), e.Greedy...), false)
	if err != nil || !strings.HasSuffix(text, e.Text) {
		t.Errorf("%q: the text is %q, error %v; want %q", e.Prompt, text, err, e.Text)
	}
}

// The three models as published in GGUF. Exact arithmetic gives the reference's numbers for the file's own values; fast
// gives logits close to them, and mostly the same text.
func TestRealGGUF(t *testing.T) {
	dir := fromEnv(t, "TRANSFORMER_REAL", "GGUF files, each with the reference's answers in NAME.gguf.expected.json")
	if testing.Short() {
		t.Skip("slow")
	}
	for _, name := range []string{"smollm2-135m-instruct.gguf", "gemma-3-270m.gguf", "qwen2.5-coder-0.5b-instruct.gguf"} {
		data, err := os.ReadFile(filepath.Join(dir, name+".expected.json"))
		if os.IsNotExist(err) {
			t.Log(err)
			continue
		}
		var all []expected
		if err != nil || json.Unmarshal(data, &all) != nil || len(all) == 0 {
			t.Fatalf("%s.expected.json: %v, %d answers", name, err, len(all))
		}
		for _, p := range []nn.Precision{nn.Exact, nn.Automatic} {
			t.Run(name+", "+p.String(), func(t *testing.T) {
				d, err := model.OpenDecoder(os.DirFS(dir), model.Options{GGUF: name, Precision: p})
				if err != nil {
					t.Fatal(err)
				}
				t.Log(d.Arithmetic())
				for _, e := range all {
					if p == nn.Exact {
						e.check(t, d)
					} else {
						e.checkFast(t, d)
					}
				}
			})
		}
	}
}

// checkFast logs how far the logits are, and how long the text stays that of exact arithmetic. The bound is what
// rounding activations to 8 bits does: some hundredths.
func (e *expected) checkFast(t *testing.T, d *model.Decoder) {
	s := d.NewSession(model.SessionOptions{Reserve: len(e.IDs) + len(e.Greedy)})
	feed(t, s, e.IDs...)
	var worst float64
	for i, id := range e.TopIDs {
		worst = max(worst, math.Abs(float64(s.Logits()[id])-e.TopLogits[i]))
	}
	n := 0
	for ; n < len(e.Greedy) && argMax(s.Logits()) == e.Greedy[n]; n++ {
		feed(t, s, e.Greedy[n])
	}
	t.Logf("%q: logits differ by %.2g of the largest magnitude; %d of %d tokens are the reference's", e.Prompt, worst/e.MaxAbsLogit, n, len(e.Greedy))
	if worst == 0 || !(worst <= 0.1*e.MaxAbsLogit) {
		t.Errorf("%q: logits differ by %.2g of the largest magnitude", e.Prompt, worst/e.MaxAbsLogit)
	}
}
