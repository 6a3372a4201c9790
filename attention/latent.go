package attention

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Latent is multi-head latent attention (DeepSeek-AI, "DeepSeek-V2", 2024): causal self-attention that caches one
// short row a token, a latent and a rotated key part that all heads share, instead of keys and values of every
// head. For the rows x of a sequence it computes
//
//	q, c, r = split(Down(x))               // [T, q], [T, Rank], [T, RopeDim]
//	q = QueryUp(QueryNorm(q))              // [T, H, NopeDim+RopeDim]
//	q = [q₁, Rotary(q₂, pos)]              // the last RopeDim of each head rotate
//	c, r = LatentNorm(c), Rotary(r, pos)
//	c, r = cache.append([c, r])            // [S, Rank], [S, RopeDim]: the whole sequence so far
//	s = (q₁·(Up.Keys·c) + q₂·r) · Scale    // [H, T, S]
//	y = softmax(s where causal) · (Up.Values·c)
//	dst = Out(y)                           // y is [T, H, ValueDim]
//
// There are two forms of the two lines before the last. The expanded form computes keys and values of all heads
// from the latents. The absorbed form computes (q₁·Up.Keys)·c and Up.Values·(softmax(s)·c): it attends to the
// latents themselves, as if they were one head of keys and values. See [LatentForm].
//
// Forward does not change the Latent: any number of passes may use it at once.
type Latent struct {
	Heads            int
	NopeDim, RopeDim int // values of a query or key that do not rotate (qk_nope_head_dim), and that do
	ValueDim         int
	Rank             int // of a latent: kv_lora_rank

	// Down projects to queries, latents and the rotated part of keys: [q + Rank + RopeDim, Dim]. Without QueryUp
	// q is H·(NopeDim+RopeDim), else the width of its input.
	Down       nn.Linear
	QueryNorm  nn.Norm   // nil means no norm; it is not used without QueryUp
	QueryUp    nn.Linear // [H·(NopeDim+RopeDim), q]; without a weight, Down gives the queries
	LatentNorm nn.Norm   // nil means no norm
	Up         LatentUp
	Out        nn.Linear // [Dim, H·ValueDim]

	Rotary *RoPE   // of RopeDim values; nil means no rotation
	Scale  float32 // multiplies the scores; 0 means 1/√(NopeDim+RopeDim)
	Form   LatentForm
}

// LatentUp makes keys and values from latents, for each head.
type LatentUp struct {
	Keys           []*tensor.Weight // [NopeDim, Rank]; nil means that every pass is absorbed, whatever Form says
	KeysTransposed []*tensor.Weight // the same as [Rank, NopeDim], for the absorbed form
	Values         []*tensor.Weight // [ValueDim, Rank]
}

// LatentForm says how a [Latent] computes. The forms differ in rounding, by some 1e-6 of the largest value. Within
// one form the bits of a token do not depend on how a prompt is split; across both they do.
type LatentForm uint8

const (
	// LatentAuto takes, for each sequence, the form that is faster for its number of new tokens, [Seq].New.
	// Nothing else decides: not the tokens before them, nor other sequences.
	LatentAuto LatentForm = iota

	LatentAbsorbed // for few new tokens, such as one: the least work for each pair of a new and a cached token
	LatentExpanded // for prompts: work for each cached token, and less for each pair
)

// String returns the name of the form.
func (f LatentForm) String() string {
	names := [...]string{"auto", "absorbed", "expanded"}
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("LatentForm(%d)", uint8(f))
}

// MaxAbsorbed returns the largest number of new tokens for which [LatentAuto] is the absorbed form:
// math.MaxInt if that has less work for any number.
func (m *Latent) MaxAbsorbed() int {
	switch {
	case m.Form == LatentAbsorbed || m.Up.Keys == nil && m.Up.KeysTransposed != nil:
		return math.MaxInt
	case m.Form == LatentExpanded:
		return 0
	}
	// Multiply-adds of a head: to expand a cached token, and for each pair of a new and a cached token.
	expand := m.Rank * (m.NopeDim + m.ValueDim)
	more := 2*m.Rank - m.NopeDim - m.ValueDim // absorbed less expanded: both have RopeDim
	if more <= 0 {
		return math.MaxInt
	}
	return int(productSpeed * float64(expand) / float64(more))
}

// productSpeed is the time of a multiply-add in a product by weights, as a share of that in attention.
const productSpeed = 1.06

func (m *Latent) queryDim() int { return m.NopeDim + m.RopeDim }
func (m *Latent) keyDim() int   { return m.Rank + m.RopeDim }

// queryWidth is the width of what Down gives for the queries.
func (m *Latent) queryWidth() int {
	if m.QueryUp.Weight != nil {
		return m.QueryUp.In()
	}
	return m.Heads * m.queryDim()
}

// Traits implements [Describer].
func (m *Latent) Traits() Traits {
	return Traits{
		Of: m, Err: m.check(), In: m.Down.In(), Out: m.Out.Out(),
		Cache:      CacheLayer{KVHeads: 1, KeyDim: m.keyDim(), ValueDim: m.Rank, ValuesInKeys: true, Mask: Mask{Causal: true}},
		ForwardAdd: m.forwardAdd, ForwardRows: m.forwardRows, Work: m.work,
	}
}

// check returns an error that names what does not fit.
func (m *Latent) check() error {
	if m.Heads < 1 || m.NopeDim < 1 || m.RopeDim < 1 || m.ValueDim < 1 || m.Rank < 1 {
		return fmt.Errorf("attention: Latent has %d heads of %d and %d values that rotate, values of %d, and latents of %d; all must be positive", m.Heads, m.NopeDim, m.RopeDim, m.ValueDim, m.Rank)
	}
	if m.QueryUp.Weight != nil {
		if err := checkLinear("Latent.QueryUp", m.QueryUp, m.Heads*m.queryDim(), 0); err != nil {
			return err
		}
	}
	if err := checkLinear("Latent.Down", m.Down, m.queryWidth()+m.keyDim(), 0); err != nil {
		return err
	}
	if m.Rotary != nil && m.Rotary.Dim() != m.RopeDim {
		return fmt.Errorf("attention: Latent.Rotary rotates %d values, want RopeDim, %d", m.Rotary.Dim(), m.RopeDim)
	}
	if m.Form > LatentExpanded {
		return fmt.Errorf("attention: Latent.Form is %v", m.Form)
	}
	if err := m.Up.check(m); err != nil {
		return err
	}
	return checkLinear("Latent.Out", m.Out, 0, m.Heads*m.ValueDim)
}

func (u *LatentUp) check(m *Latent) error {
	for _, part := range []struct {
		name    string
		w       []*tensor.Weight
		out, in int
	}{{"Keys", u.Keys, m.NopeDim, m.Rank}, {"KeysTransposed", u.KeysTransposed, m.Rank, m.NopeDim}, {"Values", u.Values, m.ValueDim, m.Rank}} {
		if part.name == "Keys" && part.w == nil {
			continue
		}
		if len(part.w) != m.Heads {
			return fmt.Errorf("attention: Latent.Up.%s has %d matrices for %d heads", part.name, len(part.w), m.Heads)
		}
		for i, w := range part.w {
			if w == nil {
				return fmt.Errorf("attention: Latent.Up.%s[%d] has no weight", part.name, i)
			}
			if w.Out != part.out || w.In != part.in {
				return fmt.Errorf("attention: Latent.Up.%s[%d] is [%d, %d], want [%d, %d]", part.name, i, w.Out, w.In, part.out, part.in)
			}
		}
	}
	return nil
}

// Forward sets dst, [T, Dim], from x, [T, Dim]: each row attends to its own sequence, that is the tokens in
// its cache and those of this pass. dst must not overlap x.
func (m *Latent) Forward(p *Pass, dst, x tensor.Tensor) { m.forwardAdd(p, dst, x, tensor.Tensor{}) }

// forwardAdd is Forward, and adds residual, [T, Dim], which dst does not overlap.
func (m *Latent) forwardAdd(p *Pass, dst, x, residual tensor.Tensor) {
	alias.Disjoint("attention: Latent", "dst", dst.Data, "x", x.Data)
	mark := p.Scratch.Mark()
	t := m.prepared(p, x)
	heads := p.Scratch.New(x.Rows(), m.Heads*m.ValueDim)
	t.attend(heads)
	t.put()
	m.Out.ForwardAdd(dst, heads, residual)
	p.Scratch.Release(mark)
}

// forwardRows is Forward for some rows of the result, [len(rows), Dim]; all rows of x, [T, Dim], are cached.
func (m *Latent) forwardRows(p *Pass, dst, x tensor.Tensor, rows []int) {
	alias.Disjoint("attention: Latent", "dst", dst.Data, "x", x.Data)
	mark := p.Scratch.Mark()
	if slices.IsSorted(rows) {
		t := m.prepared(p, x)
		t.choose(rows)
		heads := p.Scratch.New(len(rows), m.Heads*m.ValueDim)
		t.attend(heads)
		t.put()
		if len(rows) > 0 {
			m.Out.Forward(dst, heads)
		}
	} else {
		all := p.Scratch.New(x.Rows(), m.Out.Out())
		m.Forward(p, all, x)
		for i, row := range rows {
			copy(dst.Row(i), all.Row(row))
		}
	}
	p.Scratch.Release(mark)
}
