package arch

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
)

// EncoderDecoder is a model that reads a source with an encoder and writes a target with a decoder that
// attends to what the encoder made of it. It is read-only when it computes.
type EncoderDecoder struct {
	Encoder *Encoder
	Decoder *Decoder
}

// Cross returns the keys and values that the decoder's layers make of an encoder's output, hidden,
// [S, Dim of the encoder], for [attention.Seq.Cross] of any number of sequences. It uses the pass, which must
// not be in the middle of another.
func (m *EncoderDecoder) Cross(p *attention.Pass, hidden tensor.Tensor) (*attention.Cache, error) {
	if hidden.Shape.Rank() != 2 || hidden.Rows() == 0 || hidden.Shape.Last() != m.Encoder.Dim {
		return nil, fmt.Errorf("model: the encoder's output is [S, %d] with at least one row, not %v", m.Encoder.Dim, hidden.Shape)
	}
	plan, err := m.Decoder.Plan()
	if err != nil {
		return nil, err
	}
	if len(plan.Cross()) == 0 {
		return nil, errors.New("model: the decoder has no layer that attends to an encoder's output")
	}
	return plan.NewCross(p, hidden), nil
}
