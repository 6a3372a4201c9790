package model

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// EncoderDecoder is a model that reads a source with an encoder and writes a target with a decoder that
// attends to what the encoder made of it: for translations, summaries, answers.
// [OpenEncoderDecoder] makes one from a checkpoint; a program may also fill the fields itself.
//
// Sources are read with the tokenizer of the Encoder; targets are texts of the Decoder's, whose
// Generation says how they begin and end. It is read-only when it computes, so any number of sources and
// sessions may run on it at once.
type EncoderDecoder struct {
	Family string // model_type: "t5"

	Encoder *Encoder
	Decoder *Decoder

	// Tasks are those that the checkpoint was trained for, with their prefixes and ways to generate:
	// task_specific_params in config.json.
	Tasks []TaskParams
}

// Source is what the encoder made of an input, with the keys and values that the decoder's layers make of
// that. It is read-only: any number of sessions may share it.
type Source struct {
	IDs    []int
	Hidden tensor.Tensor // [S, Dim of the encoder]

	cross *attention.Cache
}

// Encode reads sources, packed without padding. An empty source, an id that the model does not have, or
// more tokens than it reads, give an error. It may be called from several goroutines.
func (m *EncoderDecoder) Encode(sources ...[]int) ([]*Source, error) {
	batch := make([]Sequence, len(sources))
	for i, ids := range sources {
		batch[i].IDs = ids
	}
	hidden, err := m.Encoder.Hidden(batch)
	if err != nil {
		return nil, err
	}
	out := make([]*Source, len(sources))
	for i, ids := range sources {
		if out[i], err = m.NewSource(ids, hidden[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// NewSource prepares what an encoder made of ids, hidden [S, Dim], for the decoder: the encoder of this
// model, as [Encoder.Forward] returns it to those who observe its layers, or something else of the same
// width. hidden is kept, not copied. IDs serve only rules of generation that look at the source.
func (m *EncoderDecoder) NewSource(ids []int, hidden tensor.Tensor) (*Source, error) {
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
	s := &Source{IDs: append([]int(nil), ids...), Hidden: hidden}
	p := m.Encoder.passes.Get()
	s.cross = plan.NewCross(p, hidden)
	m.Encoder.passes.Put(p, p.Bytes())
	return s, nil
}

// NewSession returns a session that writes a target for the source. Its first token is to be that with
// which the model begins targets, [Generation.Start]; [Session.Generate] and [Session.Search] feed that
// on their own where a session is empty and they get no prompt.
func (m *EncoderDecoder) NewSession(src *Source, opt SessionOptions) *Session {
	s := m.Decoder.NewSession(opt)
	s.source = src
	return s
}

// WithGeneration returns a model that shares everything with this one but generates in another way: as a
// task of [EncoderDecoder.Tasks] asks for, say.
func (m *EncoderDecoder) WithGeneration(g Generation) *EncoderDecoder {
	n, d := *m, *m.Decoder
	d.Generation = g
	n.Decoder = &d
	return &n
}

// WithTokenizer returns a model that shares everything with this one but reads with t and writes with its
// target: for a language, say.
func (m *EncoderDecoder) WithTokenizer(t *tokenizer.Tokenizer) *EncoderDecoder {
	n, d := *m, *m.Decoder
	d.Tokenizer = t.Target()
	n.Decoder = &d
	n.Encoder = &Encoder{Family: m.Encoder.Family, Stack: m.Encoder.Stack, Tokenizer: t}
	return &n
}
