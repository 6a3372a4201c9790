package machine

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Kind is how weights are stored and multiplied.
type Kind struct {
	DType     tensor.DType
	Precision tensor.Precision
}

// Limits are the speeds of this machine.
type Limits struct {
	Threads  int            // GOMAXPROCS when they were measured
	Products map[Kind]Curve // floating-point operations a second, by rows
	Experts  map[Kind]Curve // the same for groups of rows, by rows of each expert

	// Attention is floating-point operations a second of many queries, by keys, for each width of a key.
	Attention map[int]Curve
	// KeyBytes is bytes of keys and values a second that one query reads.
	KeyBytes float64

	Norms       float64 // values a second that are normalised and added to the stream
	Activations float64 // values a second of an activation function
}

// least is the size of the weights that one product after the other takes from memory: more than caches hold.
const least = 256 << 20

// Measure times what the models need: some seconds, and up to 600 MB of memory.
func Measure(models ...*cost.Model) *Limits {
	l := &Limits{Threads: runtime.GOMAXPROCS(0), Products: map[Kind]Curve{}, Experts: map[Kind]Curve{}, Attention: map[int]Curve{}}
	for _, m := range models {
		w := m.Work(attention.Span{Pos: 1 << 12, Rows: 1, Out: 1, Source: 1})
		w.Add(m.Work(attention.Span{Rows: 1 << 12, Out: 1 << 12, Source: 1}))
		for k, share := range shares(append(w.Products, w.Cross...)) {
			if share > small && l.Products[k] == nil {
				l.Products[k] = products(k)
			}
		}
		for _, mix := range w.Mixtures {
			if k := kindOf(mix.Experts[0].Up); l.Experts[k] == nil {
				l.Experts[k] = experts(k)
			}
		}
		for _, p := range w.Pairs {
			if l.Attention[p.KeyDim] == nil {
				l.Attention[p.KeyDim] = attentions(p.KeyDim, p.ValueDim)
			}
		}
	}
	l.KeyBytes = keyBytes()
	l.Norms, l.Activations = norms(), activations()
	return l
}

// small is a share of all products that is not worth a curve of its own, such as that of routers in float32. It has
// the speed of others.
const small = 0.02

// shares returns the share of each kind in the operations of products.
func shares(all []attention.Product) map[Kind]float64 {
	sum, of := 0.0, map[Kind]float64{}
	for _, p := range all {
		sum += p.Flops()
	}
	for _, p := range all {
		for _, part := range p.Weight.Parts() {
			of[kindOf(part)] += attention.Product{Weight: part, Rows: p.Rows}.Flops() / sum
		}
	}
	return of
}

// products returns the curve of a kind, or another where that was not worth one.
func (l *Limits) products(k Kind) Curve {
	if c := l.Products[k]; c != nil {
		return c
	}
	for _, c := range l.Products {
		return c
	}
	return nil
}

func kindOf(w *tensor.Weight) Kind { return Kind{w.DType, w.Precision} }

// options returns the option of a Loader that makes weights of the kind.
func (k Kind) options() nn.Precision {
	switch k.Precision {
	case tensor.BF16Activations:
		return nn.BF16Activations
	case tensor.Int8Activations:
		return nn.Automatic
	}
	return nn.Exact
}

// perCall returns the median time of f in seconds. f is called a few times, and for a while.
func perCall(f func()) float64 {
	const while = 40 * time.Millisecond
	f() // brings code and scratch memory in
	var took []float64
	for begin := time.Now(); len(took) < 2 || time.Since(begin) < while; {
		start := time.Now()
		f()
		took = append(took, time.Since(start).Seconds())
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// weights returns matrices of random numbers that are stored as k, n of each shape.
func weights(k Kind, n int, shapes ...[2]int) []*tensor.Weight {
	stored := k.DType
	if !stored.Encodes() {
		stored = tensor.BF16
	}
	w := nn.NewLoader(checkpoint.Random(1, stored), nn.Options{Precision: k.options()})
	var all []*tensor.Weight
	for i := range n {
		for j, s := range shapes {
			all = append(all, w.Linear(fmt.Sprintf("%d.%d", i, j), s[1], s[0], false).Weight)
		}
	}
	return all
}

func random(rows, width int) tensor.Tensor {
	x := tensor.New(rows, width)
	for i := range x.Data {
		x.Data[i] = float32(i%17)/16 - 0.5
	}
	return x
}

// products times the two matrices of a feed-forward network, one network after the other.
func products(k Kind) Curve {
	const dim, inner = 2048, 8192
	n := max(2, least/k.DType.Bytes(2*dim*inner))
	all := weights(k, n, [2]int{inner, dim}, [2]int{dim, inner})
	var c Curve
	for _, rows := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512} {
		x, h, i := random(rows, dim), random(rows, inner), 0
		took := perCall(func() {
			tensor.MatMul(h, x, all[i])
			tensor.MatMul(x, h, all[i+1])
			i = (i + 2) % len(all)
		})
		c = append(c, Point{float64(rows), 2 * 2 * dim * inner * float64(rows) / took})
	}
	return c
}

// experts times all experts of a layer at once.
func experts(k Kind) Curve {
	const dim, hidden = 2048, 768
	n := max(8, least/k.DType.Bytes(3*dim*hidden))
	all := weights(k, n, [2]int{hidden, dim}, [2]int{hidden, dim}, [2]int{dim, hidden})
	e := make([]tensor.Expert, n)
	for i := range e {
		e[i] = tensor.Expert{Gate: all[3*i], Up: all[3*i+1], Down: all[3*i+2]}
	}
	var c Curve
	for _, rows := range []int{1, 2, 4, 8, 16, 32, 64, 128} {
		x, dst := random(n*rows, dim), tensor.New(n*rows, dim)
		g := tensor.Groups{Rows: make([]int, n*rows), Ends: make([]int, n)}
		for i := range g.Rows {
			g.Rows[i] = i
		}
		for i := range g.Ends {
			g.Ends[i] = (i + 1) * rows
		}
		took := perCall(func() { tensor.FeedForwardGrouped(dst, x, g, e, nn.SiLU) })
		c = append(c, Point{float64(rows), 2 * 3 * dim * hidden * float64(n*rows) / took})
	}
	return c
}

// attentions times 512 queries at the end of a text.
func attentions(keyDim, valueDim int) Curve {
	const heads, queries = 8, 512
	var c Curve
	for _, keys := range []int{512, 2048, 8192} {
		q, k, v, dst := random(queries*heads, keyDim), random(keys*heads, keyDim), random(keys*heads, valueDim), tensor.New(queries, heads, valueDim)
		q, k, v = tensor.From(q.Data, queries, heads, keyDim), tensor.From(k.Data, keys, heads, keyDim), tensor.From(v.Data, keys, heads, valueDim)
		o := attention.Options{Mask: attention.Mask{Causal: true}, Pos: keys - queries}
		took := perCall(func() { attention.ScaledDotProduct(dst, q, k, v, o) })
		pairs := o.Mask.Pairs(keys-queries, keys, keys)
		c = append(c, Point{float64(keys), 2 * heads * float64(pairs) * float64(keyDim+valueDim) / took})
	}
	return c
}

// keyBytes times one query of 32 heads that share the keys of 8, in one layer after the other.
func keyBytes() float64 {
	const heads, kvHeads, dim, keys = 32, 8, 128, 4096
	n := least / (2 * 4 * kvHeads * dim * keys)
	var k, v []tensor.Tensor
	for range n {
		x, y := random(keys*kvHeads, dim), random(keys*kvHeads, dim)
		k, v = append(k, tensor.From(x.Data, keys, kvHeads, dim)), append(v, tensor.From(y.Data, keys, kvHeads, dim))
	}
	q, dst, i := tensor.New(1, heads, dim), tensor.New(1, heads, dim), 0
	o := attention.Options{Mask: attention.Mask{Causal: true}, Pos: keys - 1}
	took := perCall(func() {
		attention.ScaledDotProduct(dst, q, k[i], v[i], o)
		i = (i + 1) % n
	})
	return 2 * 4 * kvHeads * dim * keys / took
}

const restRows, restDim = 512, 2048

// norms times a norm and a sum, as each sublayer has them.
func norms() float64 {
	x, y := random(restRows, restDim), tensor.New(restRows, restDim)
	n := &nn.RMSNorm{Weight: random(1, restDim).Data, Eps: 1e-6}
	took := perCall(func() {
		n.Forward(y, x)
		vec.Add(y.Data, y.Data, x.Data)
	})
	return restRows * restDim / took
}

func activations() float64 {
	x, y := random(restRows, 2*restDim), tensor.New(restRows, restDim)
	return restRows * restDim / perCall(func() { nn.SiLU.Gate(y, x) })
}
