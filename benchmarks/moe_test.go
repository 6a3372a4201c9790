package benchmarks

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// moeShape is the size of a layer of experts.
type moeShape struct {
	name                         string
	dim, hidden, experts, active int
	shared                       bool // one more expert of this size, for all tokens
}

var moeShapes = []moeShape{
	{"mixtral", 4096, 14336, 8, 2, false},
	{"qwen3-30b", 2048, 768, 128, 8, false},
	{"deepseek-v3", 7168, 2048, 64, 8, true}, // a quarter of its experts
}

// BenchmarkMoE is one layer of experts, for prompts and for single tokens. The experts of a token are random, as even
// as chance makes them.
func BenchmarkMoE(b *testing.B) {
	for _, s := range moeShapes {
		b.Run(s.name, func(b *testing.B) {
			if testing.Short() {
				b.Skip("-short: the layer takes gigabytes")
			}
			for _, kind := range []struct {
				name      string
				precision tensor.Precision
			}{{"bf16", tensor.FullPrecision}, {"bf16-rounding", tensor.BF16Activations}} {
				if lack := lacksMemory(s.bytes()); lack != "" {
					b.Run(kind.name, func(b *testing.B) { b.Skip(lack) })
					continue
				}
				get := sync.OnceValues(func() (*moeLayer, error) { return s.random(kind.precision) })
				for _, rows := range []int{1, 512, 2048} {
					run(b, fmt.Sprintf("%s/T=%d", kind.name, rows), func(b *testing.B) {
						l, err := get()
						if err != nil {
							b.Fatal(err)
						}
						if rows == 1 {
							l.benchToken(b)
						} else {
							l.benchPrompt(b, rows)
						}
					})
				}
			}
		})
	}
}

// expertBytes returns the size of one expert.
func (s moeShape) expertBytes() int64 { return int64(tensor.BF16.Bytes(3 * s.dim * s.hidden)) }

// copies returns the number of networks of an expert's size that no cache holds.
func (s moeShape) copies() int { return int(1 + 256<<20/s.expertBytes()) }

func (s moeShape) bytes() int64 { return int64(s.experts+s.copies()+1) * s.expertBytes() }

// moeLayer is a layer with random weights, and dense networks to compare it with.
type moeLayer struct {
	moeShape
	layer moe.Layer
	dense []*block.GLU
	pass  attention.Pass
}

// random returns a layer of this shape. Its experts have the same values; what they compute does not matter.
func (s moeShape) random(p tensor.Precision) (*moeLayer, error) {
	src := checkpoint.Random(1, tensor.BF16)
	slab := tensor.NewSlab(s.bytes())
	var failed error
	values := func(out, in int) func(parts int) *tensor.Weight {
		name := fmt.Sprint(out)
		src.Make(name, tensor.Of(out, in))
		data, err := src.Bytes(name)
		failed = errors.Join(failed, err)
		return func(parts int) *tensor.Weight { // the same values so many times, one below the other
			w := slab.NewWeight(tensor.BF16, p, parts*out, in)
			for i := range parts {
				w.Pack(i*out, data)
			}
			return w
		}
	}
	up, down, gate := values(s.hidden, s.dim), values(s.dim, s.hidden), values(s.experts, s.dim)
	glu := func() *block.GLU {
		return &block.GLU{GateUp: nn.Linear{Weight: up(2)}, Act: nn.SiLU, Down: nn.Linear{Weight: down(1)}}
	}
	router := &moe.TopK{Gate: nn.Linear{Weight: gate(1)}, Active: s.active, Score: moe.Softmax, Renormalise: true}
	l := &moeLayer{moeShape: s, layer: moe.Layer{Router: router, Act: nn.SiLU}}
	if s.shared {
		l.layer.Shared = glu()
		router.Score, router.Bias, router.Groups = moe.Sigmoid, make([]float32, s.experts), moe.Groups{N: 8, Keep: 4, Score: moe.TopTwo}
	}
	for range s.experts {
		l.layer.Experts = append(l.layer.Experts, tensor.Expert{Gate: up(1), Up: up(1), Down: down(1)})
	}
	for range s.copies() {
		l.dense = append(l.dense, glu())
	}
	return l, failed
}

// benchToken is one token after the other, each with experts of its own.
func (l *moeLayer) benchToken(b *testing.B) {
	const tokens = 64
	x, dst := tensor.New(tokens, l.dim), tensor.New(1, l.dim)
	fill(x.Data)
	used := l.active
	if l.shared {
		used++
	}
	bytes := float64(int64(used) * l.expertBytes())
	l.layer.Forward(&l.pass, dst, x.Slice(0, 1))
	b.ReportAllocs()
	i := 0
	meter := newMeter(b, ofBandwidth(bytes))
	for b.Loop() {
		l.layer.Forward(&l.pass, dst, x.Slice(i%tokens, i%tokens+1))
		i++
		meter.lap()
	}
	meter.report()
	perSecond(b, "GB/s", bytes/1e9)
}

// benchPrompt is a prompt. %dense is the time of dense networks with the rows of each expert, as a share of the whole
// time; %experts that of the experts without routing, sorting and adding.
func (l *moeLayer) benchPrompt(b *testing.B, rows int) {
	x, dst := tensor.New(rows, l.dim), tensor.New(rows, l.dim)
	fill(x.Data)
	groups := l.groups(dst, x)
	flops := 2 * 3 * float64(l.dim*l.hidden) * float64(rows*l.active)
	if l.shared {
		flops *= float64(l.active+1) / float64(l.active)
	}
	b.ReportAllocs()
	meter := newMeter(b, ofPeak(flops), limit{"%dense", 1, l.timed(x, groups, l.runDense)}, limit{"%experts", 1, l.timed(x, groups, l.runExperts)})
	for b.Loop() {
		l.layer.Forward(&l.pass, dst, x)
		meter.lap()
	}
	meter.report()
	perSecond(b, "tok/s", float64(rows))
}

// groups returns the rows of x that each expert gets.
func (l *moeLayer) groups(dst, x tensor.Tensor) (g tensor.Groups) {
	var record moe.Record
	l.pass.Observer = record.Observe
	l.layer.Forward(&l.pass, dst, x)
	l.pass.Observer = nil
	chosen := record.Routing(0).Chosen
	for e := range l.experts {
		for i, c := range chosen {
			if c == e {
				g.Rows = append(g.Rows, i/l.active)
			}
		}
		g.Ends = append(g.Ends, len(g.Rows))
	}
	return g
}

// timed returns how often a second f can be done.
func (l *moeLayer) timed(x tensor.Tensor, g tensor.Groups, f func(results, shared, x tensor.Tensor, g tensor.Groups)) func() float64 {
	results, shared := tensor.New(len(g.Rows), l.dim), tensor.New(x.Rows(), l.dim)
	return func() float64 {
		start := time.Now()
		f(results, shared, x, g)
		return 1 / time.Since(start).Seconds()
	}
}

// runExperts computes what the experts give.
func (l *moeLayer) runExperts(results, shared, x tensor.Tensor, g tensor.Groups) {
	tensor.FeedForwardGrouped(results, x, g, l.layer.Experts, l.layer.Act)
	if l.shared {
		l.layer.Shared.Forward(&l.pass, shared, x)
	}
}

// runDense has dense networks compute as many rows as each expert does, one after the other.
func (l *moeLayer) runDense(results, shared, x tensor.Tensor, g tensor.Groups) {
	from := 0
	for e, to := range g.Ends {
		if from < to {
			l.dense[e%len(l.dense)].Forward(&l.pass, results.Slice(from, to), x.Slice(0, to-from))
		}
		from = to
	}
	if l.shared {
		l.layer.Shared.Forward(&l.pass, shared, x)
	}
}
