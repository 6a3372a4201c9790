package arch

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
)

// Reader reads a picture, a text, or both: some of its layers attend to what an [ImageEncoder] gives. It is the Q-Former
// of BLIP-2 (Li et al., "BLIP-2", 2023), whose learned queries take what they need out of the picture, and the text
// encoder of BLIP. Its rows are the queries, if there is a picture, and then the tokens of the text, which see each
// other in both directions. Computing does not change it: any number of passes may use it at once.
//
// The rows that look at the picture are the prefix of the sequence, for [block.Prefix].
type Reader struct {
	Stack
	Vocab      int        // number of token ids; 0 means that it reads no text
	MaxLen     int        // longest text in tokens
	Embeddings Embeddings // of the text; Norm is applied to the queries too

	Queries   tensor.Tensor // [Q, Dim]: learned queries; the zero Tensor is none
	TextLooks bool          // tokens look at the picture, too, and not queries alone
}

// Reading is what a [Reader] reads together.
type Reading struct {
	Cross *attention.Cache // of a picture, from [Reader.Cross]; nil is none
	IDs   []int            // of a text; empty is none
}

// Plan returns the places of the Ops in the caches. It checks the model at the first call; the error names the first
// thing that does not fit.
func (r *Reader) Plan() (*attention.Plan, error) {
	return r.planned(func() (*attention.Plan, error) {
		if r.Vocab > 0 {
			if r.MaxLen < 1 {
				return nil, fmt.Errorf("a Reader with MaxLen %d: it must be positive", r.MaxLen)
			}
			if err := r.Embeddings.check(r.Vocab, r.Dim); err != nil {
				return nil, err
			}
		}
		if q := r.Queries; q.Data != nil && (q.Shape.Rank() != 2 || q.Shape.Last() != r.Dim) {
			return nil, fmt.Errorf("Reader.Queries are %v, want [Q, %d]", q.Shape, r.Dim)
		}
		if r.Vocab == 0 && r.Queries.Data == nil {
			return nil, errors.New("a Reader has neither queries nor a vocabulary")
		}
		return r.newPlan()
	})
}

// Check returns an error if the reader cannot read a text beside a picture, or alone.
func (r *Reader) Check(ids []int, picture bool) error {
	switch {
	case len(ids) == 0 && (!picture || r.Queries.Data == nil):
		return errors.New("model: there is no text to read")
	case len(ids) == 0:
		return nil
	case r.Vocab == 0:
		return errors.New("model: the queries of this model read no text")
	case len(ids) > r.MaxLen:
		return fmt.Errorf("model: a text of %d tokens; beside a picture the model reads at most %d", len(ids), r.MaxLen)
	}
	return r.Embeddings.checkSequence(&Sequence{IDs: ids}, "", r.Vocab)
}

// Cross computes the keys and values that the layers need of a picture: hidden, [P, width], is what the image encoder
// gives. It ends the batch that was in p.
func (r *Reader) Cross(p *attention.Pass, hidden tensor.Tensor) (*attention.Cache, error) {
	plan, err := r.Plan()
	if err != nil {
		return nil, err
	}
	return crossOf(p, plan, r.Blocks, hidden)
}

// Forward computes one pass over a batch. It calls p.Begin itself. It returns the hidden states of all rows, [T, Dim], in
// p.Scratch: for each reading those of the queries, if it has a picture, and then those of its tokens. It panics where
// [Reader.Check] or [Reader.Plan] returns an error.
func (r *Reader) Forward(p *attention.Pass, batch []Reading) tensor.Tensor {
	plan, err := r.Plan()
	if err != nil {
		panic(err)
	}
	p.Seqs = p.Seqs[:0]
	for _, in := range batch {
		if err := r.Check(in.IDs, in.Cross != nil); err != nil {
			panic(err)
		}
		p.Seqs = append(p.Seqs, r.sequence(in))
	}
	p.Begin(p.Seqs...)
	p.Plan = plan
	x := r.embed(p, batch)
	r.Stack.Forward(p, x)
	return x
}

// sequence returns what a pass needs to know of a reading.
func (r *Reader) sequence(in Reading) attention.Seq {
	s := attention.Seq{Rows: len(in.IDs), Cross: in.Cross}
	if in.Cross != nil {
		s.Rows += r.queries()
		s.Prefix = r.queries()
		if r.TextLooks {
			s.Prefix = s.Rows
		}
	}
	return s
}

func (r *Reader) queries() int {
	if r.Queries.Data == nil {
		return 0
	}
	return r.Queries.Rows()
}

// embed returns the input of the first block, [T, Dim]. Queries have no positions; those of a text begin after them.
func (r *Reader) embed(p *attention.Pass, batch []Reading) tensor.Tensor {
	x, row := p.Scratch.New(p.Rows(), r.Dim), 0
	for _, in := range batch {
		if in.Cross != nil && r.queries() > 0 {
			copy(x.Slice(row, row+r.queries()).Data, r.Queries.Data)
			row += r.queries()
		}
		if n := len(in.IDs); n > 0 {
			text := Sequence{IDs: in.IDs}
			r.Embeddings.lookUp(x, row, &text)
			r.Embeddings.addTables(p, x.Slice(row, row+n), &text, attention.Seq{Rows: n})
			row += n
		}
	}
	if r.Embeddings.Norm != nil {
		r.Embeddings.Norm.Forward(x, x)
	}
	r.enter(p, x)
	return x
}
