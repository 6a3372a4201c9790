package arch

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
)

// EncoderDecoder is a model that reads a source with an encoder and writes a target with a decoder that
// attends to the encoder's output. Computing does not change it.
type EncoderDecoder struct {
	Encoder *Encoder
	Decoder *Decoder

	// Classifier scores sources; nil means none. A model with a Classifier may lack a Decoder.Head.
	Classifier *SourceClassifier
}

// SourceClassifier classifies sources with both sides of the model, as BART does (Lewis et al., 2020). The
// encoder reads the source; the decoder reads the token Start and then the source. Head reads the decoder's
// hidden state at the last token End of the source.
type SourceClassifier struct {
	Start, End int
	Head       *Head
	Labels     []string // names of Head's outputs
	MultiLabel bool     // a source may have several labels at once
	Regression bool     // the outputs are numbers, not scores of labels
}

// Target returns the tokens that the decoder reads for a source, and the index of the hidden state that Head
// reads. A source without an End gives an error.
func (c *SourceClassifier) Target(source []int) (ids []int, at int, err error) {
	for at = len(source) - 1; at >= 0 && source[at] != c.End; at-- {
	}
	if at < 0 {
		return nil, 0, fmt.Errorf("model: the source has no end token, %d, where the classifier reads", c.End)
	}
	return append([]int{c.Start}, source[:len(source)-1]...), at, nil
}

// Cross computes the keys and values that the decoder's layers need of an encoder's output, hidden,
// [S, Dim of the encoder]. Use the result as [attention.Seq.Cross], for any number of sequences. It ends the
// batch that was in p.
func (m *EncoderDecoder) Cross(p *attention.Pass, hidden tensor.Tensor) (*attention.Cache, error) {
	if hidden.Shape.Rank() != 2 || hidden.Rows() == 0 || hidden.Shape.Last() != m.Encoder.Dim {
		return nil, fmt.Errorf("model: the encoder's output is [S, %d] with at least one row, not %v", m.Encoder.Dim, hidden.Shape)
	}
	plan, err := m.Decoder.Trunk.Plan()
	if err != nil {
		return nil, err
	}
	if len(plan.Cross()) == 0 {
		return nil, errors.New("model: the decoder has no layer that attends to an encoder's output")
	}
	return plan.NewCross(p, hidden), nil
}

// ClassifierState returns the row that the Classifier's Head reads for one source, [1, Dim], in p.Scratch.
// cross comes from [EncoderDecoder.Cross].
func (m *EncoderDecoder) ClassifierState(p *attention.Pass, source []int, cross *attention.Cache) (tensor.Tensor, error) {
	ids, at, err := m.Classifier.Target(source)
	if err != nil {
		return tensor.Tensor{}, err
	}
	d := m.Decoder.Trunk
	plan, err := d.Plan()
	if err != nil {
		return tensor.Tensor{}, err
	}
	batch := []Sequence{{IDs: ids}}
	if len(ids) > d.MaxLen {
		return tensor.Tensor{}, fmt.Errorf("model: a source of %d tokens; the decoder reads at most %d", len(ids), d.MaxLen)
	}
	if err := d.Check(&batch[0], ""); err != nil {
		return tensor.Tensor{}, err
	}
	p.Begin(attention.Seq{Rows: len(ids), Cross: cross})
	p.Plan = plan
	return d.ForwardRows(p, d.Embed(p, batch), []int{at}), nil
}
