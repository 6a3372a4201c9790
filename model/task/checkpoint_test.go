package task

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

//go:embed testdata/expected.json.gz
var expectedGZ []byte

//go:embed testdata/answers.json
var answersJSON []byte

// folderData is a folder of a checkpoint: files as they are, and files of weights by tensor and shape.
type folderData struct {
	Files   map[string]string
	Weights map[string]map[string][]int
}

// expectations are what testdata/generate.py wrote.
type expectations struct {
	Checkpoints map[string]folderData
	Windows     map[string][]struct {
		Texts       []string
		Cut         string
		Max, Stride int
		Count       int
		Windows     []struct {
			At int

			IDs, Types, Texts, Words []int
			Offsets                  [][2]int
		}
	}
	FillMask map[string][]fillMaskCase
	Classify map[string][]classifyCase
	Rerank   []struct {
		Function, Query string
		Pairs           [][2]string
		Documents       []string
		Order           []int
		Scores          []float32
	}
	Tag  map[string][]tagCase
	Next struct {
		Pairs  [][2]string
		Scores []float32
	}
	Choice struct {
		Prompt  string
		Choices []string
		Scores  []float32
	}
	Embed []struct {
		Name string
		folderData
		Texts  []string
		Length int
		Runs   []struct {
			Prompt string
			Rows   [][]float32
		}
	}
	M3 struct {
		Weights map[string]map[string][]int
		Texts   []string
		Scores  []struct{ Dense, Sparse, Vectors, All float32 }
		Rows    []struct {
			Dense, Vectors []float32
			Sparse         map[int]float32
		}
	}
}

type fillMaskCase struct {
	Text  string
	N     int
	Words []string
	Masks [][]Fill
}

type classifyCase struct {
	Function, First string
	Second          *string
	Labels          []struct {
		Label string
		Score float32
	}
}

type tagCase struct {
	Strategy string
	Stride   int
	Text     string
	Entities []Entity
}

func load1[T any](data []byte) T {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		panic(err)
	}
	return v
}

// unpack1 reads JSON that gzip has packed.
func unpack1[T any](data []byte) T { return load1[T](must(tensortest.Gunzip(data))) }

var expected = unpack1[expectations](expectedGZ)

// fs returns the folder with its weights, which are the formula of testdata/checkpoints.py.
func (c folderData) fs() fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range c.Files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for name, tensors := range c.Weights {
		shapes := map[string]tensor.Shape{}
		for n, dims := range tensors {
			shapes[n] = tensor.Of(dims...)
		}
		var file bytes.Buffer
		if err := safetensors.Write(&file, checkpoint.Formula(shapes, formula), nil); err != nil {
			panic(err)
		}
		fsys[name] = &fstest.MapFile{Data: file.Bytes()}
	}
	return fsys
}

func formula(name string, shape tensor.Shape) (offset, scale float64) {
	switch {
	case strings.HasSuffix(name, "bias"):
		return 0, 0.1
	case shape.Rank() == 1:
		return 1, 0.1
	case strings.Contains(name, "embeddings"):
		return 0, 1
	}
	return 0, 2 * math.Sqrt(3/float64(shape.Last()))
}

// with returns the folder with further files.
func (c folderData) with(files map[string]string, weights map[string]map[string][]int) folderData {
	out := folderData{map[string]string{}, map[string]map[string][]int{}}
	for _, from := range []folderData{c, {files, weights}} {
		for k, v := range from.Files {
			out.Files[k] = v
		}
		for k, v := range from.Weights {
			out.Weights[k] = v
		}
	}
	return out
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func openEncoder(t testing.TB, name string) *model.Encoder {
	t.Helper()
	e, err := model.OpenEncoder(expected.Checkpoints[name].fs(), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func near(a, b float32) bool { return tensortest.Near(a, b, 1e-4) }

func nearAll(a, b []float32) bool { return slices.EqualFunc(a, b, near) }

// counted returns cases, of which there must be n: a test of none would pass.
func counted[Case any](t *testing.T, cases []Case, n int) []Case {
	t.Helper()
	if len(cases) != n {
		t.Fatalf("%d cases, want %d", len(cases), n)
	}
	return cases
}

// countedIn returns cases by the names of checkpoints, of which there must be n, with so many cases each.
func countedIn[Case any](t *testing.T, all map[string][]Case, n, each int) map[string][]Case {
	t.Helper()
	if len(all) != n {
		t.Fatalf("cases of %d checkpoints, want %d", len(all), n)
	}
	for _, cases := range all {
		counted(t, cases, each)
	}
	return all
}
