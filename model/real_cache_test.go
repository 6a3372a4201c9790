package model_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

// A cache in fewer bits changes the perplexity of a text by less than 0.2 %: windows of 512 tokens, of which the second half
// counts, as llama-perplexity has it.
func TestNarrowCachePerplexity(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	dir := filepath.Join(fromEnv(t, "TRANSFORMER_REAL", "smollm2-135m-instruct/"), "smollm2-135m-instruct")
	text, err := os.ReadFile(filepath.Join(fromEnv(t, "TRANSFORMER_FIXTURES", "text/tinyshakespeare.txt"), "text", "tinyshakespeare.txt"))
	if err != nil {
		t.Skip(err)
	}
	d, err := model.OpenDecoder(os.DirFS(dir), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const windows, length = 16, 512
	ids, err := d.Tokenizer.Encode(string(text[:8*windows*length]))
	if err != nil || len(ids) < windows*length {
		t.Fatalf("%d tokens, %v", len(ids), err)
	}
	perplexity := func(cache tensor.DType) float64 {
		sum, n := 0.0, 0
		for w := range windows {
			window := ids[w*length:][:length]
			logits, err := d.NewSession(model.SessionOptions{Cache: cache}).Extend(window...)
			if err != nil {
				t.Fatal(err)
			}
			for i := length / 2; i+1 < length; i++ {
				sum += surprise(logits.Row(i), window[i+1])
				n++
			}
		}
		return math.Exp(sum / float64(n))
	}
	want := perplexity(tensor.F32)
	for _, dt := range []tensor.DType{tensor.Q8_0, tensor.F16, tensor.BF16} {
		got := perplexity(dt)
		t.Logf("%v: %.5f, F32 %.5f, %+.4f %%", dt, got, want, 100*(got/want-1))
		if !(math.Abs(got/want-1) < 0.002) {
			t.Errorf("%v: perplexity %v, want %v", dt, got, want)
		}
	}
}

// surprise returns −log of the probability of a token.
func surprise(logits []float32, id int) float64 {
	most, sum := math.Inf(-1), 0.0
	for _, v := range logits {
		most = max(most, float64(v))
	}
	for _, v := range logits {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum) - float64(logits[id])
}
