package main

import (
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// The shape of a layer of LLaMA 3.2 1B.
const (
	dim, inner     = 2048, 8192
	heads, kvHeads = 32, 8
	headDim        = 64
)

// layer holds what is measured: projections and feed-forward, and heads to attend with.
type layer struct {
	qkv, out nn.Linear
	glu      block.GLU
}

// result is what was measured for S tokens.
type result struct {
	tokens              int
	attention, products float64 // seconds
	streamed            float64 // bytes that attention took beside its arguments
	stored              float64 // with the scores, or 0 if that was not measured
}

func newLayer() *layer {
	w := nn.NewLoader(checkpoint.Random(1, tensor.F32), nn.Options{})
	return &layer{
		qkv: w.Fused(dim, false, nn.Part{Name: "q_proj", Out: heads * headDim},
			nn.Part{Name: "k_proj", Out: kvHeads * headDim}, nn.Part{Name: "v_proj", Out: kvHeads * headDim}),
		out: w.Linear("o_proj", heads*headDim, dim, false),
		glu: block.GLU{
			GateUp: w.Fused(dim, false, nn.Part{Name: "gate_proj", Out: inner}, nn.Part{Name: "up_proj", Out: inner}),
			Act:    nn.SiLU,
			Down:   w.Linear("down_proj", inner, dim, false),
		},
	}
}

// scoreBytes is the memory of a score for each head and pair of tokens, [H, S, S].
func scoreBytes(s int) float64 { return 4 * heads * float64(s) * float64(s) }

// cacheBytes is the memory of a layer's keys and values, which a model keeps for the tokens to come.
func cacheBytes(s int) float64 { return 2 * 4 * kvHeads * headDim * float64(s) }

// mostStored bounds the scores that are stored in order to measure it.
const mostStored = 512 << 20

func (l *layer) measure(s int) result {
	r := result{tokens: s}
	h := newAttending(s)
	r.streamed, r.stored = h.memory()
	r.attention = fastest(h.run)
	r.products = l.timeProducts(s)
	return r
}

// attending is causal attention of s tokens to themselves.
type attending struct {
	s          int
	q, k, v, y tensor.Tensor // [S, H, D], [S, Hkv, D] twice, [S, H, D]
	options    attention.Options
}

func newAttending(s int) *attending {
	return &attending{
		s: s,
		q: random(s, heads, headDim), k: random(s, kvHeads, headDim), v: random(s, kvHeads, headDim),
		y:       tensor.New(s, heads, headDim),
		options: attention.Options{Mask: attention.Mask{Causal: true}},
	}
}

func (a *attending) run() { attention.ScaledDotProduct(a.y, a.q, a.k, a.v, a.options) }

// memory returns the bytes that attention takes beside its arguments, and what it takes when all scores
// are stored, or 0 for the latter if they are too many.
func (a *attending) memory() (streamed, stored float64) {
	streamed = allocated(a.run)
	if scoreBytes(a.s) > mostStored {
		return streamed, 0
	}
	return streamed, allocated(func() {
		weights, o := tensor.New(heads, a.s, a.s), a.options
		o.Weights = &weights
		attention.ScaledDotProduct(a.y, a.q, a.k, a.v, o)
	})
}

// timeProducts returns the seconds that the layer's products, and the activation between them, take for
// s tokens, some hundreds at a time as a model reads a prompt.
func (l *layer) timeProducts(s int) float64 {
	const rows = 512
	n := min(s, rows)
	x, y := random(n, dim), tensor.New(n, dim)
	qkv := tensor.New(n, l.qkv.Out())
	var pass attention.Pass
	return fastest(func() {
		for range s / n {
			l.qkv.Forward(qkv, x)
			l.out.Forward(y, x)
			l.glu.Forward(&pass, y, x)
		}
	})
}

// fastest returns the seconds of the fastest run of f, of several unless they are long. What else runs
// on the machine only adds to them.
func fastest(f func()) float64 {
	var best, total time.Duration
	for runs := 0; total < 300*time.Millisecond || runs < 3 && total < time.Second; runs++ {
		start := time.Now()
		f()
		took := time.Since(start)
		if total += took; runs == 0 || took < best {
			best = took
		}
	}
	return best.Seconds()
}

// allocated returns the bytes that f allocates when nothing is left to it from before.
func allocated(f func()) float64 {
	runtime.GC() // the memory that the library keeps for reuse takes two collections to go
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}

// random returns a tensor of normal numbers.
func random(dims ...int) tensor.Tensor {
	t := tensor.New(dims...)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range t.Data {
		t.Data[i] = float32(r.NormFloat64())
	}
	return t
}
