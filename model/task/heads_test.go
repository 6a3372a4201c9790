package task

import (
	_ "embed"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

//go:embed testdata/heads.json.gz
var headsGZ []byte

// headsGolden is what testdata/generate_heads.py wrote.
type headsGolden struct {
	Cases []struct {
		Name string
		folderData
		Questions []question
	}
	Quantized struct {
		Vectors        [][]float32
		Calibration    int
		Int8, Binary   [][]int8
		Uint8, Ubinary [][]int
	}
}

// question is what a folder is asked, and the reference's answer.
type question struct {
	Op     string
	Texts  []string
	Pairs  []Pair
	Rows   [][]float32
	Dim    int
	Scores []float32
	Labels [][]labelScore
	Fills  []struct {
		ID    int
		Score float32
	}
	Names    []string
	Template string
	Multi    bool
	Prompt   *RerankPrompt
	Stride   int
	Entities [][]Entity
	Windows  []struct {
		Texts       []string
		Cut         string
		Max, Stride int
		IDs         [][]int
	}
}

type labelScore struct {
	Label string
	Score float32
}

// UnmarshalJSON reads the list of two texts.
func (p *Pair) UnmarshalJSON(data []byte) error {
	two := load1[[2]string](data)
	p.First, p.Second = two[0], two[1]
	return nil
}

// Folders as people publish them open with the head that the caller asks for, and answer as the reference.
func TestPublishedFolders(t *testing.T) {
	g := unpack1[headsGolden](headsGZ)
	for _, c := range counted(t, g.Cases, 34) {
		t.Run(c.Name, func(t *testing.T) {
			if len(c.Questions) == 0 {
				t.Fatal("no questions")
			}
			for _, q := range c.Questions {
				if err := q.ask(c.folderData); err != nil {
					t.Errorf("%s: %v", q.Op, err)
				}
			}
		})
	}
}

// ask returns an error unless the folder answers as the reference.
func (q *question) ask(c folderData) error {
	switch fsys := c.fs(); q.Op {
	case "embed", "query", "similarity":
		e, err := OpenEmbedder(fsys, model.Options{})
		if err != nil {
			return err
		}
		return q.embed(e)
	case "rerank":
		r, err := OpenReranker(fsys, model.Options{})
		if err != nil {
			return err
		}
		return q.scores(r.Score(q.Pairs...))
	case "lm-rerank":
		r, err := OpenLMReranker(fsys, model.Options{}, *q.Prompt)
		if err != nil {
			return err
		}
		return q.scores(r.Score(q.Pairs...))
	case "next":
		n, err := OpenNextSentence(fsys, model.Options{})
		if err != nil {
			return err
		}
		return q.scores(n.Follows(q.Pairs...))
	case "classify":
		k, err := OpenClassifier(fsys, model.Options{})
		if err != nil {
			return err
		}
		return q.labels(k.Classify(q.Texts...))
	case "pairs":
		k, err := OpenClassifier(fsys, model.Options{})
		if err != nil {
			return err
		}
		return q.labels(k.ClassifyPairs(q.Pairs...))
	case "tag":
		k, err := OpenTagger(fsys, model.Options{})
		if err != nil {
			return err
		}
		k.Stride = q.Stride
		return q.entities(k.Tag(q.Texts...))
	case "windows":
		return q.windows(fsys)
	case "zero-shot":
		z, err := OpenZeroShot(fsys, model.Options{})
		if err != nil {
			return err
		}
		if z.MultiLabel = q.Multi; q.Template != "" {
			z.Template = q.Template
		}
		return q.labels(z.ClassifyAll(q.Texts, q.Names))
	case "fill":
		f, err := OpenFillMask(fsys, model.Options{})
		if err != nil {
			return err
		}
		masks, err := f.Fill(q.Texts[0], len(q.Fills))
		if err != nil {
			return err
		}
		for i, want := range q.Fills {
			if got := masks[0].Fills[i]; got.ID != want.ID || !near(got.Score, want.Score) {
				return fmt.Errorf("fill %d is %+v, want %+v", i, got, want)
			}
		}
		return nil
	}
	return fmt.Errorf("no such question")
}

func (q *question) embed(e *Embedder) error {
	if q.Dim > 0 {
		e.Truncate(q.Dim)
	}
	encode := e.Encode
	if q.Op == "query" {
		encode = e.EncodeQuery
	}
	x, err := encode(q.Texts...)
	if err != nil {
		return err
	}
	if q.Op == "similarity" {
		x = e.Similarity.Matrix(x, x)
	} else if x.Shape != tensor.Of(len(q.Texts), e.Dim) {
		return fmt.Errorf("vectors are %v, Dim is %d", x.Shape, e.Dim)
	}
	for i, want := range q.Rows {
		if !nearAll(x.Row(i), want) {
			return fmt.Errorf("text %d: %v, want %v", i, x.Row(i), want)
		}
	}
	return nil
}

func (q *question) scores(got []float32, err error) error {
	if err == nil && !nearAll(got, q.Scores) {
		err = fmt.Errorf("scores %v, want %v", got, q.Scores)
	}
	return err
}

func (q *question) entities(got [][]Entity, err error) error {
	if err != nil {
		return err
	}
	for i, want := range q.Entities {
		same := func(a, b Entity) bool {
			return a.Label == b.Label && a.Start == b.Start && a.End == b.End && near(a.Score, b.Score)
		}
		if !slices.EqualFunc(got[i], want, same) {
			return fmt.Errorf("text %d: %+v, want %+v", i, got[i], want)
		}
	}
	return nil
}

func (q *question) windows(fsys fs.FS) error {
	t, err := tokenizer.Open(fsys)
	if err != nil {
		return err
	}
	cuts := map[string]tokenizer.Cut{"longest_first": tokenizer.LongestFirst, "only_first": tokenizer.OnlyFirst, "only_second": tokenizer.OnlySecond}
	for _, c := range q.Windows {
		got, err := t.Windows(whole(), tokenizer.Truncation{MaxTokens: c.Max, Stride: c.Stride, Cut: cuts[c.Cut], Side: tokenizer.Left}, c.Texts...)
		if err != nil {
			return err
		}
		var ids [][]int
		for _, w := range got {
			ids = append(ids, w.IDs)
		}
		if !reflect.DeepEqual(ids, c.IDs) {
			return fmt.Errorf("%s, %d tokens, stride %d: %v, want %v", c.Cut, c.Max, c.Stride, ids, c.IDs)
		}
	}
	return nil
}

func (q *question) labels(got [][]Label, err error) error {
	if err != nil {
		return err
	}
	for i, want := range q.Labels {
		for k, w := range want {
			if len(got[i]) != len(want) || got[i][k].Name != w.Label || !near(got[i][k].Score, w.Score) {
				return fmt.Errorf("text %d: %+v, want %+v", i, got[i], want)
			}
		}
	}
	return nil
}

// Vectors become bytes and bits as those of sentence-transformers.
func TestQuantizedVectors(t *testing.T) {
	g := unpack1[headsGolden](headsGZ).Quantized
	x := tensor.New(len(g.Vectors), len(g.Vectors[0]))
	for i, row := range g.Vectors {
		copy(x.Row(i), row)
	}
	r := retrieval.NewRanges(x.Slice(0, g.Calibration))
	for name, pair := range map[string][2]any{"int8": {r.Int8(x), g.Int8}, "uint8": {wide(r.Uint8(x)), g.Uint8},
		"binary": {retrieval.Binary(x), g.Binary}, "ubinary": {wide(retrieval.Ubinary(x)), g.Ubinary}} {
		if fmt.Sprint(pair[0]) != fmt.Sprint(pair[1]) {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
	tensortest.Panics(t, "19 columns", func() { r.Uint8(tensor.New(1, 3)) })
}

func wide(x [][]uint8) [][]int {
	out := make([][]int, len(x))
	for i, row := range x {
		for _, v := range row {
			out[i] = append(out[i], int(v))
		}
	}
	return out
}
