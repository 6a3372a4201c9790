package arch

import (
	"errors"
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// ImageToText is a model that writes texts about pictures, or says how well a text fits a picture (Li et al., "BLIP",
// 2022, and "BLIP-2", 2023; Dai et al., "InstructBLIP", 2023). There are these forms:
//
//   - Image and Decoder: the decoder's layers attend to the picture, and write a caption (BLIP);
//   - Image, Reader and Decoder: the reader reads a question and looks at the picture; the decoder's layers attend to
//     what the reader gives, and write an answer (BLIP);
//   - Image, Reader, Project and Decoder, perhaps with Encoder: what the reader's queries have found, projected, stands
//     before the words of a prompt, in the decoder, or in the encoder to which the decoder attends (BLIP-2, InstructBLIP);
//   - Image, Reader and Match: scores.
//
// Computing does not change it.
type ImageToText struct {
	Image   *ImageEncoder
	Reader  *Reader    // nil means none
	Project *nn.Linear // [width of the words, Reader.Dim]; nil means that nothing stands before the words
	Encoder *Encoder   // reads the words for Decoder; nil means none
	Decoder *Decoder   // nil means that the model writes nothing
	Match   *Match     // nil means none

	// ImageToken is the id of the token that stands for a query in the tokens of a prompt, or −1 if there is none.
	ImageToken int

	// Instructed says that Reader reads the prompt, too (InstructBLIP).
	Instructed bool
}

// Match says how well texts fit pictures, in two ways: Head reads both together, Image and Text make an embedding of
// each.
type Match struct {
	Head nn.Linear // [2, Reader.Dim]: scores for "does not fit" and "fits"

	// Image and Text make the embeddings, of the same width. Image reads the picture's class token, or, if the reader
	// has queries, what each query has found: then a picture has an embedding for each, and the closest counts.
	Image, Text nn.Linear
}

// Validate returns an error that names the first part that is missing or does not fit the others.
func (m *ImageToText) Validate() error {
	if m.Image == nil {
		return errors.New("model: ImageToText has no Image")
	}
	if _, err := m.Image.Plan(); err != nil {
		return err
	}
	if m.Reader != nil {
		if _, err := m.Reader.Plan(); err != nil {
			return err
		}
		if err := checkCross("Reader", m.Reader.Blocks, m.Image.Dim); err != nil {
			return err
		}
	}
	switch {
	case m.Match != nil:
		return m.checkMatch()
	case m.Decoder == nil:
		return errors.New("model: ImageToText has neither a Decoder nor a Match")
	case m.Project != nil:
		return m.checkProject()
	case m.Encoder != nil:
		return errors.New("model: ImageToText has an Encoder, and no Project that gives it the picture")
	}
	width := m.Image.Dim
	if m.Reader != nil {
		width = m.Reader.Dim
	}
	return m.checkDecoder(width)
}

// checkDecoder returns an error unless the decoder's layers attend to rows of so many numbers.
func (m *ImageToText) checkDecoder(width int) error {
	plan, err := m.Decoder.Plan()
	if err != nil {
		return err
	}
	if len(plan.Cross()) == 0 {
		return errors.New("model: no layer of ImageToText.Decoder attends to the picture, and there is no Project that gives it the picture")
	}
	return checkCross("Decoder", m.Decoder.Blocks, width)
}

func (m *ImageToText) checkProject() error {
	if m.Reader == nil || m.Reader.queries() == 0 {
		return errors.New("model: ImageToText has a Project, and no Reader with queries that it could project")
	}
	words := &m.Decoder.Embeddings
	if m.Encoder != nil {
		words = &m.Encoder.Embeddings
		if err := m.checkDecoder(m.Encoder.Dim); err != nil {
			return err
		}
		if _, err := m.Encoder.Plan(); err != nil {
			return err
		}
	} else if _, err := m.Decoder.Plan(); err != nil {
		return err
	}
	if p := m.Project; p.Weight == nil || p.In() != m.Reader.Dim || p.Out() != words.Words.Weight.In {
		return fmt.Errorf("model: ImageToText.Project is [%d, %d]: it must make words of %d numbers of the queries' %d", p.Out(), p.In(), words.Words.Weight.In, m.Reader.Dim)
	}
	return nil
}

func (m *ImageToText) checkMatch() error {
	if m.Reader == nil || m.Reader.Vocab == 0 {
		return errors.New("model: ImageToText has a Match, and no Reader that reads texts")
	}
	image := m.Image.Dim
	if m.Reader.queries() > 0 {
		image = m.Reader.Dim
	}
	c := m.Match
	for _, l := range []struct {
		name    string
		l       *nn.Linear
		in, out int
	}{{"Head", &c.Head, m.Reader.Dim, 2}, {"Image", &c.Image, image, c.Text.Out()}, {"Text", &c.Text, m.Reader.Dim, c.Text.Out()}} {
		if l.l.Weight == nil || l.l.In() != l.in || l.l.Out() != l.out {
			return fmt.Errorf("model: ImageToText.Match.%s is [%d, %d], want [%d, %d]", l.name, l.l.Out(), l.l.In(), l.out, l.in)
		}
	}
	return nil
}

// checkCross returns an error unless the layers that attend to a picture, or to an encoder's output, read rows of so many
// numbers.
func checkCross(name string, blocks []block.Block, width int) error {
	for i, b := range blocks {
		for _, op := range b.Ops() {
			if c, ok := op.(*attention.CrossAttention); ok && c.KV.In() != width {
				return fmt.Errorf("model: block %d of ImageToText.%s attends to rows of %d; it is given rows of %d", i, name, c.KV.In(), width)
			}
		}
	}
	return nil
}

// crossOf computes the keys and values that layers need of hidden, [S, width].
func crossOf(p *attention.Pass, plan *attention.Plan, blocks []block.Block, hidden tensor.Tensor) (*attention.Cache, error) {
	if hidden.Shape.Rank() != 2 || hidden.Rows() == 0 {
		return nil, fmt.Errorf("model: the hidden states of a picture are [P, width] with at least one row, not %v", hidden.Shape)
	}
	if err := checkCross("Reader", blocks, hidden.Shape.Last()); err != nil {
		return nil, err
	}
	return plan.NewCross(p, hidden), nil
}

// Words returns what stands for a picture before the words of a prompt, [Q, width of the words], in p.Scratch. ids are
// the tokens of the prompt that the reader reads, in models that are Instructed.
func (m *ImageToText) Words(p *attention.Pass, cross *attention.Cache, ids []int) tensor.Tensor {
	x := m.Reader.Forward(p, []Reading{{cross, ids}}).Slice(0, m.Reader.queries())
	y := p.Scratch.New(x.Rows(), m.Project.Out())
	m.Project.Forward(y, x)
	return y
}

// Scores returns the two scores of a text and a picture, [1, 2], in p.Scratch: those of Match.Head, for the first token,
// or the mean over the queries.
func (m *ImageToText) Scores(p *attention.Pass, cross *attention.Cache, ids []int) tensor.Tensor {
	x := m.Reader.Forward(p, []Reading{{cross, ids}}).Slice(0, max(1, m.Reader.queries()))
	y := p.Scratch.New(x.Rows(), 2)
	m.Match.Head.Forward(y, x)
	if y.Rows() == 1 {
		return y
	}
	mean := p.Scratch.New(1, 2)
	meanOf(mean.Data, y)
	return mean
}

// EmbedText returns the normalised embedding of a text, [1, width], in p.Scratch.
func (m *ImageToText) EmbedText(p *attention.Pass, ids []int) tensor.Tensor {
	return normalised(p, &m.Match.Text, m.Reader.Forward(p, []Reading{{IDs: ids}}).Slice(0, 1))
}

// EmbedImage returns the normalised embeddings of a picture, in p.Scratch: [1, width], or one for each query,
// [Q, width]. hidden, [P, Dim], is what Image gives; cross comes from [Reader.Cross].
func (m *ImageToText) EmbedImage(p *attention.Pass, hidden tensor.Tensor, cross *attention.Cache) tensor.Tensor {
	if m.Reader.queries() == 0 {
		return normalised(p, &m.Match.Image, hidden.Slice(0, 1))
	}
	return normalised(p, &m.Match.Image, m.Reader.Forward(p, []Reading{{Cross: cross}}))
}

// normalised returns l of each row, of length 1.
func normalised(p *attention.Pass, l *nn.Linear, x tensor.Tensor) tensor.Tensor {
	y := p.Scratch.New(x.Rows(), l.Out())
	l.Forward(y, x)
	for i := range y.Rows() {
		normalise(y.Row(i))
	}
	return y
}

// normalise divides x by its length. Zeros stay zeros.
func normalise(x []float32) {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	n := float32(max(math.Sqrt(sum), 1e-12))
	for i := range x {
		x[i] /= n
	}
}
