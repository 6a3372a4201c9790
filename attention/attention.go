package attention

import (
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/tensor"
)

// Options change what [ScaledDotProduct] computes. With the zero value it computes softmax(Q·Kᵀ/√D)·V over
// all keys.
type Options struct {
	Mask    Mask
	Scale   float32 // multiplies Q·Kᵀ; 0 means 1/√D
	SoftCap float32 // c: scores become c·tanh(score/c); 0 means no cap
	Bias    Bias    // added to the scores; nil means no bias

	// Pos is the position of the first query. Keys have positions 0 to S−1. When the queries belong to the
	// last T of S cached keys, Pos is S−T.
	Pos int

	// Keep, if not nil, is [T, S]: false hides a key from a query.
	Keep []bool

	// Add, if not empty, is [T, S] or [H, T, S] and is added to the scores. A value of at most −1e30, or
	// −Inf, hides the key.
	Add tensor.Tensor

	// Sinks, if not nil, is [H]: a score that each query of a head has beside those of its keys, without a value
	// (Xiao et al., "Efficient Streaming Language Models with Attention Sinks", 2024, and gpt-oss). It takes its
	// part of softmax, so that weights need not sum to 1. Scale, SoftCap and Bias do not change it; −Inf is none.
	Sinks []float32

	// Weights, if not nil, receives the attention weights, [H, T, S], or [T, S] if q has no heads. Each row
	// sums to 1, or to less with Sinks; a row that sees no key is all zeros. If Weights is nil, nothing of this size
	// is allocated.
	Weights *tensor.Tensor
}

var masked = float32(math.Inf(-1))

// hiding is the largest value of Options.Add that hides a key.
const hiding = -1e30

// ScaledDotProduct sets dst to softmax(Q·Kᵀ·scale + mask)·V (Vaswani et al., "Attention Is All You Need",
// 2017).
//
// Shapes: q is [T, H, D], k is [S, Hkv, D], v is [S, Hkv, Dv] and dst is [T, H, Dv]. All four may leave out
// the heads: [T, D]. H must be a multiple of Hkv: groups of query heads share a key head (Ainslie et al.,
// "GQA", 2023). A query that sees no key gives zeros.
//
// Keys are streamed (Dao et al., "FlashAttention", 2022). Scratch memory is at most the size of k and v;
// nothing of size T·S is allocated. A row of dst has the same bits whatever the other rows and GOMAXPROCS
// are.
//
// A key and value hidden by Mask, Keep or Add never changes a row, even if it is NaN. Softmax subtracts the
// maximum, and a row that is not finite is computed again in float64: no score or value is too large as long
// as the result itself fits float32.
//
// It may be called from several goroutines. It panics if shapes do not fit, or if dst and Weights overlap each
// other or an input.
func ScaledDotProduct(dst, q, k, v tensor.Tensor, o Options) {
	if q.Shape.Rank() == 2 {
		dst, q, k, v = oneHead("dst", dst), oneHead("q", q), oneHead("k", k), oneHead("v", v)
		if w := o.Weights; w != nil && w.Shape == tensor.Of(q.Shape[0], k.Shape[0]) {
			o.Weights = &tensor.Tensor{Shape: tensor.Of(1, q.Shape[0], k.Shape[0]), Data: w.Data}
		}
	}
	o.check(dst, q, k, v)
	t, h, d := q.Shape[0], q.Shape[1], q.Shape[2]
	s, kv, dv := k.Shape[0], k.Shape[1], v.Shape[2]
	if len(q.Data) == 0 || len(dst.Data) == 0 {
		return
	}
	j := jobs.Get()
	j.heads, j.kvHeads, j.dim, j.vdim = h, kv, d, dv
	j.q, j.ldq = q.Data, h*d
	j.dst, j.ldd = dst.Data, h*dv
	j.set(o, s)
	j.segments = append(j.segments[:0], segment{rows: t, pos: o.Pos, keys: s,
		kv: keyValues{k: k.Data, v: v.Data, ldk: kv * d, ldv: kv * dv, headK: d, headV: dv}})
	if o.Weights != nil && s > 0 {
		j.weights = append(j.weights[:0], *o.Weights)
	}
	j.run()
	j.put()
}

// oneHead returns a matrix as one head.
func oneHead(name string, t tensor.Tensor) tensor.Tensor {
	if t.Shape.Rank() != 2 {
		panic(fmt.Sprintf("attention: %s is %v, want a matrix, as q is", name, t.Shape))
	}
	return t.Reshape(t.Shape[0], 1, t.Shape[1])
}

func (o *Options) check(dst, q, k, v tensor.Tensor) {
	for _, x := range []struct {
		name string
		t    tensor.Tensor
	}{{"q", q}, {"k", k}, {"v", v}, {"dst", dst}} {
		if x.t.Shape.Rank() != 3 {
			panic(fmt.Sprintf("attention: %s is %v, want [T, H, D], or [T, D] for all four of dst, q, k and v", x.name, x.t.Shape))
		}
	}
	if k.Shape[2] != q.Shape[2] {
		panic(fmt.Sprintf("attention: k is %v, want heads of %d as in q, %v", k.Shape, q.Shape[2], q.Shape))
	}
	if v.Shape[0] != k.Shape[0] || v.Shape[1] != k.Shape[1] {
		panic(fmt.Sprintf("attention: v is %v, want [%d, %d, Dv] as k is %v", v.Shape, k.Shape[0], k.Shape[1], k.Shape))
	}
	if k.Shape[1] == 0 || q.Shape[1]%k.Shape[1] != 0 {
		panic(fmt.Sprintf("attention: k has %d heads, which do not divide the %d of q", k.Shape[1], q.Shape[1]))
	}
	if want := tensor.Of(q.Shape[0], q.Shape[1], v.Shape[2]); dst.Shape != want {
		panic(fmt.Sprintf("attention: dst is %v, want %v", dst.Shape, want))
	}
	t, h, s := q.Shape[0], q.Shape[1], k.Shape[0]
	if o.Keep != nil && len(o.Keep) != t*s {
		panic(fmt.Sprintf("attention: Keep has %d values, want T·S = %d·%d", len(o.Keep), t, s))
	}
	if a := o.Add.Shape; a != (tensor.Shape{}) && a != tensor.Of(t, s) && a != tensor.Of(h, t, s) {
		panic(fmt.Sprintf("attention: Add is %v, want [%d, %d] or [%d, %d, %d]", a, t, s, h, t, s))
	}
	if o.Sinks != nil && len(o.Sinks) != h {
		panic(fmt.Sprintf("attention: Sinks has %d values for %d heads", len(o.Sinks), h))
	}
	if o.Weights != nil && o.Weights.Shape != tensor.Of(h, t, s) {
		panic(fmt.Sprintf("attention: Weights is %v, want [%d, %d, %d]", o.Weights.Shape, h, t, s))
	}
	apart("attention: ScaledDotProduct", "dst", dst, q, k, v, o.Add)
	if o.Weights != nil {
		apart("attention: ScaledDotProduct", "Weights", *o.Weights, q, k, v, o.Add)
		alias.Disjoint("attention: ScaledDotProduct", "Weights", o.Weights.Data, "dst", dst.Data)
	}
	if o.Pos < 0 || o.Pos > math.MaxInt32-t || s > math.MaxInt32-1 {
		panic(fmt.Sprintf("attention: %d queries from position %d and %d keys; positions must be from 0 to math.MaxInt32", t, o.Pos, s))
	}
}

// apart panics if the result x of op overlaps queries, keys, values or what is added to scores.
func apart(op, name string, x, q, k, v, add tensor.Tensor) {
	alias.Disjoint(op, name, x.Data, "q", q.Data)
	alias.Disjoint(op, name, x.Data, "k", k.Data)
	alias.Disjoint(op, name, x.Data, "v", v.Data)
	alias.Disjoint(op, name, x.Data, "Add", add.Data)
}
