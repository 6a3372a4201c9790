package arch

import (
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// ImageEncoder is a model that reads pictures: patches, the blocks of a [Stack], and the head of its task. A picture is
// a tensor [Channels, height, width], as a processor of package vision makes it. The pictures of a batch may have
// different sizes; each gets the bits that it gets alone. Computing does not change the model: any number of passes may
// use it at once.
type ImageEncoder struct {
	Stack
	Patches Patches

	// Pool makes one row of the hidden states of a picture, and Head, if not nil, reads it.
	Pool ImagePooling
	Head *Head

	// Attention is the head of the pooling ByAttention.
	Attention *AttentionPool

	// Distilled, if not nil, is a second classifier, of the second row; the scores are the mean of both (DeiT).
	Distilled *Head

	Task       Task     // Features or ImageClassification: what Head computes
	Labels     []string // names of a classifier's outputs, or nil
	MultiLabel bool     // a picture may have several labels at once
	Regression bool     // the outputs are numbers, not scores of labels

	// ImageHeight and ImageWidth are the size that the model was trained with, in pixels; 0 means that it is not known.
	ImageHeight, ImageWidth int
}

// ImagePooling says how one row is made from the hidden states of a picture.
type ImagePooling uint8

const (
	ClassToken    ImagePooling = iota // the first row
	MeanOfPatches                     // the mean of the patches' rows
	ClassAndMean                      // the first row, then the mean of the patches' rows: [2·Dim] (DINOv2)
	ByAttention                       // what ImageEncoder.Attention makes of all rows
)

// Plan returns the places of the Ops. It checks the model at the first call; the error names the first thing that does
// not fit.
func (e *ImageEncoder) Plan() (*attention.Plan, error) {
	return e.planned(func() (*attention.Plan, error) {
		if err := e.Patches.check(e.Dim); err != nil {
			return nil, err
		}
		if e.Pool == ByAttention {
			if err := e.Attention.check(e.Dim); err != nil {
				return nil, err
			}
		}
		return e.newPlan()
	})
}

// Check returns an error that names the first picture that the encoder cannot read.
func (e *ImageEncoder) Check(pictures []tensor.Tensor) error {
	for i, x := range pictures {
		if err := e.Patches.checkPicture(x); err != nil {
			return fmt.Errorf("model: picture %d %w", i, err)
		}
	}
	return nil
}

// Rows returns the number of rows of the hidden states of a picture.
func (e *ImageEncoder) Rows(picture tensor.Tensor) int { return e.Patches.Rows(picture) }

// Before returns the number of rows before those of the patches: class token, registers.
func (e *ImageEncoder) Before() int { return e.Patches.before() }

// Forward computes one pass over a batch of pictures, each [Channels, height, width]. It calls p.Begin itself. It
// returns the hidden states of all pictures one after the other, [T, Dim], in p.Scratch: for each picture the rows of
// the class token and its like, then those of the patches, from left to right and from the top down. It panics where
// [ImageEncoder.Check] or [ImageEncoder.Plan] returns an error.
func (e *ImageEncoder) Forward(p *attention.Pass, pictures []tensor.Tensor) tensor.Tensor {
	x := e.embed(p, pictures)
	e.Stack.Forward(p, x)
	return x
}

// embed begins a pass and returns the input of the first block, [T, Dim].
func (e *ImageEncoder) embed(p *attention.Pass, pictures []tensor.Tensor) tensor.Tensor {
	plan, err := e.Plan()
	if err == nil {
		err = e.Check(pictures)
	}
	if err != nil {
		panic(err)
	}
	p.Seqs = p.Seqs[:0]
	for _, x := range pictures {
		p.Seqs = append(p.Seqs, attention.Seq{Rows: e.Rows(x)})
	}
	p.Begin(p.Seqs...)
	p.Plan = plan
	x := e.Patches.embed(p, pictures)
	e.enter(p, x)
	return x
}

// ForwardPooled computes one pass as Forward does, and returns what the encoder's head makes of each picture,
// [N, width], in p.Scratch: without a head, the row that Pool makes. The last block computes only the rows that are
// read, unless the pass has an observer.
func (e *ImageEncoder) ForwardPooled(p *attention.Pass, pictures []tensor.Tensor) tensor.Tensor {
	if e.Pool != ClassToken {
		return e.Pooled(p, pictures, e.Forward(p, pictures))
	}
	x := e.embed(p, pictures)
	var first, second []int
	row := 0
	for _, s := range p.Seqs {
		first, second = append(first, row), append(second, row+1)
		row += s.Rows
	}
	if e.Distilled == nil {
		return e.head(p, e.ForwardRows(p, x, first), tensor.Tensor{})
	}
	x = e.ForwardRows(p, x, append(first, second...))
	return e.head(p, x.Slice(0, len(first)), x.Slice(len(first), x.Rows()))
}

// Pooled returns what the encoder's head makes of hidden states x, [T, Dim], that Forward has returned: [N, width], in
// p.Scratch. Without a head it is the row that Pool makes of each picture.
func (e *ImageEncoder) Pooled(p *attention.Pass, pictures []tensor.Tensor, x tensor.Tensor) tensor.Tensor {
	if e.Pool == ByAttention {
		return e.head(p, e.Attention.forward(p, e.ends(pictures), x), tensor.Tensor{})
	}
	width := e.Dim
	if e.Pool == ClassAndMean {
		width *= 2
	}
	pooled, second := p.Scratch.New(len(pictures), width), tensor.Tensor{}
	if e.Distilled != nil {
		second = p.Scratch.New(len(pictures), e.Dim)
	}
	start := 0
	for i, end := range e.ends(pictures) {
		rows, dst := x.Slice(start, end), pooled.Row(i)
		if e.Pool != MeanOfPatches {
			dst = dst[copy(dst, rows.Row(0)):]
		}
		if e.Pool != ClassToken {
			meanOf(dst, rows.Slice(e.Before(), rows.Rows()))
		}
		if e.Distilled != nil {
			copy(second.Row(i), rows.Row(1))
		}
		start = end
	}
	return e.head(p, pooled, second)
}

// ends returns, for each picture, the row after its last.
func (e *ImageEncoder) ends(pictures []tensor.Tensor) []int {
	ends, row := make([]int, len(pictures)), 0
	for i, x := range pictures {
		row += e.Rows(x)
		ends[i] = row
	}
	return ends
}

// meanOf sets dst to the mean of some rows.
func meanOf(dst []float32, x tensor.Tensor) {
	copy(dst, x.Row(0))
	for i := 1; i < x.Rows(); i++ {
		vec.Add(dst, dst, x.Row(i))
	}
	vec.Scale(dst, dst, 1/float32(x.Rows()))
}

// head returns what the heads make of the pooled rows; second is the row that Distilled reads.
func (e *ImageEncoder) head(p *attention.Pass, pooled, second tensor.Tensor) tensor.Tensor {
	if e.Head != nil {
		pooled = e.Head.Forward(&p.Scratch, pooled)
	}
	if e.Distilled != nil {
		other := e.Distilled.Forward(&p.Scratch, second)
		vec.Add(pooled.Data, pooled.Data, other.Data)
		vec.Scale(pooled.Data, pooled.Data, 0.5)
	}
	return pooled
}

// Work returns what the encoder and its heads compute for a picture of so many patches from the top down and from left
// to right.
func (e *ImageEncoder) Work(rows, columns int) attention.Work {
	var w attention.Work
	addLinear(&w, &e.Patches.Project, rows*columns)
	n := e.Before() + rows*columns
	s := attention.Span{Rows: n, Out: n}
	if e.Pool == ClassToken {
		s.Out = 1
		if e.Distilled != nil {
			s.Out = 2
		}
	}
	w.Add(e.Stack.Work(s))
	if e.Pool == ByAttention {
		e.Attention.addTo(&w, n)
	}
	e.Head.addTo(&w, 1)
	e.Distilled.addTo(&w, 1)
	return w
}

// AttentionPool makes one row of many: a learned query attends to all of them, and a feed-forward network follows
// (Lee et al., "Set Transformer", 2019; SigLIP). With y = Out(attention(Query(Probe), Key(x), Value(x))), the row is
// y + MLP(Norm(y)).
type AttentionPool struct {
	Heads                  int
	Probe                  []float32 // [Dim]
	Query, Key, Value, Out nn.Linear // [Dim, Dim]
	Norm                   nn.Norm
	Up, Down               nn.Linear // of the feed-forward network
	Act                    nn.Activation
}

func (m *AttentionPool) check(dim int) error {
	if m == nil || m.Heads < 1 || dim%m.Heads != 0 || len(m.Probe) != dim || m.Norm == nil {
		return fmt.Errorf("ImageEncoder.Attention is missing, lacks a norm, or has a probe or heads that do not fit a width of %d", dim)
	}
	for i, l := range []nn.Linear{m.Query, m.Key, m.Value, m.Out, m.Up, m.Down} {
		in, out := dim, dim
		if i == 4 {
			out = l.Out()
		} else if i == 5 {
			in = m.Up.Out()
		}
		if l.Weight == nil || l.In() != in || l.Out() != out {
			return fmt.Errorf("ImageEncoder.Attention.%s is [%d, %d], want [%d, %d]", []string{"Query", "Key", "Value", "Out", "Up", "Down"}[i], l.Out(), l.In(), out, in)
		}
	}
	return nil
}

// forward returns a row for each picture, [N, Dim]; ends are the rows of x, [T, Dim], after the last of each.
func (m *AttentionPool) forward(p *attention.Pass, ends []int, x tensor.Tensor) tensor.Tensor {
	n, dim := len(ends), x.Shape.Last()
	out := p.Scratch.New(n, dim)
	mark := p.Scratch.Mark()
	k, v := p.Scratch.New(x.Rows(), dim), p.Scratch.New(x.Rows(), dim)
	m.Key.Forward(k, x)
	m.Value.Forward(v, x)
	heads, y, query := p.Scratch.New(n, dim), p.Scratch.New(n, dim), p.Scratch.New(1, dim)
	m.Query.Forward(query, tensor.From(m.Probe, 1, dim))
	start := 0
	for i, end := range ends {
		m.attend(p, i, heads.Slice(i, i+1), query, k.Slice(start, end), v.Slice(start, end))
		start = end
	}
	m.Out.Forward(y, heads)
	m.Norm.Forward(heads, y)
	nn.FeedForward(out, heads, m.Up, m.Act, m.Down, y)
	p.Scratch.Release(mark)
	return out
}

// attend sets dst, [1, Dim], for the query, [1, Dim], and the keys and values of picture i, [S, Dim].
func (m *AttentionPool) attend(p *attention.Pass, i int, dst, query, k, v tensor.Tensor) {
	s, d := k.Rows(), k.Shape.Last()/m.Heads
	split := func(x tensor.Tensor) tensor.Tensor { return x.Reshape(x.Rows(), m.Heads, d) }
	var o attention.Options
	var see func(tensor.Tensor)
	if p.Observer != nil {
		if see = p.Observer(attention.Point{Stage: StagePoolWeights, Index: i}); see != nil {
			o.Weights = new(tensor.Tensor)
			*o.Weights = tensor.New(m.Heads, 1, s)
		}
	}
	attention.ScaledDotProduct(split(dst), split(query), split(k), split(v), o)
	if see != nil {
		see(*o.Weights)
	}
}

// StagePoolWeights are the weights of an [AttentionPool], [H, 1, T]; Index is the picture in the batch.
const StagePoolWeights attention.Stage = "pool weights"

func (m *AttentionPool) addTo(w *attention.Work, rows int) {
	for _, l := range []*nn.Linear{&m.Query, &m.Out, &m.Up, &m.Down} {
		addLinear(w, l, 1)
	}
	addLinear(w, &m.Key, rows)
	addLinear(w, &m.Value, rows)
}
