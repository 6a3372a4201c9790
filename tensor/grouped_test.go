package tensor

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// swiGLU is a Gating.
type swiGLU struct{}

func (swiGLU) ApplyGate(dst, gate, up []float32) { vec.SiLUMul(dst, gate, up) }

// plainGrouped is FeedForwardGrouped as it is defined: one expert after the other, a product at a time.
func plainGrouped(dst, x Tensor, g Groups, experts []Expert, act Gating) {
	in, out := x.Shape.Last(), dst.Shape.Last()
	for i, e := range experts {
		from, to := g.of(i)
		if from == to {
			continue
		}
		rows, gate, up := New(to-from, in), New(to-from, e.Gate.Out), New(to-from, e.Up.Out)
		for j, r := range g.Rows[from:to] {
			copy(rows.Row(j), x.Row(r))
		}
		MatMulEpilogue(gate, rows, e.Gate, Epilogue{Bias: e.GateBias})
		MatMulEpilogue(up, rows, e.Up, Epilogue{Bias: e.UpBias})
		act.ApplyGate(gate.Data, gate.Data, up.Data)
		MatMulEpilogue(From(dst.Data[from*out:to*out], to-from, out), gate, e.Down, Epilogue{Bias: e.DownBias})
	}
}

// randomGroups gives experts so many rows each, of a tensor with rows.
func randomGroups(r *rand.Rand, rows int, counts ...int) (g Groups) {
	for _, n := range counts {
		for range n {
			g.Rows = append(g.Rows, r.IntN(rows))
		}
		g.Ends = append(g.Ends, len(g.Rows))
	}
	return g
}

// randomExperts returns experts of a kind of weight, every other one with biases.
func randomExperts(r *rand.Rand, n, kind, in, hidden, out int) []Expert {
	values := func(rows, cols int) Tensor { return From(tensortest.Gaussian(r, rows*cols, 0, 0.2), rows, cols) }
	experts := make([]Expert, n)
	for i := range experts {
		e := &experts[i]
		*e = Expert{Gate: weightOf(kind, values(hidden, in)), Up: weightOf(kind, values(hidden, in)), Down: weightOf(kind, values(out, hidden))}
		if i%2 == 0 {
			e.GateBias, e.UpBias, e.DownBias = values(1, hidden).Data, values(1, hidden).Data, values(1, out).Data
		}
	}
	return experts
}

var groupedCases = []struct {
	rows, in, hidden, out int
	counts                []int // of each expert's rows
}{
	{1, 40, 96, 40, []int{0, 1, 0, 1, 1}},
	{1, 100, 50, 33, []int{1}},
	{5, 34, 130, 50, []int{3, 0, 1, 4, 9, 0}},
	{3, 520, 70, 97, []int{2, 2, 2}},
	{60, 64, 98, 64, []int{0, 0, 61, 0}},
	{300, 30, 52, 20, []int{130, 1, 257, 12, 0, 5}},
	{40, 1030, 1060, 20, []int{9, 1}},
	{20, 40, 3000, 30, []int{9, 3, 8}},
	{50, 16, 48, 16, []int{8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 10, 11, 12, 13, 14, 15, 16, 17}},
}

// Each output has the bits of the definition, whatever the number of processors and the size of waves.
func TestFeedForwardGrouped(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		for i, c := range groupedCases {
			if testing.Short() && c.in*c.hidden > 1e6 {
				continue
			}
			r := rand.New(rand.NewPCG(uint64(i), 1))
			x, g := From(tensortest.Normal(r, c.rows*c.in), c.rows, c.in), randomGroups(r, c.rows, c.counts...)
			for kind := range weightKinds {
				experts := randomExperts(r, len(c.counts), kind, c.in, c.hidden, c.out)
				want := New(len(g.Rows), c.out)
				plainGrouped(want, x, g, experts, swiGLU{})
				for procs := 1; procs <= 4; procs++ {
					old := runtime.GOMAXPROCS(procs)
					got := New(len(g.Rows), c.out)
					FeedForwardGrouped(got, x, g, experts, swiGLU{})
					same(t, fmt.Sprintf("case %d, kind %d, %d processors", i, kind, procs), got, want)
					clear(got.Data)
					p := &groupedProduct{dst: got, x: x, groups: g, experts: experts, act: swiGLU{}}
					p.run(1 + r.IntN(20*(c.in+c.hidden)))
					same(t, fmt.Sprintf("case %d, kind %d, %d processors, small waves", i, kind, procs), got, want)
					runtime.GOMAXPROCS(old)
				}
			}
		}
	})
}

// An output depends on its row and its expert alone: not on the order of rows, nor on which others there are.
func TestGroupedRowsAreIndependent(t *testing.T) {
	const tokens, in, hidden, out, n = 50, 70, 100, 60, 6
	r := rand.New(rand.NewPCG(1, 2))
	x := From(tensortest.Normal(r, tokens*in), tokens, in)
	for kind := range weightKinds {
		experts := randomExperts(r, n, kind, in, hidden, out)
		want := New(n, tokens, out)
		all := Groups{}
		for range n {
			for i := range tokens {
				all.Rows = append(all.Rows, i)
			}
			all.Ends = append(all.Ends, len(all.Rows))
		}
		FeedForwardGrouped(want.Reshape(n*tokens, out), x, all, experts, swiGLU{})
		for range 20 {
			g := randomGroups(r, tokens, r.IntN(40), r.IntN(9), 0, r.IntN(3), r.IntN(200), 1)
			got := New(len(g.Rows), out)
			FeedForwardGrouped(got, x, g, experts, swiGLU{})
			for e := range experts {
				from, to := g.of(e)
				for i, row := range g.Rows[from:to] {
					tensortest.CheckBits(t, fmt.Sprintf("kind %d, expert %d, row %d", kind, e, row), got.Row(from+i), want.Row(e*tokens+row))
				}
			}
		}
	}
}

// Experts may differ in everything but the rows that they take and give; those without rows may be missing.
func TestGroupedMixture(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		const tokens, in, out = 30, 96, 40
		r := rand.New(rand.NewPCG(3, 4))
		x := From(tensortest.Normal(r, tokens*in), tokens, in)
		var experts []Expert
		for gate := range weightKinds {
			for up := range weightKinds {
				hidden := 30 + 2*r.IntN(60)
				e := randomExperts(r, 1, gate, in, hidden, out)[0]
				e.Up = weightOf(up, From(tensortest.Normal(r, hidden*in), hidden, in))
				experts = append(experts, e, Expert{})
			}
		}
		up, _ := scaledWeight(r, 64, in)
		down, _ := scaledWeight(r, out, 64)
		experts = append(experts, Expert{Gate: up, Up: up, Down: down})
		counts := make([]int, len(experts))
		for i := 0; i < len(counts); i += 2 {
			counts[i] = 1 + r.IntN(20)
		}
		g := randomGroups(r, tokens, counts...)
		want := New(len(g.Rows), out)
		plainGrouped(want, x, g, experts, swiGLU{})
		onProcs(1, 3, func(procs int) {
			got := New(len(g.Rows), out)
			FeedForwardGrouped(got, x, g, experts, swiGLU{})
			same(t, fmt.Sprintf("%d processors", procs), got, want)
		})
	})
}

func TestGroupedWithoutAnything(t *testing.T) {
	experts := []Expert{{Gate: NewWeight(F32, 0, 3), Up: NewWeight(F32, 0, 3), Down: NewWeight(F32, 2, 0), DownBias: []float32{1, 2}}}
	dst := random(1, 3, 2)
	FeedForwardGrouped(dst, New(2, 3), Groups{Rows: []int{1, 1, 0}, Ends: []int{3}}, experts, swiGLU{})
	same(t, "no hidden outputs", dst, From([]float32{1, 2, 1, 2, 1, 2}, 3, 2))
	FeedForwardGrouped(Tensor{}, New(2, 3), Groups{Ends: []int{0}}, experts, swiGLU{})
	FeedForwardGrouped(Tensor{}, New(2, 3), Groups{}, nil, swiGLU{})
}

func TestFeedForwardGroupedAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for kind := range weightKinds {
		experts := randomExperts(r, 4, kind, 64, 96, 64)
		x := From(tensortest.Normal(r, 100*64), 100, 64)
		for _, counts := range [][]int{{0, 1, 0, 1}, {40, 0, 300, 5}} {
			g := randomGroups(r, 100, counts...)
			dst := New(len(g.Rows), 64)
			if n := testing.AllocsPerRun(10, func() { FeedForwardGrouped(dst, x, g, experts, swiGLU{}) }); n != 0 {
				t.Errorf("kind %d, rows %v: %v allocations", kind, counts, n)
			}
		}
	}
}

// Parts cover the blocks in order. Workers that take one after the other end at about the same time, whether one
// expert has all rows or each has a few: none waits for longer than the smallest parts take.
func TestGroupedParts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		p, width := new(groupedProduct), 1+r.IntN(8)
		work, wait := 0, minPart
		for range 1 + r.IntN(40) {
			b := groupBlock{units: r.IntN(300), cost: r.IntN(1 << (10 + r.IntN(15)))}
			p.blocks = append(p.blocks, b)
			work, wait = work+b.units*b.cost, max(wait, b.cost)
		}
		p.divide(work, width)
		ends, next := make([]int, width), groupPart{}
		for _, part := range p.parts {
			for next.to == p.blocks[next.block].units {
				next = groupPart{block: next.block + 1}
			}
			if part.block != next.block || part.from != next.to || part.to <= part.from {
				t.Fatalf("part %v follows %v", part, next)
			}
			next = part
			cost := (part.to - part.from) * p.blocks[part.block].cost
			ends[slices.Index(ends, slices.Min(ends))] += cost
			work -= cost
		}
		if work != 0 {
			t.Fatalf("parts leave out work of %d", work)
		}
		if first, last := slices.Min(ends), slices.Max(ends); last-first > wait {
			t.Errorf("%d workers end after %d to %d, %d apart; the smallest parts take %d", width, first, last, last-first, wait)
		}
	}
}

// A panic of the activation is the caller's, and what comes after is not harmed.
func TestGroupedPanic(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	experts, x := randomExperts(r, 3, 0, 64, 200, 32), From(tensortest.Normal(r, 90*64), 90, 64)
	g := randomGroups(r, 90, 100, 90, 200)
	dst, want := New(len(g.Rows), 32), New(len(g.Rows), 32)
	plainGrouped(want, x, g, experts, swiGLU{})
	func() {
		defer func() {
			if p, ok := recover().(*parallel.Panic); !ok || p.Value != "no gate" {
				t.Errorf("panic %v", p)
			}
		}()
		FeedForwardGrouped(dst, x, g, experts, noGate{})
	}()
	FeedForwardGrouped(dst, x, g, experts, swiGLU{})
	same(t, "after a panic", dst, want)
}

type noGate struct{}

func (noGate) ApplyGate(_, _, _ []float32) { panic("no gate") }

func TestGroupedShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	x, dst := New(3, 4), New(2, 5)
	good := Groups{Rows: []int{2, 0}, Ends: []int{1, 2}}
	experts := randomExperts(r, 2, 0, 4, 6, 5)
	with := func(change func(e *Expert)) []Expert {
		e := slices.Clone(experts)
		change(&e[1])
		return e
	}
	for want, f := range map[string]func(){
		"tensor: 2 groups of rows for 1 experts":                    func() { FeedForwardGrouped(dst, x, good, experts[:1], swiGLU{}) },
		"tensor: group 1 ends at 3, after one that ends at 1, of 2": func() { FeedForwardGrouped(dst, x, Groups{[]int{0, 0}, []int{1, 3}}, experts, swiGLU{}) },
		"tensor: group 1 ends at 0, after one that ends at 1, of 2": func() { FeedForwardGrouped(dst, x, Groups{[]int{0, 0}, []int{1, 0}}, experts, swiGLU{}) },
		"tensor: the last group ends at 1 of 2 rows":                func() { FeedForwardGrouped(dst, x, Groups{[]int{0, 0}, []int{1, 1}}, experts, swiGLU{}) },
		"tensor: a group has row 3 of a tensor with 3":              func() { FeedForwardGrouped(dst, x, Groups{[]int{3, 0}, []int{1, 2}}, experts, swiGLU{}) },
		"tensor: a group has row -1 of a tensor with 3":             func() { FeedForwardGrouped(dst, x, Groups{[]int{0, -1}, []int{1, 2}}, experts, swiGLU{}) },
		"tensor: FeedForwardGrouped sets [3, 5] from 2 rows":        func() { FeedForwardGrouped(New(3, 5), x, good, experts, swiGLU{}) },
		"tensor: FeedForwardGrouped: dst overlaps x": func() {
			m := New(4, 4)
			FeedForwardGrouped(From(m.Data[6:], 2, 5), From(m.Data[:12], 3, 4), good, experts, swiGLU{})
		},
		"tensor: expert 0: Gate is [6, 4] with a bias of 6, want [6, 7]": func() { FeedForwardGrouped(dst, New(3, 7), good, experts, swiGLU{}) },
		"expert 0: Down is [5, 6] with a bias of 5, want [7, 6]":         func() { FeedForwardGrouped(New(2, 7), x, good, experts, swiGLU{}) },
		"expert 1: Gate is [5, 4] with a bias of 0, want [6, 4]": func() {
			FeedForwardGrouped(dst, x, good, with(func(e *Expert) { e.Gate = NewWeight(F32, 5, 4) }), swiGLU{})
		},
		"expert 1: Up is [6, 4] with a bias of 1, want [6, 4]": func() {
			FeedForwardGrouped(dst, x, good, with(func(e *Expert) { e.UpBias = make([]float32, 1) }), swiGLU{})
		},
		"expert 1: Gate is a table for lookups; see Slab.ForProducts": func() {
			FeedForwardGrouped(dst, x, good, with(func(e *Expert) { e.Gate = new(Slab).NewTable(F32, 6, 4) }), swiGLU{})
		},
		"expert 1: no weight for Gate, Up or Down": func() {
			FeedForwardGrouped(dst, x, good, with(func(e *Expert) { e.Down = nil }), swiGLU{})
		},
	} {
		tensortest.Panics(t, want, f)
	}
}
