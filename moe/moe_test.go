package moe

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

func normal(r *rand.Rand, rows, cols int, deviation float64) tensor.Tensor {
	return tensor.From(tensortest.Gaussian(r, rows*cols, 0, deviation), rows, cols)
}

func linear(r *rand.Rand, out, in int) nn.Linear {
	return nn.Linear{Weight: tensor.WeightFrom(normal(r, out, in, 1/math.Sqrt(float64(in))))}
}

func experts(r *rand.Rand, n, dim, hidden int, biases bool) []tensor.Expert {
	all := make([]tensor.Expert, n)
	for i := range all {
		all[i] = tensor.Expert{Gate: linear(r, hidden, dim).Weight, Up: linear(r, hidden, dim).Weight, Down: linear(r, dim, hidden).Weight}
		if biases {
			all[i].GateBias, all[i].UpBias, all[i].DownBias = tensortest.Normal(r, hidden), tensortest.Normal(r, hidden), tensortest.Normal(r, dim)
		}
	}
	return all
}

// route returns what a router decides for rows whose logits are given.
func route(t testing.TB, router func(gate nn.Linear) Router, logits [][]float32) *Routing {
	t.Helper()
	n, gate := len(logits[0]), tensor.New(len(logits[0]), len(logits)) // row t of the identity has the logits of t
	for i, row := range logits {
		for j, x := range row {
			gate.Row(j)[i] = x
		}
	}
	x := tensor.New(len(logits), len(logits))
	for i := range logits {
		x.Row(i)[i] = 1
	}
	rt := router(nn.Linear{Weight: tensor.WeightFrom(gate)})
	if err := rt.Check(); err != nil {
		t.Fatal(err)
	}
	_, active := rt.Size()
	p, r := new(attention.Pass), new(Routing)
	r.resize(&p.Scratch, len(logits), n, active)
	rt.Route(p, r, x)
	return r
}

// chosenBy is what TopK documents, in float64 and without haste.
func chosenBy(t *TopK, logits []float32) (chosen []int, weights []float64) {
	n := len(logits)
	scores := apply64(t.Score, logits)
	choice := slices.Clone(scores)
	for i := range t.Bias {
		choice[i] += float64(t.Bias[i])
	}
	if g := t.Groups; g.N > g.Keep {
		size := n / g.N
		var of []float64
		for i := range g.N {
			s := slices.Sorted(slices.Values(choice[i*size : (i+1)*size]))
			x := s[size-1]
			if g.Score == TopTwo {
				x += s[size-2]
			}
			of = append(of, x)
		}
		for i := range n {
			better := 0
			for j := range of {
				if of[j] > of[i/size] {
					better++
				}
			}
			if better >= g.Keep {
				choice[i] = math.Inf(-1)
			}
		}
	}
	for i := range n {
		chosen = append(chosen, i)
	}
	slices.SortStableFunc(chosen, func(a, b int) int {
		switch {
		case choice[a] > choice[b]:
			return -1
		case choice[a] < choice[b]:
			return 1
		}
		return 0
	})
	chosen = chosen[:t.Active]
	var of []float32
	for _, e := range chosen {
		of = append(of, float32(scores[e]))
	}
	weights = apply64(t.Weight, of)
	sum := float64(t.Epsilon)
	for _, w := range weights {
		sum += w
	}
	for i := range weights {
		if t.Renormalise {
			weights[i] /= sum
		}
		if t.Scale != 0 {
			weights[i] *= float64(t.Scale)
		}
	}
	return chosen, weights
}

func apply64(f Function, x []float32) []float64 {
	y, sum := make([]float64, len(x)), 0.0
	for _, v := range x {
		sum += math.Exp(float64(v))
	}
	for i, v := range x {
		switch y[i] = float64(v); f {
		case Softmax:
			y[i] = math.Exp(float64(v)) / sum
		case Sigmoid:
			y[i] = 1 / (1 + math.Exp(-float64(v)))
		}
	}
	return y
}

func TestTopK(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bias := tensortest.Gaussian(r, 24, 0, 0.3)
	for name, k := range map[string]TopK{
		"Mixtral":      {Active: 2, Score: Softmax, Renormalise: true},
		"OLMoE":        {Active: 5, Score: Softmax},
		"Granite":      {Active: 4, Weight: Softmax},
		"DeepSeek V2":  {Active: 3, Score: Softmax, Groups: Groups{N: 6, Keep: 2}, Scale: 16},
		"DeepSeek V3":  {Active: 6, Score: Sigmoid, Bias: bias, Groups: Groups{N: 8, Keep: 4, Score: TopTwo}, Renormalise: true, Epsilon: 1e-20, Scale: 2.5},
		"Kimi K2":      {Active: 6, Score: Sigmoid, Bias: bias, Groups: Groups{N: 1, Keep: 1, Score: TopTwo}, Renormalise: true, Epsilon: 1e-20, Scale: 2.8},
		"LFM2":         {Active: 4, Score: Sigmoid, Bias: bias, Renormalise: true, Epsilon: 1e-6},
		"LLaMA 4":      {Active: 1, Weight: Sigmoid},
		"all experts":  {Active: 24, Score: Softmax, Renormalise: true},
		"groups of 1":  {Active: 3, Groups: Groups{N: 24, Keep: 5}},
		"a kept group": {Active: 3, Groups: Groups{N: 8, Keep: 1}, Bias: bias},
	} {
		t.Run(name, func(t *testing.T) {
			var logits [][]float32
			for range 77 {
				logits = append(logits, tensortest.Gaussian(r, 24, 0, 2))
			}
			got := route(t, func(gate nn.Linear) Router { k.Gate = gate; return &k }, logits)
			for i := range logits {
				wantChosen, wantWeights := chosenBy(&k, logits[i])
				chosen, weights := got.Row(i)
				if !slices.Equal(chosen, wantChosen) {
					t.Fatalf("row %d: experts %v, want %v", i, chosen, wantChosen)
				}
				for j := range weights {
					if d := math.Abs(float64(weights[j]) - wantWeights[j]); d > 1e-6*math.Max(1, wantWeights[j]) {
						t.Fatalf("row %d: weights %v, want %v", i, weights, wantWeights)
					}
				}
			}
		})
	}
}

// Of equal scores the lowest expert is chosen, and of equal groups the first.
func TestTies(t *testing.T) {
	for want, k := range map[string]TopK{
		"[0 1 2]": {Active: 3}, "[2 0 1]": {Active: 3, Bias: []float32{0, 0, 1, 0, 0, 0}},
		"[0 1]": {Active: 2, Groups: Groups{N: 3, Keep: 1}}, "[2 3 0]": {Active: 3, Groups: Groups{N: 3, Keep: 2}, Bias: []float32{0, 0, 1, 1, 0, 0}},
	} {
		got := route(t, func(gate nn.Linear) Router { k.Gate = gate; return &k }, [][]float32{make([]float32, 6)})
		if chosen, _ := got.Row(0); fmt.Sprint(chosen) != want {
			t.Errorf("%+v: %v, want %v", k, chosen, want)
		}
	}
}

func TestBadRouters(t *testing.T) {
	gate := linear(rand.New(rand.NewPCG(1, 2)), 6, 3)
	for want, r := range map[string]Router{
		"no weight":             &TopK{Active: 1},
		"chooses 0 of 6":        &TopK{Gate: gate},
		"chooses 7 of 6":        &TopK{Gate: gate, Active: 7},
		"5 elements":            &TopK{Gate: gate, Active: 1, Bias: make([]float32, 5)},
		"not finite":            &TopK{Gate: gate, Active: 1, Bias: []float32{0, 0, 0, float32(math.NaN()), 0, 0}},
		"6 experts into 4":      &TopK{Gate: gate, Active: 1, Groups: Groups{N: 4, Keep: 1}},
		"6 experts into -1":     &TopK{Gate: gate, Active: 1, Groups: Groups{N: -1, Keep: 1}},
		"from 0 of 3 groups":    &TopK{Gate: gate, Active: 1, Groups: Groups{N: 3}},
		"from 4 of 3 groups":    &TopK{Gate: gate, Active: 1, Groups: Groups{N: 3, Keep: 4}},
		"groups that have 1":    &TopK{Gate: gate, Active: 1, Groups: Groups{N: 6, Keep: 1, Score: TopTwo}},
		"3 experts from 1":      &TopK{Gate: gate, Active: 3, Groups: Groups{N: 3, Keep: 1}},
		"SparseMixer.Gate has":  &SparseMixer{},
		"SparseMixer chooses 2": &SparseMixer{Gate: linear(rand.New(rand.NewPCG(1, 2)), 1, 3)},
	} {
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// layers are of each kind that a model has.
func layers(r *rand.Rand, dim, hidden, n int) map[string]*Layer {
	shared := &block.GLU{GateUp: linear(r, 2*hidden, dim), Down: linear(r, dim, hidden)}
	gate := linear(r, n, dim)
	return map[string]*Layer{
		"plain":        {Router: &TopK{Gate: gate, Active: 2, Score: Softmax, Renormalise: true}, Experts: experts(r, n, dim, hidden, false), Act: nn.SiLU},
		"biases":       {Router: &TopK{Gate: gate, Active: 3, Weight: Softmax}, Experts: experts(r, n, dim, hidden, true), Act: nn.GELU},
		"weight input": {Router: &TopK{Gate: gate, Active: 1, Weight: Sigmoid}, Experts: experts(r, n, dim, hidden, false), Act: nn.SiLU, WeightInput: true, Shared: shared},
		"shared gate":  {Router: &TopK{Gate: gate, Active: 4, Score: Softmax}, Experts: experts(r, n, dim, hidden, false), Act: nn.SiLU, Shared: shared, SharedGate: linear(r, 1, dim)},
		"mixer":        {Router: &SparseMixer{Gate: gate, Jitter: 0.3}, Experts: experts(r, n, dim, hidden, false), Act: nn.SiLU},
		"all":          {Router: &TopK{Gate: gate, Active: n, Score: Sigmoid}, Experts: experts(r, n, dim, hidden, false), Act: nn.SiLU},
	}
}

func forward(l *Layer, x tensor.Tensor) (tensor.Tensor, *Routing) {
	var record Record
	p, y := &attention.Pass{Observer: record.Observe}, tensor.New(x.Rows(), x.Shape.Last())
	p.Begin(attention.Seq{Rows: x.Rows()})
	l.Forward(p, y, x)
	return y, record.Routing(0)
}

// slowly is what a Layer documents, expert by expert and token by token.
func slowly(l *Layer, x tensor.Tensor, r *Routing) tensor.Tensor {
	dim, hidden := x.Shape.Last(), l.Experts[0].Up.Out
	y := tensor.New(x.Rows(), dim)
	for t := range x.Rows() {
		chosen, weights := r.Row(t)
		for i, e := range chosen {
			in, expert := tensor.New(1, dim), l.Experts[e]
			copy(in.Data, x.Row(t))
			w := weights[i]
			if l.WeightInput {
				for j := range in.Data {
					in.Data[j] *= w
				}
				w = 1
			}
			gate, up, out := tensor.New(1, hidden), tensor.New(1, hidden), tensor.New(1, dim)
			tensor.MatMulEpilogue(gate, in, expert.Gate, tensor.Epilogue{Bias: expert.GateBias})
			tensor.MatMulEpilogue(up, in, expert.Up, tensor.Epilogue{Bias: expert.UpBias})
			l.Act.ApplyGate(gate.Data, gate.Data, up.Data)
			tensor.MatMulEpilogue(out, gate, expert.Down, tensor.Epilogue{Bias: expert.DownBias})
			for j, v := range out.Data {
				y.Row(t)[j] += w * v
			}
		}
		if l.Shared != nil {
			p, s, g := new(attention.Pass), tensor.New(1, dim), float32(1)
			in := tensor.From(x.Row(t), 1, dim)
			l.Shared.Forward(p, s, in)
			if l.SharedGate.Weight != nil {
				z := tensor.New(1, 1)
				l.SharedGate.Forward(z, in)
				g = float32(1 / (1 + math.Exp(-float64(z.Data[0]))))
			}
			for j, v := range s.Data {
				y.Row(t)[j] += g * v
			}
		}
	}
	return y
}

// A layer gives what it documents, and a token's bits depend neither on the other tokens, nor on their order,
// nor on the number of processors: also with more experts than tokens, and with experts that nobody chooses.
func TestLayer(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		const dim, hidden, n = 52, 50, 9
		for name, l := range layers(rand.New(rand.NewPCG(1, 2)), dim, hidden, n) {
			t.Run(name, func(t *testing.T) {
				if err := attention.Describe(l).Err; err != nil {
					t.Fatal(err)
				}
				for _, rows := range []int{1, 3, 40, 150} {
					x := normal(rand.New(rand.NewPCG(uint64(rows), 3)), rows, dim, 1)
					y, routing := forward(l, x)
					near(t, y.Data, slowly(l, x, routing).Data)
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
					again, _ := forward(l, x)
					tensortest.CheckBits(t, "with 3 processors", again.Data, y.Data)
					reversed := tensor.New(rows, dim)
					for i := range rows {
						copy(reversed.Row(rows-1-i), x.Row(i))
						alone, _ := forward(l, tensor.From(x.Row(i), 1, dim))
						tensortest.CheckBits(t, "alone", alone.Data, y.Row(i))
					}
					z, _ := forward(l, reversed)
					for i := range rows {
						tensortest.CheckBits(t, "in another order", z.Row(rows-1-i), y.Row(i))
					}
				}
			})
		}
	})
}

// near compares sums that are rounded in another order: a few times 2⁻²⁴ of the largest.
func near(t *testing.T, got, want []float32) {
	t.Helper()
	size := 0.0
	for _, v := range want {
		size = max(size, math.Abs(float64(v)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= 1e-6*size) {
			t.Fatalf("element %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// A token whose row is not a number harms no other token.
func TestNaN(t *testing.T) {
	const dim, rows = 20, 5
	nan := float32(math.NaN())
	for name, l := range layers(rand.New(rand.NewPCG(1, 2)), dim, 16, 6) {
		x := normal(rand.New(rand.NewPCG(5, 3)), rows, dim, 1)
		want, _ := forward(l, x)
		copy(x.Row(2), slices.Repeat([]float32{nan}, dim))
		got, _ := forward(l, x)
		for i := range rows {
			if i != 2 {
				tensortest.CheckBits(t, name+": neighbour of NaN", got.Row(i), want.Row(i))
			} else if got.Row(2)[0] == got.Row(2)[0] {
				t.Errorf("%s: NaN gives %v", name, got.Row(2)[:3])
			}
		}
	}
}

func TestBadLayers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	router := &TopK{Gate: linear(r, 4, 8), Active: 2}
	odd := experts(r, 4, 8, 6, true)
	odd[3].Down = linear(r, 8, 7).Weight
	short := experts(r, 4, 8, 6, true)
	short[1].UpBias = short[1].UpBias[1:]
	for want, l := range map[string]*Layer{
		"no Router":                {},
		"no weight":                {Router: &TopK{}},
		"no Act":                   {Router: router, Experts: experts(r, 4, 8, 6, false)},
		"layer has 3":              {Router: router, Act: nn.SiLU, Experts: experts(r, 3, 8, 6, false)},
		"expert 3: Down is":        {Router: router, Act: nn.SiLU, Experts: odd},
		"with a bias of 5":         {Router: router, Act: nn.SiLU, Experts: short},
		"expert 0: no weight for Gate, Up or Down":    {Router: router, Act: nn.SiLU, Experts: make([]tensor.Expert, 4)},
		"expert 0: Gate is [6, 9]": {Router: router, Act: nn.SiLU, Experts: experts(r, 4, 9, 6, false)},
		"but no Shared":            {Router: router, Act: nn.SiLU, Experts: experts(r, 4, 8, 6, false), SharedGate: linear(r, 1, 8)},
		"shared expert is a":       {Router: router, Act: nn.SiLU, Experts: experts(r, 4, 8, 6, false), Shared: &block.MLP{Up: linear(r, 3, 7), Down: linear(r, 7, 3)}},
		"SharedGate is [2, 8]": {Router: router, Act: nn.SiLU, Experts: experts(r, 4, 8, 6, false), Shared: &block.MLP{Up: linear(r, 3, 8), Down: linear(r, 8, 3)},
			SharedGate: linear(r, 2, 8)},
	} {
		if err := attention.Describe(l).Err; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// wild chooses an expert that does not exist.
type wild struct{ TopK }

func (w *wild) Route(p *attention.Pass, r *Routing, x tensor.Tensor) {
	w.TopK.Route(p, r, x)
	r.Chosen[0] = r.Experts
}

func TestWildRouter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := &Layer{Router: &wild{TopK{Gate: linear(r, 4, 8), Active: 2}}, Act: nn.SiLU, Experts: experts(r, 4, 8, 6, false)}
	tensortest.Panics(t, "chose expert 4 of 4", func() { forward(l, normal(r, 2, 8, 1)) })
}

// A pass with the same number of rows as before allocates nothing.
func TestLayerAllocates(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector allocates")
	}
	for name, l := range layers(rand.New(rand.NewPCG(1, 2)), 52, 50, 9) {
		for _, rows := range []int{1, 100} {
			x, p, y := normal(rand.New(rand.NewPCG(1, 3)), rows, 52, 1), new(attention.Pass), tensor.New(rows, 52)
			p.Begin(attention.Seq{Rows: rows})
			if n := testing.AllocsPerRun(10, func() { l.Forward(p, y, x) }); n > 0 {
				t.Errorf("%s: %v allocations for %d rows", name, n, rows)
			}
		}
	}
}

func TestMeasures(t *testing.T) {
	r := &Routing{Experts: 4, Active: 2, Chosen: []int{0, 1, 0, 2}}
	if got, want := Load(r), []float64{0.5, 0.25, 0.25, 0}; !slices.Equal(got, want) {
		t.Errorf("load %v, want %v", got, want)
	}
	if got := Entropy([]float64{0.5, 0.25, 0.25, 0}); got != 1.5 {
		t.Errorf("entropy %v, want 1.5 bits", got)
	}
	if got := Entropy(make([]float64, 3)); got != 0 {
		t.Errorf("entropy of nothing is %v", got)
	}
	if got := BalanceLoss(nil, nil); got != 0 {
		t.Errorf("balance loss of no layers is %v", got)
	}
}

// The reference's losses for the same logits: testdata/losses.py made them.
func TestLosses(t *testing.T) {
	data, err := os.ReadFile("testdata/losses.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name            string
		Experts, Active int
		Keep            []int
		Balance         float64
		Z               []float64
		Logits          [][][]float32 // of each layer and token
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 6 {
		t.Fatalf("%d cases, want 6 or more", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var keep []bool
			for _, k := range c.Keep {
				keep = append(keep, k == 1)
			}
			var layers []*Routing
			for i, tokens := range c.Logits {
				r := &Routing{Experts: c.Experts, Active: c.Active, Logits: tensor.From(slices.Concat(tokens...), len(tokens), c.Experts)}
				layers = append(layers, r)
				if got := ZLoss(r); !(math.Abs(got-c.Z[i]) <= 1e-5*c.Z[i]) {
					t.Errorf("layer %d: z loss %v, want %v", i, got, c.Z[i])
				}
			}
			if got := BalanceLoss(layers, keep); !(math.Abs(got-c.Balance) <= 1e-5*c.Balance) {
				t.Errorf("balance loss %v, want %v", got, c.Balance)
			}
		})
	}
}
