package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func random(seed uint64, dims ...int) tensor.Tensor {
	return tensor.From(tensortest.Normal(rand.New(rand.NewPCG(seed, 1)), tensor.Of(dims...).Len()), dims...)
}

// naive computes attention in T, the textbook's way, with weights.
func naive[F float32 | float64](q, k, v tensor.Tensor, o Options) (out, weights []F) {
	T, H, D := q.Shape[0], q.Shape[1], q.Shape[2]
	S, kv, dv := k.Shape[0], k.Shape[1], v.Shape[2]
	scale := F(o.Scale)
	if scale == 0 {
		scale = F(1 / math.Sqrt(float64(D)))
	}
	out, weights = make([]F, T*H*dv), make([]F, H*T*S)
	for t := range T {
		lo, hi := o.Mask.Range(o.Pos + t)
		for h := range H {
			g := h / (H / kv)
			w := weights[(h*T+t)*S:][:S]
			sink := math.Inf(-1)
			if o.Sinks != nil {
				sink = float64(o.Sinks[h])
			}
			most := sink
			for s := range S {
				var dot F
				for d := range D {
					dot += F(q.Row(t*H + h)[d]) * F(k.Row(s*kv + g)[d])
				}
				x := float64(dot * scale)
				if c := float64(o.SoftCap); c != 0 {
					x = c * math.Tanh(x/c)
				}
				if a, ok := o.Bias.(ALiBi); ok {
					x += float64(a.Slopes[h]) * float64(s-o.Pos-t)
				}
				switch o.Add.Shape.Rank() {
				case 2:
					x += float64(o.Add.Row(t)[s])
				case 3:
					x += float64(o.Add.Row(h*T + t)[s])
				}
				if s < lo || s > hi || o.Keep != nil && !o.Keep[t*S+s] {
					x = math.Inf(-1)
				}
				w[s] = F(x)
				most = max(most, x)
			}
			sum := F(math.Exp(sink - max(most, -math.MaxFloat64)))
			for s := range w {
				if math.IsInf(most, -1) {
					w[s] = 0
					continue
				}
				w[s] = F(math.Exp(float64(w[s]) - most))
				sum += w[s]
			}
			for s := range w {
				if sum > 0 {
					w[s] /= sum
				}
				for d := range dv {
					out[(t*H+h)*dv+d] += w[s] * F(v.Row(s*kv + g)[d])
				}
			}
		}
	}
	return out, weights
}

// A case is [T, H, Hkv, D, Dv, S] and options.
type testCase struct {
	name              string
	t, h, kv, d, v, s int
	o                 Options
}

func cases() []testCase {
	keep := make([]bool, 20*50)
	for i := range keep {
		keep[i] = i%3 != 0 && i/50 != 7 // row 7 sees nothing
	}
	slopes := []float32{0.5, 0.25, 0.125, 0.06, 0.03, 0.01}
	return []testCase{
		{"one", 1, 1, 1, 1, 1, 1, Options{}},
		{"full", 33, 4, 4, 20, 20, 77, Options{}},
		{"causal", 300, 2, 2, 16, 16, 300, Options{Mask: Mask{Causal: true}}},
		{"grouped", 50, 6, 2, 24, 24, 50, Options{Mask: Mask{Causal: true}}},
		{"multi-query", 9, 71, 1, 8, 8, 9, Options{Mask: Mask{Causal: true}}},
		{"values of another width", 10, 3, 1, 12, 7, 40, Options{}},
		{"after cached keys", 5, 2, 1, 64, 64, 400, Options{Mask: Mask{Causal: true}, Pos: 395}},
		{"one token, many keys", 1, 8, 2, 64, 64, 5000, Options{Mask: Mask{Causal: true}, Pos: 4999}},
		{"window", 300, 2, 1, 16, 16, 300, Options{Mask: Mask{Causal: true, Window: 37}}},
		{"window to both sides", 140, 2, 1, 16, 16, 140, Options{Mask: Mask{Window: 9}}},
		{"chunk", 200, 2, 1, 16, 16, 200, Options{Mask: Mask{Causal: true, Chunk: 48}}},
		{"chunk to both sides", 200, 2, 1, 16, 16, 200, Options{Mask: Mask{Chunk: 48}}},
		{"scale and soft-cap", 40, 2, 1, 16, 16, 60, Options{Scale: 0.9, SoftCap: 3, Mask: Mask{Causal: true}, Pos: 20}},
		{"alibi", 40, 6, 3, 16, 16, 60, Options{Bias: ALiBi{slopes}, Mask: Mask{Causal: true}, Pos: 20}},
		{"boolean", 20, 2, 1, 8, 8, 50, Options{Keep: keep}},
		{"additive", 20, 2, 2, 8, 8, 50, Options{Add: random(9, 20, 50)}},
		{"additive by head", 20, 2, 1, 8, 8, 50, Options{Add: random(9, 2, 20, 50), Keep: keep, Bias: ALiBi{slopes}}},
		{"sinks", 60, 6, 2, 16, 16, 300, Options{Sinks: []float32{0, 1, -3, 4, 60, -60}, Mask: Mask{Causal: true}, Pos: 240}},
		{"sinks in a window", 300, 2, 1, 16, 12, 300, Options{Sinks: []float32{0.3, 2}, Mask: Mask{Causal: true, Window: 37}}},
		{"sinks, one token, many keys", 1, 8, 2, 64, 64, 5000, Options{Sinks: []float32{1, 2, 3, 4, 5, 6, 7, 8}, Mask: Mask{Causal: true}, Pos: 4999}},
		{"sinks and all else", 20, 2, 1, 8, 8, 50, Options{Sinks: []float32{1, -1}, Keep: keep, Bias: ALiBi{slopes}, SoftCap: 2, Add: random(9, 20, 50)}},
		{"queries before all keys", 4, 1, 1, 8, 8, 10, Options{Mask: Mask{Causal: true, Window: 2}, Pos: 40}},
	}
}

func (c testCase) inputs() (q, k, v tensor.Tensor) {
	return random(1, c.t, c.h, c.d), random(2, c.s, c.kv, c.d), random(3, c.s, c.kv, c.v)
}

// The error against float64 is at most twice that of the textbook's loop in float32, and 2e-6 for
// results that it happens to hit.
func TestScaledDotProduct(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, c := range cases() {
			q, k, v := c.inputs()
			want, wantW := naive[float64](q, k, v, c.o)
			loop, loopW := naive[float32](q, k, v, c.o)
			dst, w := tensor.New(c.t, c.h, c.v), tensor.New(c.h, c.t, c.s)
			for i := range w.Data {
				w.Data[i] = -1
			}
			ScaledDotProduct(dst, q, k, v, c.o)
			tensortest.CheckError(t, c.name, dst.Data, want, loop, 2e-6)
			plain := append([]float32(nil), dst.Data...)
			c.o.Weights = &w
			ScaledDotProduct(dst, q, k, v, c.o)
			tensortest.CheckError(t, c.name+" weights", w.Data, wantW, loopW, 2e-6)
			tensortest.CheckBits(t, c.name+" when weights are asked for", dst.Data, plain)
		}
	})
}

// Every row has the same bits however queries are divided between calls and processors.
func TestBits(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for _, c := range cases() {
			if c.o.Keep != nil || c.o.Add.Shape.Rank() > 0 {
				continue // rows of a mask do not move with the queries
			}
			q, k, v := c.inputs()
			want, got := tensor.New(c.t, c.h, c.v), tensor.New(c.t, c.h, c.v)
			ScaledDotProduct(want, q, k, v, c.o)
			for _, procs := range []int{1, 3} {
				old := runtime.GOMAXPROCS(procs)
				for _, step := range []int{1, 7, 64} {
					for i := 0; i < c.t; i += step {
						o, j := c.o, min(i+step, c.t)
						o.Pos += i
						ScaledDotProduct(got.Slice(i, j), q.Slice(i, j), k, v, o)
					}
					for i := range want.Data {
						if got.Data[i] != want.Data[i] {
							t.Fatalf("%s: GOMAXPROCS %d, %d queries at a time: element %d is %v, want %v", c.name, procs, step, i, got.Data[i], want.Data[i])
						}
					}
				}
				runtime.GOMAXPROCS(old)
			}
		}
	})
}

// A few queries that see many keys read them in another order; their bits are those of one head after the other.
func TestBitsOfInterleavedHeads(t *testing.T) {
	const keys, kvHeads, dim = 2100, 3, 32
	if keys*kvHeads*2*dim < interleavedLen {
		t.Fatal("too few keys")
	}
	k, v := random(2, keys, kvHeads, dim), random(3, keys, kvHeads, dim)
	tensortest.EachSet(t, func(t *testing.T) {
		for _, rows := range []int{1, 5} {
			q := random(1, rows, 2*kvHeads, dim)
			for _, m := range []Mask{{}, {Causal: true}, {Causal: true, Window: 1200}} {
				want, got := tensor.New(rows, 2*kvHeads, dim), tensor.New(rows, 2*kvHeads, dim)
				o := Options{Mask: m, Pos: keys - rows}
				for h := range kvHeads { // a head of keys alone is not interleaved
					oneQ, oneK, oneV := tensor.New(rows, 2, dim), tensor.New(keys, 1, dim), tensor.New(keys, 1, dim)
					for r := range keys {
						copy(oneK.Row(r), k.Row(r*kvHeads+h))
						copy(oneV.Row(r), v.Row(r*kvHeads+h))
					}
					for r := range 2 * rows {
						copy(oneQ.Row(r), q.Row(r/2*2*kvHeads+2*h+r%2))
					}
					dst := tensor.New(rows, 2, dim)
					ScaledDotProduct(dst, oneQ, oneK, oneV, o)
					for r := range 2 * rows {
						copy(want.Row(r/2*2*kvHeads+2*h+r%2), dst.Row(r))
					}
				}
				for _, procs := range []int{1, 3} {
					old := runtime.GOMAXPROCS(procs)
					clear(got.Data)
					ScaledDotProduct(got, q, k, v, o)
					runtime.GOMAXPROCS(old)
					if i, ok := tensortest.SameBits(got.Data, want.Data); !ok {
						t.Fatalf("%d queries, %+v, GOMAXPROCS %d: element %d is %v, want %v", rows, m, procs, i, got.Data[i], want.Data[i])
					}
				}
			}
		}
	})
}

func TestHugeScores(t *testing.T) {
	q := tensor.From([]float32{3e18, 0}, 1, 2)
	k := tensor.From([]float32{3e18, 0, 1e18, 0}, 2, 2)
	v := tensor.From([]float32{1, 2, 3, 4}, 2, 2)
	dst := tensor.New(1, 2)
	ScaledDotProduct(dst, q, k, v, Options{})
	if dst.Data[0] != 1 || dst.Data[1] != 2 {
		t.Errorf("got %v, want the values of the first key", dst.Data)
	}
}

func TestAllocatesNothing(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector allocates")
	}
	q, k, v := random(1, 9, 4, 32), random(2, 200, 2, 32), random(3, 200, 2, 32)
	dst := tensor.New(9, 4, 32)
	if n := testing.AllocsPerRun(100, func() { ScaledDotProduct(dst, q, k, v, Options{Mask: Mask{Causal: true}, Pos: 191}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestShapesPanic(t *testing.T) {
	for _, f := range map[string]func(){
		"heads": func() {
			ScaledDotProduct(tensor.New(2, 3, 4), tensor.New(2, 3, 4), tensor.New(5, 2, 4), tensor.New(5, 2, 4), Options{})
		},
		"widths": func() {
			ScaledDotProduct(tensor.New(2, 4), tensor.New(2, 4), tensor.New(5, 3), tensor.New(5, 3), Options{})
		},
		"result": func() {
			ScaledDotProduct(tensor.New(2, 3), tensor.New(2, 4), tensor.New(5, 4), tensor.New(5, 4), Options{})
		},
		"keep": func() {
			ScaledDotProduct(tensor.New(2, 4), tensor.New(2, 4), tensor.New(5, 4), tensor.New(5, 4), Options{Keep: make([]bool, 3)})
		},
		"weights": func() {
			w := tensor.New(3, 5)
			ScaledDotProduct(tensor.New(2, 4), tensor.New(2, 4), tensor.New(5, 4), tensor.New(5, 4), Options{Weights: &w})
		},
		"ranks": func() {
			ScaledDotProduct(tensor.New(2, 4), tensor.New(2, 4), tensor.New(5, 1, 4), tensor.New(5, 1, 4), Options{})
		},
	} {
		tensortest.Panics(t, "attention: ", f)
	}
}

func TestOverlap(t *testing.T) {
	const rows, dim = 5, 8
	memory := random(1, 2*rows, dim)
	x, shifted := memory.Slice(0, rows), memory.Slice(1, 1+rows)
	a, b, c, dst := random(2, rows, dim), random(3, rows, dim), random(4, rows, dim), tensor.New(rows, dim)
	square := tensor.New(rows, rows)
	part := tensor.From(x.Data[:rows*rows], rows, rows)
	for want, f := range map[string]func(){
		"dst overlaps q":       func() { ScaledDotProduct(shifted, x, b, c, Options{}) },
		"dst overlaps k":       func() { ScaledDotProduct(x, a, x, c, Options{}) },
		"dst overlaps v":       func() { ScaledDotProduct(x, a, b, shifted, Options{}) },
		"dst overlaps Add":     func() { ScaledDotProduct(x, a, b, c, Options{Add: part}) },
		"Weights overlaps q":   func() { ScaledDotProduct(dst, x, b, c, Options{Weights: &part}) },
		"Weights overlaps dst": func() { ScaledDotProduct(x, a, b, c, Options{Weights: &part}) },
		"Weights overlaps Add": func() { ScaledDotProduct(dst, a, b, c, Options{Add: square, Weights: &square}) },
	} {
		tensortest.Panics(t, "attention: ScaledDotProduct: "+want, f)
	}
	ScaledDotProduct(dst, x, x, shifted, Options{Weights: &square}) // inputs may be one

	m := &MultiHead{Heads: 2, KVHeads: 2, HeadDim: 4, QKV: nn.Linear{Weight: tensor.NewWeight(tensor.F32, 24, dim)},
		Out: nn.Linear{Weight: tensor.NewWeight(tensor.F32, dim, dim)}}
	d := &Disentangled{Heads: m.Heads, HeadDim: m.HeadDim, QKV: m.QKV, Out: m.Out}
	cross := &CrossAttention{Heads: 2, HeadDim: 4, Query: m.Out, KV: nn.Linear{Weight: tensor.NewWeight(tensor.F32, 16, dim)}, Out: m.Out}
	plan, err := NewPlan([]Op{m})
	if err != nil {
		t.Fatal(err)
	}
	pass := func(f func(p *Pass)) func() {
		return func() {
			p := new(Pass)
			p.Begin(Seq{Rows: rows})
			p.Plan = plan
			f(p)
		}
	}
	for want, f := range map[string]func(){
		"MultiHead: dst overlaps x":      pass(func(p *Pass) { m.Forward(p, shifted, x) }),
		"MatMul: dst overlaps Add":       pass(func(p *Pass) { m.Traits().ForwardAdd(p, dst, x, dst) }),
		"Disentangled: dst overlaps x":   pass(func(p *Pass) { d.Forward(p, x, x) }),
		"CrossAttention: dst overlaps x": pass(func(p *Pass) { cross.Forward(p, x, x) }),
		"Attend: dst overlaps q":         pass(func(p *Pass) { p.Attend(m, x, x, b, c, Options{}) }),
		"Attend: dst overlaps v":         pass(func(p *Pass) { p.Attend(m, x, a, b, x, Options{}) }),
	} {
		tensortest.Panics(t, want, f)
	}
	tensortest.Panics(t, "MultiHead: dst overlaps x", pass(func(p *Pass) { m.Traits().ForwardRows(p, x, x, []int{0, 1, 2, 3, 4}) }))
}

// Three tokens attend to each other: the textbook's example, and a causal mask.
func ExampleScaledDotProduct() {
	q := tensor.From([]float32{1, 0, 0, 1, 1, 1}, 3, 2) // [T, D]
	k := tensor.From([]float32{1, 0, 0, 1, 1, 1}, 3, 2) // [S, D]
	v := tensor.From([]float32{1, 2, 3, 4, 5, 6}, 3, 2) // [S, D]
	out, weights := tensor.New(3, 2), tensor.New(3, 3)
	ScaledDotProduct(out, q, k, v, Options{Weights: &weights})
	for i := range 3 {
		fmt.Printf("weights %.3f output %.3f\n", weights.Row(i), out.Row(i))
	}
	fmt.Println("causal:")
	ScaledDotProduct(out, q, k, v, Options{Weights: &weights, Mask: Mask{Causal: true}})
	for i := range 3 {
		fmt.Printf("weights %.3f output %.3f\n", weights.Row(i), out.Row(i))
	}
	// Output:
	// weights [0.401 0.198 0.401] output [3.000 4.000]
	// weights [0.198 0.401 0.401] output [3.407 4.407]
	// weights [0.248 0.248 0.503] output [3.510 4.510]
	// causal:
	// weights [1.000 0.000 0.000] output [1.000 2.000]
	// weights [0.330 0.670 0.000] output [2.340 3.340]
	// weights [0.248 0.248 0.503] output [3.510 4.510]
}
