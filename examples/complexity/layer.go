package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// layer is what is measured: one layer of a decoder.
type layer struct {
	name, what string // of the model, and of the layer
	heads
	dim      int
	qkv, out nn.Linear
	others   []attention.Op // the feed-forward network
}

// heads is the shape of attention.
type heads struct{ queries, keys, dim int }

// result is what was measured for S tokens.
type result struct {
	tokens              int
	attention, products float64 // seconds
	streamed            float64 // bytes that attention took beside its arguments
	stored              float64 // with the scores, or 0 if that was not measured
}

// llama returns a layer of the shape of LLaMA 3.2 1B.
func llama() *layer {
	const dim, inner = 2048, 8192
	h := heads{queries: 32, keys: 8, dim: 64}
	w := nn.NewLoader(checkpoint.Random(1, tensor.F32), nn.Options{})
	return &layer{
		name: "LLaMA 3.2 1B", what: "One layer of the shape of LLaMA 3.2 1B with random weights in float32", heads: h, dim: dim,
		qkv: w.Fused(dim, false, nn.Part{Name: "q_proj", Out: h.queries * h.dim},
			nn.Part{Name: "k_proj", Out: h.keys * h.dim}, nn.Part{Name: "v_proj", Out: h.keys * h.dim}),
		out: w.Linear("o_proj", h.queries*h.dim, dim, false),
		others: []attention.Op{&block.GLU{
			GateUp: w.Fused(dim, false, nn.Part{Name: "gate_proj", Out: inner}, nn.Part{Name: "up_proj", Out: inner}),
			Act:    nn.SiLU,
			Down:   w.Linear("down_proj", inner, dim, false),
		}},
	}
}

// firstOf returns the first layer of the decoder in a folder.
func firstOf(folder string) (*layer, error) {
	d, err := tiny.Open(folder)
	if err != nil {
		return nil, err
	}
	if len(d.Blocks) == 0 {
		return nil, fmt.Errorf("-model %s: the model has no layers", folder)
	}
	name := filepath.Base(folder)
	l := &layer{name: name, what: "The first layer of " + name, dim: d.Dim}
	ops := d.Blocks[0].Ops()
	for len(ops) > 0 {
		op := ops[0]
		ops = ops[1:]
		switch o := op.(type) {
		case *attention.MultiHead:
			l.heads = heads{o.Heads, o.KVHeads, o.HeadDim}
			l.qkv, l.out = o.QKV, o.Out
		case *block.Parallel:
			for _, b := range o.Branches {
				ops = append(ops, b.Op)
			}
		default:
			if !attention.Describe(op).TokenWise {
				return nil, fmt.Errorf("-model %s: the first layer has a %T, which this example cannot measure", folder, op)
			}
			l.others = append(l.others, op)
		}
	}
	if l.queries == 0 {
		return nil, fmt.Errorf("-model %s: the first layer has no attention", folder)
	}
	return l, nil
}

// scoreBytes is the memory of a score for each head and pair of tokens, [H, S, S].
func (h heads) scoreBytes(s int) float64 { return 4 * float64(h.queries) * float64(s) * float64(s) }

// cacheBytes is the memory of a layer's keys and values, which a model keeps for the tokens to come.
func (h heads) cacheBytes(s int) float64 { return 2 * 4 * float64(h.keys*h.dim) * float64(s) }

// mostStored bounds the scores that are stored to measure them, in bytes.
const mostStored = 512 << 20

func (l *layer) measure(s int) result {
	r := result{tokens: s}
	a := newAttending(l.heads, s)
	r.streamed, r.stored = a.memory()
	r.attention = fastest(a.run)
	r.products = l.timeProducts(s)
	return r
}

// attending is causal attention of s tokens to themselves.
type attending struct {
	heads
	s          int
	q, k, v, y tensor.Tensor // [S, H, D], [S, Hkv, D] twice, [S, H, D]
	options    attention.Options
}

func newAttending(h heads, s int) *attending {
	return &attending{
		heads: h, s: s,
		q: random(s, h.queries, h.dim), k: random(s, h.keys, h.dim), v: random(s, h.keys, h.dim),
		y:       tensor.New(s, h.queries, h.dim),
		options: attention.Options{Mask: attention.Mask{Causal: true}},
	}
}

func (a *attending) run() { attention.ScaledDotProduct(a.y, a.q, a.k, a.v, a.options) }

// memory returns the bytes that attention takes beside its arguments, and what it takes when all scores
// are stored, or 0 for the latter if they are too many.
func (a *attending) memory() (streamed, stored float64) {
	streamed = allocated(a.run)
	if a.scoreBytes(a.s) > mostStored {
		return streamed, 0
	}
	return streamed, allocated(func() {
		weights, o := tensor.New(a.queries, a.s, a.s), a.options
		o.Weights = &weights
		attention.ScaledDotProduct(a.y, a.q, a.k, a.v, o)
	})
}

// timeProducts returns the seconds that the layer's products, and the activation between them, take for s tokens, 512
// at a time as a model reads a prompt.
func (l *layer) timeProducts(s int) float64 {
	n := min(s, 512)
	x, y := random(n, l.dim), tensor.New(n, l.dim)
	qkv, heads := tensor.New(n, l.qkv.Out()), random(n, l.out.In())
	var pass attention.Pass
	return fastest(func() {
		for range s / n {
			l.qkv.Forward(qkv, x)
			l.out.Forward(y, heads)
			for _, op := range l.others {
				op.Forward(&pass, y, x)
			}
		}
	})
}

// fastest returns the seconds of the fastest run of f, of several unless they are long. Other programs can only make a
// run slower.
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

// allocated returns the bytes that f allocates when the library has no memory left to reuse.
func allocated(f func()) float64 {
	runtime.GC() // the second collection frees what the library keeps for reuse
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
