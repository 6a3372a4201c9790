package model

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Encoder is a model that reads whole texts in both directions, with its tokenizer. [OpenEncoder] makes one
// from a checkpoint; a program may also fill the fields itself. It may be used from several goroutines.
type Encoder struct {
	*arch.Encoder
	Family    string               // model_type: "bert"
	Tokenizer *tokenizer.Tokenizer // nil where the checkpoint has none

	files *files // that it reads in place, or nil
}

// Close closes the files of a model that was opened with mapped experts, as [Decoder.Close] does.
func (e *Encoder) Close() error { return e.files.close() }

// passes are those of all encoders: a pass that waits serves any.
var passes parallel.Free[attention.Pass]

// putPass gives a pass back. It is not called after a panic, which leaves it in the middle of something.
func putPass(p *attention.Pass) {
	p.Reset()
	passes.Put(p, p.Bytes())
}

// runRows is the number of tokens that are computed together: enough for matrix products to run at full
// speed, few enough for activations to stay in the caches.
const runRows = 1024

// Run computes the hidden states of any number of sequences, group by group. For each group it calls see with
// the index of the group's first sequence and the packed hidden states x, [T, Dim]. see must not keep x; a is
// scratch memory for its own work. Run stops at the first error of see.
func (e *Encoder) Run(batch []arch.Sequence, see func(first int, group []arch.Sequence, x tensor.Tensor, a *tensor.Arena) error) error {
	return e.observed(batch, nil, see)
}

// observed is Run with an observer.
func (e *Encoder) observed(batch []arch.Sequence, o func(attention.Point) func(tensor.Tensor), see func(first int, group []arch.Sequence, x tensor.Tensor, a *tensor.Arena) error) error {
	if _, err := e.Plan(); err != nil {
		return err
	}
	if err := e.Check(batch); err != nil {
		return err
	}
	p := passes.Get()
	p.Observer = o
	if err := e.run(p, batch, see); err != nil {
		return err
	}
	putPass(p)
	return nil
}

func (e *Encoder) run(p *attention.Pass, batch []arch.Sequence, see func(first int, group []arch.Sequence, x tensor.Tensor, a *tensor.Arena) error) (err error) {
	if e.files != nil {
		if err := e.files.closed(); err != nil {
			return err
		}
		defer func() { err = e.files.result(recover(), err) }()
	}
	for first := 0; first < len(batch); {
		last, rows := first, 0
		for last < len(batch) && (last == first || rows+len(batch[last].IDs) <= runRows) {
			rows += len(batch[last].IDs)
			last++
		}
		group := batch[first:last]
		mark := p.Scratch.Mark()
		err := see(first, group, e.Forward(p, group), &p.Scratch)
		p.Scratch.Release(mark)
		if err != nil {
			return err
		}
		first = last
	}
	return nil
}

// Hidden returns the hidden states of each sequence, [T, Dim]. It may be called from several goroutines.
func (e *Encoder) Hidden(batch []arch.Sequence) ([]tensor.Tensor, error) {
	return e.perToken(batch, nil)
}

// TokenScores returns the output of the head over tokens for each sequence, [T, Out]. It returns an error if
// the checkpoint has no such head. It may be called from several goroutines.
func (e *Encoder) TokenScores(batch []arch.Sequence) ([]tensor.Tensor, error) {
	if e.Tokens == nil {
		return nil, fmt.Errorf("model: the checkpoint is for %v; it has no head over tokens", e.Task)
	}
	return e.perToken(batch, e.Tokens)
}

func (e *Encoder) perToken(batch []arch.Sequence, h *arch.Head) ([]tensor.Tensor, error) {
	out := make([]tensor.Tensor, len(batch))
	err := e.Run(batch, func(first int, group []arch.Sequence, x tensor.Tensor, a *tensor.Arena) error {
		if h != nil {
			x = h.Forward(a, x)
		}
		part(out[first:], group, x)
		return nil
	})
	return out, err
}

// part sets dst[i] to a copy of the rows of x, [T, width], that belong to sequence i of a group.
func part(dst []tensor.Tensor, group []arch.Sequence, x tensor.Tensor) {
	row := 0
	for i, s := range group {
		dst[i] = tensor.New(len(s.IDs), x.Shape.Last())
		copy(dst[i].Data, x.Slice(row, row+len(s.IDs)).Data)
		row += len(s.IDs)
	}
}

// HiddenSkip is [Encoder.Hidden] without the last layers: it returns what leaves the layer before the last skip ones, for
// each sequence [T, Dim]. With norm, the model's final norm is applied to it. If skip is the number of layers, it is the
// input of the first. These are the states of a text that diffusion models read:
//
//   - Stable Diffusion 1 and 2: skip 0 with the norm, which is Hidden; their clip_skip is skip, with the norm;
//   - Stable Diffusion XL, both of its text encoders: skip 1 without the norm, the penultimate layer; with a clip_skip, that
//     many more.
//
// As published, they read texts that are padded to the longest, 77 tokens, and attend to the padding: set Length and PadID
// of the [ImageText] whose tower this is, or pad the sequences. It returns an error if the model has fewer layers. It may be
// called from several goroutines.
func (e *Encoder) HiddenSkip(batch []arch.Sequence, skip int, norm bool) ([]tensor.Tensor, error) {
	if skip < 0 || skip > len(e.Blocks) {
		return nil, fmt.Errorf("model: %d layers to skip, of %d", skip, len(e.Blocks))
	}
	stage, layer := block.StageBlock, len(e.Blocks)-1-skip
	if layer < 0 {
		stage, layer = arch.StageEmbeddings, 0
	}
	var states tensor.Tensor // of a group
	observe := func(at attention.Point) func(tensor.Tensor) {
		if at.Stage != stage || stage == block.StageBlock && at.Layer != layer {
			return nil
		}
		return func(x tensor.Tensor) { states = tensor.From(slices.Clone(x.Data), x.Rows(), x.Shape.Last()) }
	}
	out := make([]tensor.Tensor, len(batch))
	err := e.observed(batch, observe, func(first int, group []arch.Sequence, _ tensor.Tensor, _ *tensor.Arena) error {
		if norm && e.Norm != nil {
			e.Norm.Forward(states, states)
		}
		part(out[first:], group, states)
		return nil
	})
	return out, err
}

// SequenceScores returns the output of the head over sequences, [N, Out] for N sequences. It returns an error
// if the checkpoint has no such head. It may be called from several goroutines.
func (e *Encoder) SequenceScores(batch []arch.Sequence) (tensor.Tensor, error) {
	if e.Sequence == nil {
		return tensor.Tensor{}, fmt.Errorf("model: the checkpoint is for %v; it has no head over sequences", e.Task)
	}
	var out tensor.Tensor
	err := e.Run(batch, func(first int, group []arch.Sequence, x tensor.Tensor, a *tensor.Arena) error {
		y := e.Sequence.Forward(a, e.Pooled(a, group, x))
		if out.Data == nil {
			out = tensor.New(len(batch), y.Shape.Last())
		}
		copy(out.Slice(first, first+len(group)).Data, y.Data)
		return nil
	})
	return out, err
}
