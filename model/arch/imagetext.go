package arch

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// ImageText is a model of two towers that put pictures and texts into one space (Radford et al., "Learning
// Transferable Visual Models From Natural Language Supervision", 2021: CLIP). What the head of each tower makes of an
// input are its features; the more a picture and a text have to do with each other, the larger the cosine of theirs.
type ImageText struct {
	Image *ImageEncoder
	Text  *Encoder

	Scale float32 // multiplies cosines; checkpoints hold its logarithm
	Bias  float32 // added then

	// Sigmoid says that a logit stands for itself: its sigmoid is the probability that picture and text belong together
	// (SigLIP: Zhai et al., 2023). Otherwise softmax compares the logits of one picture with several texts.
	Sigmoid bool

	// Length, if not 0, is the number of tokens that texts are padded to with the id PadID: at the end, or with PadLeft at
	// the beginning. With Masked the model does not attend to the padding, which must be at the end; otherwise it was
	// trained to see it.
	Length, PadID   int
	Masked, PadLeft bool
}

// Width returns the width of the features.
func (m *ImageText) Width() int {
	if m.Text.Sequence != nil && m.Text.Sequence.Out != nil {
		return m.Text.Sequence.Out.Out()
	}
	return m.Text.Dim
}

// Pad returns ids as the text tower reads them.
func (m *ImageText) Pad(ids []int) Sequence {
	s := Sequence{IDs: ids}
	if len(ids) >= m.Length {
		return s
	}
	padding := slices.Repeat([]int{m.PadID}, m.Length-len(ids))
	if m.PadLeft {
		s.IDs = slices.Concat(padding, ids)
		return s
	}
	if s.IDs = slices.Concat(ids, padding); m.Masked {
		s.Keys = len(ids)
	}
	return s
}

// Normalize divides each row of features, [N, Width], by its Euclidean length, in place. A row of zeros stays.
func Normalize(features tensor.Tensor) {
	for i := range features.Rows() {
		row := features.Row(i)
		if n := math.Sqrt(squares(row)); n > 0 {
			vec.Scale(row, row, float32(1/n))
		}
	}
}

// squares returns the sum of the squares of x.
func squares(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

// Logits returns how well each of some pictures fits each of some texts, [N, M], in memory of a, or in new memory if a is
// nil. The features, [N, Width] and [M, Width], are normalised.
func (m *ImageText) Logits(a *tensor.Arena, images, texts tensor.Tensor) tensor.Tensor {
	out := a.New(images.Rows(), texts.Rows())
	for i := range images.Rows() {
		x, dst := images.Row(i), out.Row(i)
		for j := range dst {
			dst[j] = dot(x, texts.Row(j))*m.Scale + m.Bias
		}
	}
	return out
}

func dot(x, y []float32) float32 {
	var sum float64
	for i, v := range x {
		sum += float64(v) * float64(y[i])
	}
	return float32(sum)
}

// Loss returns the loss with which the model is trained, for the logits of N pictures and their N texts, [N, N]: picture
// i belongs to text i. It is the mean of two cross-entropies, over texts and over pictures, or with Sigmoid the mean over
// texts of the sum of the binary ones.
func (m *ImageText) Loss(logits tensor.Tensor) (float64, error) {
	n := logits.Rows()
	if n == 0 || logits.Shape != tensor.Of(n, n) {
		return 0, fmt.Errorf("model: the loss needs logits of as many pictures as texts, not %v", logits.Shape)
	}
	var sum float64
	if m.Sigmoid {
		for i, v := range logits.Data {
			x := float64(v)
			if i%(n+1) != 0 { // not on the diagonal
				x = -x
			}
			sum += softplus(-x)
		}
		return sum / float64(n), nil
	}
	for i := range n {
		row, column := make([]float64, n), make([]float64, n)
		for j := range n {
			row[j], column[j] = float64(logits.Data[i*n+j]), float64(logits.Data[j*n+i])
		}
		sum += logSumExp(row) + logSumExp(column) - 2*float64(logits.Data[i*n+i])
	}
	return sum / float64(2*n), nil
}

// softplus returns log(1 + eˣ).
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func logSumExp(x []float64) float64 {
	largest, sum := math.Inf(-1), 0.0
	for _, v := range x {
		largest = max(largest, v)
	}
	for _, v := range x {
		sum += math.Exp(v - largest)
	}
	return largest + math.Log(sum)
}

// Validate returns an error that names what does not fit.
func (m *ImageText) Validate() error {
	if m.Image == nil || m.Text == nil {
		return errors.New("model: ImageText lacks a tower")
	}
	if _, err := m.Image.Plan(); err != nil {
		return err
	}
	if _, err := m.Text.Plan(); err != nil {
		return err
	}
	if m.Text.Sequence == nil {
		return errors.New("model: ImageText.Text has no head over sequences")
	}
	if m.Masked && m.PadLeft {
		return errors.New("model: ImageText.Masked needs padding at the end; PadLeft puts it at the beginning")
	}
	if m.Length > m.Text.MaxLen {
		return fmt.Errorf("model: ImageText.Length is %d; its text tower reads at most %d tokens", m.Length, m.Text.MaxLen)
	}
	return nil
}
