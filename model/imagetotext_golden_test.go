package model_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// pictureGolden is what the reference sees in small pictures, and writes about them.
type pictureGolden struct {
	goldenWeights
	Name, Family, Task string
	Config             json.RawMessage
	End                int
	Sizes              [][]int
	Spread             float64
	Settings           map[string]map[string]json.RawMessage
	Files              map[string]string
	Outputs            []pictureOutput
}

// pictureOutput is one picture with one text, or without one.
type pictureOutput struct {
	Picture     int
	Text        *string
	IDs         []int    `json:"input_ids"`
	Queries     []int    `json:"qformer_input_ids"`
	Written     []string `json:"text_out"`
	States      []floats
	Generations []struct {
		Name   string
		IDs    [][]int
		Scores []float64
	}
}

func (o *pictureOutput) question() model.Question {
	return model.Question{IDs: o.IDs, Queries: o.Queries}
}

func pictureGoldens(t testing.TB) []pictureGolden {
	t.Helper()
	return readGoldens[pictureGolden](t, "testdata/golden/pictures/*.json.gz", 10)
}

// folder returns the checkpoint as it is published.
func (g *pictureGolden) folder(t testing.TB) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{"config.json": {Data: g.Config}}
	for name, text := range g.Files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	var b strings.Builder
	if err := safetensors.Write(&b, g.weights(t, tensor.F32), nil); err != nil {
		t.Fatal(err)
	}
	fsys["model.safetensors"] = &fstest.MapFile{Data: []byte(b.String())}
	return fsys
}

func (g *pictureGolden) open(t testing.TB) *model.ImageToText {
	t.Helper()
	m, err := model.OpenImageToText(g.folder(t), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pictures returns the pixels, by the formula of the weights.
func (g *pictureGolden) pictures(t testing.TB) []tensor.Tensor {
	t.Helper()
	shapes := map[string]tensor.Shape{}
	names := make([]string, len(g.Sizes))
	for i, size := range g.Sizes {
		names[i] = fmt.Sprintf("%d:pixels %d", g.Seed, i)
		shapes[names[i]] = tensor.Of(size...)
	}
	src := checkpoint.Formula(shapes, func(string, tensor.Shape) (offset, scale float64) { return 0, g.Spread })
	var all []tensor.Tensor
	for _, name := range names {
		x, err := checkpoint.ReadFloat32(src, name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// What the towers, readers and language models compute equals the reference, and so does what is written, by greedy
// choice and by beams, with scores, and how well texts match.
func TestImageToTextGolden(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, g := range pictureGoldens(t) {
			t.Run(g.Name, func(t *testing.T) {
				m := g.open(t)
				seen, err := m.Look(g.pictures(t)...)
				if err != nil {
					t.Fatal(err)
				}
				for i := range g.Outputs {
					g.checkStates(t, m, seen[g.Outputs[i].Picture], &g.Outputs[i])
					g.checkWritten(t, m, seen[g.Outputs[i].Picture], &g.Outputs[i])
				}
			})
		}
	})
}

// ends returns the rows that a golden file keeps: the first, the one in the middle and the last.
func ends(x tensor.Tensor) tensor.Tensor {
	return rowsOf(x, []int{0, x.Rows() / 2, x.Rows() - 1})
}

// checkStates compares all that the file has of one picture and text.
func (g *pictureGolden) checkStates(t *testing.T, m *model.ImageToText, v *model.Seen, o *pictureOutput) {
	t.Helper()
	p := new(attention.Pass)
	cross := func() *attention.Cache {
		c, err := m.Reader.Cross(p, v.Hidden)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, want := range o.States {
		var got tensor.Tensor
		var err error
		switch want.At {
		case "tower":
			got = ends(v.Hidden)
		case "queries":
			x := m.Reader.Forward(p, []arch.Reading{{Cross: cross(), IDs: o.Queries}})
			got = ends(x.Slice(0, m.Reader.Queries.Rows()))
		case "text encoder":
			got = ends(m.Reader.Forward(p, []arch.Reading{{Cross: cross(), IDs: o.IDs}}))
		case "words":
			got = ends(m.Words(p, cross(), o.Queries))
		case "logits", "cross attention":
			got = g.logits(t, m, v, o, want.At)
		case "match":
			got, err = m.Matches(v, o.IDs)
		case "cosine":
			var x []float32
			x, err = m.Similarities(v, o.IDs)
			got = tensor.From(x, 1, 1)
		case "image":
			got, err = m.EmbedSeen(v)
		case "text":
			got, err = m.EmbedTexts(o.IDs)
		default:
			t.Fatalf("the file has %q", want.At)
		}
		if err != nil {
			t.Fatalf("%s: %v", want.At, err)
		}
		compareTensors(t, want.At, got, want.tensor(t))
	}
}

// logits returns those that a session computes, or the attention to the picture.
func (g *pictureGolden) logits(t *testing.T, m *model.ImageToText, v *model.Seen, o *pictureOutput, what string) tensor.Tensor {
	t.Helper()
	var weights tensor.Tensor
	opt := model.SessionOptions{}
	if what == "cross attention" {
		opt.Observer = func(at attention.Point) func(tensor.Tensor) {
			if at != (attention.Point{Stage: attention.StageCrossWeights, Layer: 1}) {
				return nil
			}
			return func(x tensor.Tensor) {
				weights = tensor.New(x.Shape[1], x.Shape[2])
				copy(weights.Data, x.Slice(2, 3).Data)
			}
		}
	}
	s, err := m.NewSession(v, o.question(), opt)
	if err != nil {
		t.Fatal(err)
	}
	var more []int
	switch {
	case g.Task == "question":
		more = []int{*m.Writer.Generation.Start, 7, 9}
	case m.Encoder != nil:
		more = []int{0, 7, 9}
	case s.Len() == 0:
		more = []int{*m.Writer.Generation.Start}
	}
	if m.Project != nil || what == "cross attention" { // the file has the last row
		if err := s.Append(more...); err != nil {
			t.Fatal(err)
		}
		return either(weights, tensor.From(slices.Clone(s.Logits()), 1, m.Writer.Vocab))
	}
	// The file has rows of the prompt: read it again, in the open.
	ids := append(s.IDs(), more...)
	empty, err := m.NewSession(v, model.Question{}, opt)
	if g.Task == "question" {
		empty, err = m.NewSession(v, o.question(), opt)
	}
	if err != nil {
		t.Fatal(err)
	}
	x, err := empty.Extend(ids...)
	if err != nil {
		t.Fatal(err)
	}
	return ends(x)
}

func either(a, b tensor.Tensor) tensor.Tensor {
	if a.Data != nil {
		return a
	}
	return b
}

// generation returns the settings of the checkpoint, with some over them.
func (g *pictureGolden) generation(t *testing.T, settings map[string]json.RawMessage) hf.Generation {
	t.Helper()
	c, err := hf.ParseConfig("config.json", g.Config)
	if err != nil {
		t.Fatal(err)
	}
	keys, tokens := family.Recipes()[g.Family].Writing(c)
	for key, value := range settings {
		keys = keys.With(key, string(value))
	}
	gen, err := hf.ReadGeneration(nil, keys, tokens)
	if err != nil {
		t.Fatal(err)
	}
	if gen.MaxLength == 0 && gen.MaxNewTokens == 0 {
		gen.MaxNewTokens = 20
	}
	return gen
}

// checkWritten compares texts and their scores.
func (g *pictureGolden) checkWritten(t *testing.T, m *model.ImageToText, v *model.Seen, o *pictureOutput) {
	t.Helper()
	if o.Text != nil {
		q, err := m.Question(*o.Text)
		if m.ImageToken >= 0 {
			q.IDs = append(slices.Repeat([]int{m.ImageToken}, m.Reader.Queries.Rows()), q.IDs...)
		}
		if err != nil || !slices.Equal(q.IDs, o.IDs) || !slices.Equal(q.Queries, o.Queries) {
			t.Errorf("%q: %v, want %v and %v (%v)", *o.Text, q, o.IDs, o.Queries, err)
		}
	}
	for i, want := range o.Generations {
		m.Writer.Generation = g.generation(t, g.Settings[want.Name])
		s, err := m.NewSession(v, o.question(), model.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if beams := m.Writer.Generation.Beams; beams.NumBeams > 1 {
			got, err := s.BeamSearch(context.Background(), nil, beams, model.GenerateOptions{})
			if err != nil || len(got) != len(want.IDs) {
				t.Errorf("%s: %d texts, want %d (%v)", want.Name, len(got), len(want.IDs), err)
				continue
			}
			for j, h := range got {
				n := len(want.IDs[j])
				ids := h.IDs[max(0, len(h.IDs)-n):]
				if !slices.Equal(ids, want.IDs[j]) || !(math.Abs(h.Score-want.Scores[j]) <= scoreTolerance*max(1, math.Abs(want.Scores[j]))) {
					t.Errorf("%s, text %d: %v %v, want %v %v", want.Name, j, ids, h.Score, want.IDs[j], want.Scores[j])
				}
			}
			continue
		}
		got, err := collect(s, nil, nil, model.GenerateOptions{})
		if err != nil || !slices.Equal(got, want.IDs[0]) {
			t.Errorf("picture %d, %v, %s: %v, want %v (%v)", o.Picture, o.IDs, want.Name, got, want.IDs[0], err)
		}
		known := slices.DeleteFunc(slices.Clone(got), func(id int) bool { _, ok := m.Tokenizer.Token(id); return !ok })
		if text, err := m.Tokenizer.Decode(known, true); err != nil || text != o.Written[i] {
			t.Errorf("%s: %q, want %q (%v)", want.Name, text, o.Written[i], err)
		}
	}
}
