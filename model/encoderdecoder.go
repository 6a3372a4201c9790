package model

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// EncoderDecoder reads a source with an encoder and writes a target with a decoder that attends to the
// encoder's output: for translations, summaries, answers. [OpenEncoderDecoder] makes one from a checkpoint; a
// program may also fill the fields itself.
//
// Sources are encoded with the Encoder's tokenizer, targets are decoded with the Decoder's. The Decoder's
// Generation says how targets begin and end. Computing does not change an EncoderDecoder: any number of
// sources and sessions may use it at once.
type EncoderDecoder struct {
	Family string // model_type: "t5"

	Encoder *Encoder
	Decoder *Decoder

	// Classifier scores sources, in checkpoints for classification; nil otherwise.
	Classifier *arch.SourceClassifier

	// Tasks are the tasks that the checkpoint was trained for, with their prefixes and generation settings:
	// task_specific_params in config.json.
	Tasks []hf.TaskParams
}

// Encoded is the encoder's output for one source, with the keys and values that the decoder's layers compute
// from it. It does not change: any number of sessions may share it.
type Encoded struct {
	IDs    []int
	Hidden tensor.Tensor // [S, Dim of the encoder]

	cross    *attention.Cache
	prompted bool // to processors, the prompt stands for what was read: a picture has no tokens
}

// Encode runs the encoder on the sources, packed without padding. It returns an error for an empty source, an
// id that the model does not have, or a source longer than the model reads. It may be called from several
// goroutines.
func (m *EncoderDecoder) Encode(sources ...[]int) ([]*Encoded, error) {
	batch := make([]arch.Sequence, len(sources))
	for i, ids := range sources {
		batch[i].IDs = ids
	}
	hidden, err := m.Encoder.Hidden(batch)
	if err != nil {
		return nil, err
	}
	out := make([]*Encoded, len(sources))
	for i, ids := range sources {
		if out[i], err = m.NewEncoded(ids, hidden[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// NewEncoded makes an Encoded from an encoder's output, hidden [S, Dim], such as that of
// [arch.Encoder.Forward] or of another encoder of the same width. hidden is kept, not copied. ids are the
// tokens of the source; only processors of logits use them.
func (m *EncoderDecoder) NewEncoded(ids []int, hidden tensor.Tensor) (*Encoded, error) {
	p := passes.Get()
	cross, err := m.arch().Cross(p, hidden)
	if err != nil {
		return nil, err
	}
	putPass(p)
	return &Encoded{IDs: append([]int(nil), ids...), Hidden: hidden, cross: cross}, nil
}

// arch returns the model without tokenizers.
func (m *EncoderDecoder) arch() *arch.EncoderDecoder {
	return &arch.EncoderDecoder{Encoder: m.Encoder.Encoder, Decoder: m.Decoder.Decoder, Classifier: m.Classifier}
}

// SequenceScores returns the output of the Classifier for each source, [N, Out] for N sources. Each source
// must contain the model's end token. It returns an error if the checkpoint has no Classifier. It may be
// called from several goroutines.
func (m *EncoderDecoder) SequenceScores(sources ...[]int) (tensor.Tensor, error) {
	if m.Classifier == nil {
		return tensor.Tensor{}, errors.New("model: the checkpoint is not for the classification of sequences")
	}
	encoded, err := m.Encode(sources...)
	if err != nil || len(sources) == 0 {
		return tensor.Tensor{}, err
	}
	p := passes.Get()
	var out tensor.Tensor
	for i, source := range sources {
		mark := p.Scratch.Mark()
		x, err := m.arch().ClassifierState(p, source, encoded[i].cross)
		if err != nil {
			return tensor.Tensor{}, fmt.Errorf("%w (source %d)", err, i)
		}
		y := m.Classifier.Head.Forward(&p.Scratch, x)
		if i == 0 {
			out = tensor.New(len(sources), y.Shape.Last())
		}
		copy(out.Row(i), y.Data)
		p.Scratch.Release(mark)
	}
	putPass(p)
	return out, nil
}

// NewSession returns a session that writes a target for the source e. Its first token must be the start
// token, [hf.Generation.Start]. [Session.Generate] and [Session.BeamSearch] append it if the session and the
// prompt are empty.
func (m *EncoderDecoder) NewSession(e *Encoded, opt SessionOptions) *Session {
	s := m.Decoder.NewSession(opt)
	s.encoded = e
	return s
}

// WithGeneration returns a copy that shares all weights and generates with the settings g: for one of the
// Tasks, for instance.
func (m *EncoderDecoder) WithGeneration(g hf.Generation) *EncoderDecoder {
	n, d := *m, *m.Decoder
	d.Generation = g
	n.Decoder = &d
	return &n
}

// WithTokenizer returns a copy that shares all weights, encodes sources with t and decodes targets with
// t.Target(): for another language, for instance.
func (m *EncoderDecoder) WithTokenizer(t *tokenizer.Tokenizer) *EncoderDecoder {
	n, e, d := *m, *m.Encoder, *m.Decoder
	e.Tokenizer, d.Tokenizer = t, t.Target()
	n.Encoder, n.Decoder = &e, &d
	return &n
}
