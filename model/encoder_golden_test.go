package model_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// encoderGolden is what the reference answers on a small encoder.
type encoderGolden struct {
	goldenWeights
	Name, Family string
	Config       json.RawMessage
	Inputs       []struct{ IDs, Types, Positions []int }
	Hidden       []floats
	Outputs      []struct {
		floats
		Name, Rows string
	}
}

func encoderGoldens(t testing.TB) []encoderGolden {
	t.Helper()
	return readGoldens[encoderGolden](t, "testdata/golden/encoders/*.json.gz", 128)
}

// bertLike reports whether published files of the family hold a table of positions, as integers.
func (g *encoderGolden) bertLike() bool {
	return !slices.Contains([]string{"gemma3_text", "t5", "mt5", "umt5", "gpt2", "llama", "mistral", "qwen2", "qwen3"}, g.Family)
}

func (g *encoderGolden) batch() (batch []arch.Sequence, rows []int) {
	n := 0
	for _, in := range g.Inputs {
		batch = append(batch, arch.Sequence{IDs: in.IDs, Types: in.Types})
		for _, p := range in.Positions {
			rows = append(rows, n+p)
		}
		n += len(in.IDs)
	}
	return batch, rows
}

// Hidden states after each layer and the outputs of every head equal those of the reference, for a
// batch of sequences of unequal length.
func TestEncoderGolden(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for _, g := range encoderGoldens(t) {
			t.Run(g.Name, func(t *testing.T) {
				src := g.weights(t, tensor.F32)
				e, err := model.NewEncoder(g.Config, src, model.Options{})
				if err != nil {
					t.Fatal(err)
				}
				g.checkHidden(t, e)
				g.checkOutputs(t, e)
			})
		}
	})
}

func (g *encoderGolden) checkHidden(t *testing.T, e *model.Encoder) {
	batch, rows := g.batch()
	seen := 0
	p := &attention.Pass{Observer: func(at attention.Point) func(tensor.Tensor) {
		i := -1
		switch {
		case at.Stage == arch.StageEmbeddings:
			i = 0
		case at.Stage == block.StageBlock && (e.Norm == nil || at.Layer+1 < len(e.Blocks)):
			i = at.Layer + 1
		case at.Stage == arch.StageFinalNorm && e.Norm != nil:
			i = len(e.Blocks)
		}
		if i < 0 || i >= len(g.Hidden) {
			return nil
		}
		return func(x tensor.Tensor) {
			seen++
			compareTensors(t, "hidden "+g.Hidden[i].At, rowsOf(x, rows), g.Hidden[i].tensor(t))
		}
	}}
	e.Forward(p, batch)
	if seen != len(g.Hidden) {
		t.Errorf("%d hidden states were compared, of %d", seen, len(g.Hidden))
	}
}

func (g *encoderGolden) checkOutputs(t *testing.T, e *model.Encoder) {
	batch, rows := g.batch()
	for _, o := range g.Outputs {
		want := o.tensor(t)
		if o.Rows == "sequence" {
			got, err := e.SequenceScores(batch)
			if err != nil {
				t.Fatal(err)
			}
			compareTensors(t, o.Name, got, want)
			continue
		}
		perSequence, err := e.TokenScores(batch)
		if err != nil {
			t.Fatal(err)
		}
		var data []float32
		for _, x := range perSequence {
			data = append(data, x.Data...)
		}
		got := tensor.From(data, len(data)/perSequence[0].Shape.Last(), perSequence[0].Shape.Last())
		switch {
		case o.Rows == "position":
			got = rowsOf(got, rows)
		case o.Name == "start_logits", o.Name == "end_logits":
			column := 0
			if o.Name == "end_logits" {
				column = 1
			}
			one := tensor.New(got.Rows())
			for i := range one.Data {
				one.Data[i] = got.Row(i)[column]
			}
			got = one
		}
		compareTensors(t, o.Name, got, want)
	}
}
