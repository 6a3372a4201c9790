package model_test

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor"
)

// seq2seqGolden is what the reference answers and generates on a small encoder–decoder, or generates with
// beams on a small decoder.
type seq2seqGolden struct {
	goldenWeights
	Name, Family     string
	Config           json.RawMessage
	GenerationConfig json.RawMessage `json:"generation_config"`
	Source, Target   [][]int
	Positions        []struct{ Source, Target []int }
	Encoder, Decoder []floats
	Logits           floats
	Outputs          []struct { // of a classifier, which has none of what follows
		floats
		Name, Rows string
	}
	CrossAttention struct {
		floats
		Layer, Head, Source int
	} `json:"cross_attention"`
	Generations []struct {
		Name     string
		Settings map[string]json.RawMessage
		Outputs  []struct {
			Source int
			IDs    [][]int
			Scores []float64
		}
	}
}

func seq2seqGoldens(t testing.TB) []seq2seqGolden {
	t.Helper()
	return readGoldens[seq2seqGolden](t, "testdata/golden/seq2seq/*.json.gz", 36)
}

func (g *seq2seqGolden) decoderOnly() bool { return len(g.Target) == 0 }

func (g *seq2seqGolden) open(t testing.TB) *model.EncoderDecoder {
	t.Helper()
	m, err := model.NewEncoderDecoder(g.Config, g.weights(t, tensor.F32), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Hidden states of both sides, logits and attention weights equal those of the reference, and so does
// whatever is generated, by greedy choice and by beams, with scores.
func TestSeq2SeqGolden(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, g := range seq2seqGoldens(t) {
			t.Run(g.Name, func(t *testing.T) {
				if g.decoderOnly() {
					d, err := model.NewDecoder(g.Config, g.weights(t, tensor.F32), model.Options{})
					if err != nil {
						t.Fatal(err)
					}
					g.checkGenerations(t, d, func(int) *model.Session { return d.NewSession(model.SessionOptions{}) })
					return
				}
				m := g.open(t)
				g.checkEncoder(t, m)
				if len(g.Outputs) > 0 {
					g.checkClassifier(t, m)
					return
				}
				sources, err := m.Encode(g.Source...)
				if err != nil {
					t.Fatal(err)
				}
				g.checkDecoder(t, m, sources)
				g.checkGenerations(t, m.Decoder, func(i int) *model.Session { return m.NewSession(sources[i], model.SessionOptions{}) })
			})
		}
	})
}

// observer compares what enters the first block, what each gives, and what the norm gives, with want.
func (g *seq2seqGolden) observer(t *testing.T, side string, s *arch.Trunk, want []floats, rows []int, seen *int) func(attention.Point) func(tensor.Tensor) {
	return func(at attention.Point) func(tensor.Tensor) {
		i := -1
		switch {
		case at.Stage == arch.StageEmbeddings:
			i = 0
		case at.Stage == block.StageBlock:
			i = at.Layer + 1
		case at.Stage == arch.StageFinalNorm && s.Norm != nil:
			i = len(s.Blocks) + 1
		}
		if i < 0 {
			return nil
		}
		return func(x tensor.Tensor) {
			*seen++
			compareTensors(t, side+" "+want[i].At, rowsOf(x, rows), want[i].tensor(t))
		}
	}
}

func (g *seq2seqGolden) checkEncoder(t *testing.T, m *model.EncoderDecoder) {
	var batch []arch.Sequence
	var rows []int
	n, seen := 0, 0
	for i, ids := range g.Source {
		batch = append(batch, arch.Sequence{IDs: ids})
		for _, p := range g.Positions[i].Source {
			rows = append(rows, n+p)
		}
		n += len(ids)
	}
	p := &attention.Pass{Observer: g.observer(t, "encoder", m.Encoder.Trunk, g.Encoder, rows, &seen)}
	m.Encoder.Forward(p, batch)
	if seen != len(g.Encoder) {
		t.Errorf("%d hidden states were compared, of %d", seen, len(g.Encoder))
	}
}

// cross returns what the decoder's layers make of what an encoder has read.
func cross(t *testing.T, m *model.EncoderDecoder, e *model.Encoded) *attention.Cache {
	t.Helper()
	c, err := (&arch.EncoderDecoder{Encoder: m.Encoder.Encoder, Decoder: m.Decoder.Decoder}).Cross(new(attention.Pass), e.Hidden)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// targets returns what the decoder reads, and the rows whose states the case has.
func (g *seq2seqGolden) targets(t *testing.T, m *model.EncoderDecoder, sources []*model.Encoded) (seqs []attention.Seq, batch []arch.Sequence, rows []int) {
	t.Helper()
	n := 0
	for i, target := range g.Target {
		seqs = append(seqs, attention.Seq{Rows: len(target), Cross: cross(t, m, sources[i])})
		for _, p := range g.Positions[i].Target {
			rows = append(rows, n+p)
		}
		batch = append(batch, arch.Sequence{IDs: target})
		n += len(target)
	}
	return seqs, batch, rows
}

func (g *seq2seqGolden) checkDecoder(t *testing.T, m *model.EncoderDecoder, sources []*model.Encoded) {
	seqs, batch, rows := g.targets(t, m, sources)
	for i := range seqs {
		seqs[i].Cache = newCache(t, m.Decoder)
	}
	seen, weights := 0, 0
	states := g.observer(t, "decoder", m.Decoder.Trunk, g.Decoder, rows, &seen)
	c := &g.CrossAttention
	p := &attention.Pass{Observer: func(at attention.Point) func(tensor.Tensor) {
		if (at == attention.Point{Stage: attention.StageCrossWeights, Layer: c.Layer, Index: c.Source}) {
			return func(x tensor.Tensor) {
				weights++
				compareTensors(t, "cross-attention", x.Slice(c.Head, c.Head+1), c.tensor(t))
			}
		}
		return states(at)
	}}
	p.Begin(seqs...)
	compareTensors(t, "logits", m.Decoder.Forward(p, batch, rows), g.Logits.tensor(t))
	if seen != len(g.Decoder) || weights != 1 {
		t.Errorf("%d hidden states were compared, of %d, and %d attention weights", seen, len(g.Decoder), weights)
	}
}

// checkClassifier compares the decoder's hidden states and the scores of labels. There is no end to wait for.
func (g *seq2seqGolden) checkClassifier(t *testing.T, m *model.EncoderDecoder) {
	encoded, err := m.Encode(g.Source...)
	if err != nil {
		t.Fatal(err)
	}
	seqs, batch, rows := g.targets(t, m, encoded)
	seen := 0
	p := &attention.Pass{Observer: g.observer(t, "decoder", m.Decoder.Trunk, g.Decoder, rows, &seen)}
	p.Begin(seqs...)
	if p.Plan, err = m.Decoder.Trunk.Plan(); err != nil {
		t.Fatal(err)
	}
	m.Decoder.Trunk.Forward(p, m.Decoder.Embed(p, batch))
	if seen != len(g.Decoder) {
		t.Errorf("%d hidden states were compared, of %d", seen, len(g.Decoder))
	}
	got, err := m.SequenceScores(g.Source...)
	if err != nil {
		t.Fatal(err)
	}
	compareTensors(t, "scores", got, g.Outputs[0].tensor(t))
	if len(m.Classifier.Labels) != got.Shape.Last() {
		t.Errorf("%d labels for %d scores", len(m.Classifier.Labels), got.Shape.Last())
	}
	if _, err := m.SequenceScores([]int{5, 6}); err == nil || !strings.Contains(err.Error(), "end token") {
		t.Errorf("a source without its end: %v", err)
	}
	if err := m.NewSession(encoded[0], model.SessionOptions{}).Append(2); err == nil || !strings.Contains(err.Error(), "without a head over the vocabulary") {
		t.Errorf("a session of a classifier: %v", err)
	}
}

// generation returns what the checkpoint and settings over it ask for.
func (g *seq2seqGolden) generation(t *testing.T, modelType string, settings map[string]json.RawMessage) hf.Generation {
	t.Helper()
	c, err := hf.ParseConfig("config.json", g.Config)
	if err == nil && len(g.GenerationConfig) > 0 {
		c, err = hf.ParseConfig("generation_config.json", g.GenerationConfig)
	}
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range settings {
		c = c.With(key, string(value))
	}
	gen, err := hf.ReadGeneration(nil, c, family.Recipes()[modelType].Tokens)
	if err != nil {
		t.Fatal(err)
	}
	return gen
}

// scoreTolerance is relative to a score or to 1: log-probabilities sum up the errors of logits, which are
// 2e-5 of their largest, some 10.
const scoreTolerance = 2e-4

func (g *seq2seqGolden) checkGenerations(t *testing.T, d *model.Decoder, session func(source int) *model.Session) {
	for _, x := range g.Generations {
		d.Generation = g.generation(t, d.Family, x.Settings)
		for _, want := range x.Outputs {
			s := session(want.Source)
			var prompt []int
			if g.decoderOnly() {
				prompt = g.Source[want.Source]
			}
			if d.Generation.Beams.NumBeams == 1 {
				got, err := collect(s, prompt, sample.Greedy(), model.GenerateOptions{})
				if err != nil || !slices.Equal(got, want.IDs[0]) {
					t.Errorf("%s, source %d: %v, want %v (%v)", x.Name, want.Source, got, want.IDs[0], err)
				}
				continue
			}
			got, err := s.BeamSearch(context.Background(), prompt, d.Generation.Beams, model.GenerateOptions{})
			if err != nil || len(got) != len(want.IDs) {
				t.Errorf("%s, source %d: %d texts, want %d (%v)", x.Name, want.Source, len(got), len(want.IDs), err)
				continue
			}
			for i, h := range got {
				ids := h.IDs[max(len(prompt), 1):]
				if !slices.Equal(ids, want.IDs[i]) || !(math.Abs(h.Score-want.Scores[i]) <= scoreTolerance*max(1, math.Abs(want.Scores[i]))) {
					t.Errorf("%s, source %d, text %d: %v %v, want %v %v", x.Name, want.Source, i, ids, h.Score, want.IDs[i], want.Scores[i])
				}
			}
		}
	}
}
