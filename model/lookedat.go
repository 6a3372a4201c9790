package model

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
)

// LookedAt returns where the model looked for each token of a text that it has written about a picture: [len(ids), P]
// for the P rows of [Seen].Hidden, which are the class token and then the patches, from left to right and from the top
// down. ids are the tokens that a session of the same picture and question has generated.
//
// For BLIP's captions, a row is the mean of the attention to the picture in all layers and heads, at the position that
// chose the token, and sums to 1. In other models something stands between the picture and the words: queries, or the
// tokens of a question. There a row is the mean attention to each of these, times its own mean attention to the picture;
// it sums to less than 1 where words are attended to as well. That is a sketch of what mattered, not a proof.
func (m *ImageToText) LookedAt(v *Seen, q Question, ids []int) (tensor.Tensor, error) {
	if len(ids) == 0 {
		return tensor.Tensor{}, errors.New("model: there is no token")
	}
	stage := attention.StageCrossWeights
	if m.Project != nil && m.Encoder == nil {
		stage = attention.StageWeights
	}
	words := newMeanWeights(stage)
	s, err := m.NewSession(v, q, SessionOptions{Observer: words.observe})
	if err != nil {
		return tensor.Tensor{}, err
	}
	var more []int
	if start := m.Writer.Generation.Start; s.Len() == 0 {
		if start == nil {
			return tensor.Tensor{}, errors.New("model: the config names no token with which a text begins")
		}
		more = []int{*start}
	}
	first := s.Len() + len(more) - 1 // the row that chose the first token
	if err := s.Append(append(more, ids[:len(ids)-1]...)...); err != nil {
		return tensor.Tensor{}, err
	}
	chose, err := words.rows(first, len(ids))
	if err != nil || m.Reader == nil {
		return chose, err
	}
	return m.through(v, q, s, chose)
}

// through returns what weights over the rows between the picture and the words, [N, S], are over the picture.
func (m *ImageToText) through(v *Seen, q Question, s *Session, chose tensor.Tensor) (tensor.Tensor, error) {
	in, between := arch.Reading{Cross: v.look}, make([]int, chose.Shape.Last()) // the row of the reader, or −1
	switch {
	case m.Project == nil:
		in.IDs = q.IDs
		for i := range between {
			between[i] = i
		}
	default:
		if m.Instructed {
			in.IDs = q.Queries
		}
		placed, err := m.placed(q)
		if err != nil {
			return tensor.Tensor{}, err
		}
		n := 0
		for i := range between {
			if between[i] = -1; i < len(placed) && placed[i] == arch.RowID {
				between[i], n = n, n+1
			}
		}
	}
	looks := newMeanWeights(attention.StageCrossWeights)
	p := passes.Get()
	p.Observer = looks.observe
	m.Reader.Forward(p, []arch.Reading{in})
	putPass(p)
	out := tensor.New(chose.Rows(), v.Hidden.Rows())
	for i := range out.Rows() {
		for j, w := range chose.Row(i) {
			if r := between[j]; r >= 0 {
				look, err := looks.row(r)
				if err != nil {
					return tensor.Tensor{}, err
				}
				vec.AXPY(out.Row(i), w, look)
			}
		}
	}
	return out, nil
}

// meanWeights collects the attention weights of a sequence, over all layers and heads.
type meanWeights struct {
	stage  attention.Stage
	sums   [][]float32 // of each row, over heads and layers
	heads  int         // of all layers together
	passed map[int]int // rows that a layer has seen
}

func newMeanWeights(stage attention.Stage) *meanWeights {
	return &meanWeights{stage: stage, passed: map[int]int{}}
}

func (w *meanWeights) observe(at attention.Point) func(x tensor.Tensor) {
	if at.Stage != w.stage {
		return nil
	}
	return func(x tensor.Tensor) { // [H, T, S]
		heads, rows := x.Shape[0], x.Shape[1]
		if _, again := w.passed[at.Layer]; !again {
			w.heads += heads
		}
		for i := range rows {
			row := w.passed[at.Layer] + i
			if row == len(w.sums) {
				w.sums = append(w.sums, make([]float32, x.Shape[2]))
			}
			for h := range heads {
				vec.Add(w.sums[row], w.sums[row], x.Row(h*rows + i)[:len(w.sums[row])])
			}
		}
		w.passed[at.Layer] += rows
	}
}

// row returns the mean weights of a row.
func (w *meanWeights) row(i int) ([]float32, error) {
	if i >= len(w.sums) || w.heads == 0 {
		return nil, fmt.Errorf("model: no layer of this model attends to what stands for the picture at row %d", i)
	}
	mean := make([]float32, len(w.sums[i]))
	vec.Scale(mean, w.sums[i], 1/float32(w.heads))
	return mean, nil
}

// rows returns the mean weights of n rows; those that are shorter, as of causal attention, end in zeros.
func (w *meanWeights) rows(first, n int) (tensor.Tensor, error) {
	last, err := w.row(first + n - 1)
	if err != nil {
		return tensor.Tensor{}, err
	}
	out := tensor.New(n, len(last))
	for i := range n {
		row, err := w.row(first + i)
		if err != nil {
			return tensor.Tensor{}, err
		}
		copy(out.Row(i), row)
	}
	return out, nil
}
