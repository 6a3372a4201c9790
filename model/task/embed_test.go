package task

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func TestEmbedder(t *testing.T) {
	base := expected.Checkpoints["features"]
	for _, c := range counted(t, expected.Embed, 6) {
		if len(c.Runs) < 3 {
			t.Errorf("%s: %d runs, want 3 or more", c.Name, len(c.Runs))
		}
		e, err := OpenEmbedder(base.with(c.Files, c.Weights).fs(), model.Options{})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if e.MaxTokens != c.Length {
			t.Errorf("%s: texts are cut at %d tokens, want %d", c.Name, e.MaxTokens, c.Length)
		}
		for _, run := range c.Runs {
			var got tensor.Tensor
			switch run.Prompt {
			case "default":
				got, err = e.Encode(c.Texts...)
			case "none":
				got, err = e.EncodeWith("", c.Texts...)
			case "passage":
				got, err = e.EncodeWith(must(e.Prompt("passage")), c.Texts...)
			case "given":
				got, err = e.EncodeWith("a red ", c.Texts...)
			case "query":
				got, err = e.EncodeQuery(c.Texts...)
			case "document":
				got, err = e.EncodeDocument(c.Texts...)
			}
			if err != nil || got.Shape != tensor.Of(len(c.Texts), e.Dim) {
				t.Errorf("%s, prompt %s: shape %v, %v", c.Name, run.Prompt, got.Shape, err)
				continue
			}
			for i, want := range run.Rows {
				if !nearAll(got.Row(i), want) {
					t.Errorf("%s, prompt %s, text %d:\n%v\nwant\n%v", c.Name, run.Prompt, i, got.Row(i), want)
				}
			}
		}
	}
}

func TestM3(t *testing.T) {
	c := expected.M3
	m := must(OpenM3(expected.Checkpoints["features"].with(nil, c.Weights).fs(), model.Options{}))
	got, err := m.Encode(counted(t, c.Texts, 6)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range c.Rows {
		if g := got[i]; !nearAll(g.Dense, want.Dense) || !nearAll(g.Vectors.Data, want.Vectors) || !sameWeights(g.Sparse, want.Sparse) {
			t.Errorf("text %d: %+v, want %+v", i, g, want)
		}
	}
	for i, want := range c.Scores {
		q, p := got[0], got[i]
		if g := retrieval.Lexical(q.Sparse, p.Sparse); !near(g, want.Sparse) {
			t.Errorf("text %d: lexical score %v, want %v", i, g, want.Sparse)
		}
		if g := retrieval.MaxSim(q.Vectors, p.Vectors); !near(g, want.Vectors) {
			t.Errorf("text %d: MaxSim %v, want %v", i, g, want.Vectors)
		}
		if g := MixedScore(q, p, 1, 1, 1); !near(g, want.All) {
			t.Errorf("text %d: mixed score %v, want %v", i, g, want.All)
		}
		if g := MixedScore(q, p, 1, 0, 0); !near(g, want.Dense) {
			t.Errorf("text %d: dense score %v, want %v", i, g, want.Dense)
		}
	}
}

func sameWeights(a, b map[int]float32) bool {
	if len(a) != len(b) {
		return false
	}
	for id, w := range a {
		if v, ok := b[id]; !ok || !near(w, v) {
			return false
		}
	}
	return true
}

// TestRealEmbedder compares all-MiniLM-L6-v2 with what sentence-transformers makes of it.
func TestRealEmbedder(t *testing.T) {
	root := os.Getenv("TRANSFORMER_REAL")
	if root == "" {
		t.Skip("TRANSFORMER_REAL is not set: it names the folder with real models")
	}
	folder := filepath.Join(root, "all-minilm-l6-v2")
	data, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	if err != nil {
		t.Skip(err)
	}
	var cases []struct {
		Text      string
		IDs       []int
		Embedding []float32
	}
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	e, err := OpenEmbedder(os.DirFS(folder), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, c := range cases {
		texts = append(texts, c.Text)
	}
	batch := must(e.Read(texts...))
	got, err := e.Encode(texts...)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, c := range cases {
		if !slices.Equal(batch[i].IDs, c.IDs) {
			t.Errorf("%q: ids %v, want %v", c.Text, batch[i].IDs, c.IDs)
		}
		for j, v := range c.Embedding {
			worst = max(worst, math.Abs(float64(v-got.Row(i)[j])))
		}
	}
	if len(cases) == 0 || worst > 1e-5 || e.Dim != 384 {
		t.Errorf("%d texts, %d wide: embeddings differ by %v", len(cases), e.Dim, worst)
	}
	t.Logf("%d texts: embeddings differ by at most %.1e", len(cases), worst)
}

// The first 256 lines of tinyshakespeare of more than 20 characters, embedded by all-MiniLM-L6-v2 in 8 bits and in
// float32. ONNX Runtime 1.32 differs from float32 by 1.53e-2 (root mean square over all elements) and 7.5e-2 (the most) in
// its 8 bits, quantize_dynamic with QInt8, on these lines; the bound is a quarter of that.
func TestRealEmbedder8(t *testing.T) {
	root, fixtures := os.Getenv("TRANSFORMER_REAL"), os.Getenv("TRANSFORMER_FIXTURES")
	if root == "" || fixtures == "" {
		t.Skip("TRANSFORMER_REAL and TRANSFORMER_FIXTURES are not set: they name folders with real models and texts")
	}
	text, err := os.ReadFile(filepath.Join(fixtures, "text/tinyshakespeare.txt"))
	if err != nil {
		t.Skip(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); len(line) > 20 && len(lines) < 256 {
			lines = append(lines, line)
		}
	}
	dir := os.DirFS(filepath.Join(root, "all-minilm-l6-v2"))
	embeddings := func(t *testing.T, convert func(nn.Matrix) tensor.DType) tensor.Tensor {
		e, err := OpenEmbedder(dir, model.Options{Convert: convert})
		if err != nil {
			t.Skip(err)
		}
		got, err := e.Encode(lines...)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(e.Encoder.Arithmetic())
		return got
	}
	want := embeddings(t, nil)
	for _, c := range []struct {
		name    string
		convert func(nn.Matrix) tensor.DType
		bound   float64
	}{{"Encoder8", quantize.Encoder8, 2e-3}, {"W8A8", quantize.W8A8, 3.8e-3}, {"W7A8", quantize.W7A8, 4.5e-3}} {
		t.Run(c.name, func(t *testing.T) {
			got := embeddings(t, c.convert)
			squares, most, cosine := 0.0, 0.0, 1.0
			for i := range lines {
				dot := 0.0
				for j, v := range want.Row(i) {
					w := got.Row(i)[j]
					d := float64(v) - float64(w)
					squares += d * d
					most = max(most, math.Abs(d))
					dot += float64(v) * float64(w)
				}
				cosine = min(cosine, dot)
			}
			rms := math.Sqrt(squares / float64(len(want.Data)))
			t.Logf("%d lines: root mean square of differences %.2e, the most %.2e, worst cosine 1 − %.1e", len(lines), rms, most, 1-cosine)
			if len(lines) != 256 || rms == 0 || !(rms <= c.bound) {
				t.Errorf("%d lines: embeddings in 8 bits differ by %.2e, root mean square", len(lines), rms)
			}
		})
	}
}
