package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// latentDim is the width of the rows of testLatent.
const latentDim = 20

// testLatent is a layer with every part, of awkward sizes. Queries go through a low rank if low is true.
func testLatent(low bool, form LatentForm) *Latent {
	const heads, nope, rope, value, rank, lowRank = 5, 10, 6, 7, 18, 13
	r := rand.New(rand.NewPCG(5, 5))
	norm := func(n int) nn.Norm { return &nn.RMSNorm{Weight: tensortest.Gaussian(r, n, 1, 0.2), Eps: 1e-6} }
	rotary, err := NewRoPE(rope, 100, Scaling{Type: "yarn", Factor: 4, OriginalMaxLen: 32, MScale: 0.7, MScaleAllDim: 1.2})
	if err != nil {
		panic(err)
	}
	rotary.Interleaved = low
	m := &Latent{Heads: heads, NopeDim: nope, RopeDim: rope, ValueDim: value, Rank: rank, Form: form,
		Rotary: rotary, Scale: float32(rotary.ScoreFactor) / 4, LatentNorm: norm(rank),
		Up: latentUp(r, heads, nope, value, rank), Out: randomLinear(r, latentDim, heads*value)}
	queries := heads * (nope + rope)
	if low {
		m.QueryUp, m.QueryNorm = randomLinear(r, queries, lowRank), norm(lowRank)
		queries = lowRank
	}
	m.Down = randomLinear(r, queries+rank+rope, latentDim)
	return m
}

// latentUp returns random weights.
func latentUp(r *rand.Rand, heads, nope, value, rank int) LatentUp {
	var u LatentUp
	for range heads {
		keys := tensor.From(tensortest.Gaussian(r, nope*rank, 0, 1/math.Sqrt(float64(rank))), nope, rank)
		turned := tensor.New(rank, nope)
		for i := range nope {
			for j := range rank {
				turned.Row(j)[i] = keys.Row(i)[j]
			}
		}
		u.Keys, u.KeysTransposed = append(u.Keys, tensor.WeightFrom(keys)), append(u.KeysTransposed, tensor.WeightFrom(turned))
		u.Values = append(u.Values, randomLinear(r, value, rank).Weight)
	}
	return u
}

// product returns l of a row in float64.
func product(l nn.Linear, x []float64) []float64 {
	y, row := make([]float64, l.Out()), make([]float32, l.In())
	for o := range y {
		l.Weight.Row(row, o)
		for i, w := range row {
			y[o] += float64(w) * x[i]
		}
		if l.Bias != nil {
			y[o] += float64(l.Bias[o])
		}
	}
	return y
}

// rms normalises a row in float64.
func rms(n nn.Norm, x []float64) {
	norm, sum := n.(*nn.RMSNorm), 0.0
	for _, v := range x {
		sum += v * v
	}
	f := 1 / math.Sqrt(sum/float64(len(x))+float64(norm.Eps))
	for i := range x {
		x[i] *= f * float64(norm.Weight[i])
	}
}

// naive computes the rows of one sequence in float64, and its weights, [H, T, T]. round is what the cache does to
// a number.
func (m *Latent) naive(x tensor.Tensor, round func(float64) float64) (out [][]float64, weights []float64) {
	n := x.Rows()
	qk := m.NopeDim + m.RopeDim
	weights = make([]float64, m.Heads*n*n)
	keys, values := make([][][]float64, n), make([][][]float64, n) // by token and head
	for t := range n {
		wide := make([]float64, latentDim)
		for i, v := range x.Row(t) {
			wide[i] = float64(v)
		}
		down := product(m.Down, wide)
		q, c, r := down[:m.queryWidth()], down[m.queryWidth():][:m.Rank], down[m.queryWidth()+m.Rank:]
		if m.QueryUp.Weight != nil {
			rms(m.QueryNorm, q)
			q = product(m.QueryUp, q)
		}
		rms(m.LatentNorm, c)
		turn(m.Rotary, r, t)
		for _, part := range [][]float64{c, r} {
			for i := range part {
				part[i] = round(part[i])
			}
		}
		y := make([]float64, m.Heads*m.ValueDim)
		for h := range m.Heads {
			turn(m.Rotary, q[h*qk+m.NopeDim:][:m.RopeDim], t)
			keys[t] = append(keys[t], append(product(nn.Linear{Weight: m.Up.Keys[h]}, c), r...))
			values[t] = append(values[t], product(nn.Linear{Weight: m.Up.Values[h]}, c))
			w, sum := weights[(h*n+t)*n:][:t+1], 0.0
			for s := range w {
				for i, v := range keys[s][h] {
					w[s] += v * q[h*qk+i]
				}
				w[s] = math.Exp(w[s] * float64(m.Scale))
				sum += w[s]
			}
			for s := range w {
				w[s] /= sum
				for i, v := range values[s][h] {
					y[h*m.ValueDim+i] += w[s] * v
				}
			}
		}
		out = append(out, product(m.Out, y))
	}
	return out, weights
}

// turn rotates x, which holds only what rotates, in float64.
func turn(r *RoPE, x []float64, pos int) {
	half := len(r.InvFreq)
	for i, f := range r.InvFreq {
		a, b := i, i+half
		if r.Interleaved {
			a, b = 2*i, 2*i+1
		}
		sin, cos := math.Sincos(float64(float32(pos) * f))
		amp := float64(r.AttentionFactor)
		x[a], x[b] = amp*(x[a]*cos-x[b]*sin), amp*(x[b]*cos+x[a]*sin)
	}
}

// fed returns what m makes of x, fed to a cache in steps.
func (m *Latent) fed(x tensor.Tensor, c *Cache, steps ...int) tensor.Tensor {
	var p Pass
	y := tensor.New(x.Rows(), latentDim)
	for i := 0; len(steps) > 0; {
		j := min(x.Rows(), i+steps[0])
		if len(steps) > 1 {
			steps = steps[1:]
		}
		p.Begin(Seq{Rows: j - i, Pos: c.Len(), Cache: c})
		m.Forward(&p, y.Slice(i, j), x.Slice(i, j))
		p.End()
		if i = j; i == x.Rows() {
			break
		}
	}
	return y
}

// eachLatent runs f for each form, with queries through a low rank and without.
func eachLatent(t *testing.T, f func(t *testing.T, m *Latent)) {
	for _, form := range []LatentForm{LatentAbsorbed, LatentExpanded} {
		for _, low := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/low=%v", form, low), func(t *testing.T) { f(t, testLatent(low, form)) })
		}
	}
}

// checkNear fails unless got is within a tolerance of want, both rows of latentDim.
func checkNear(t *testing.T, what string, got tensor.Tensor, want [][]float64, tolerance float64) {
	t.Helper()
	for i := range want {
		for j, v := range want[i] {
			if d := math.Abs(float64(got.Row(i)[j]) - v); !(d <= tolerance) {
				t.Fatalf("%s: row %d, column %d is %v, want %v", what, i, j, got.Row(i)[j], v)
			}
		}
	}
}

func exact(x float64) float64 { return x }

// Both forms compute what a plain loop in float64 computes, with and without a cache.
func TestLatent(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		eachLatent(t, func(t *testing.T, m *Latent) {
			x := random(4, 300, latentDim)
			want, _ := m.naive(x, exact)
			var p Pass
			p.Begin(Seq{Rows: 300})
			y := tensor.New(300, latentDim)
			m.Forward(&p, y, x)
			checkNear(t, "without a cache", y, want, 1e-5)
			checkNear(t, "with a cache", m.fed(x, planOf(m).NewCache(tensor.F32), 300), want, 1e-5)

			half := func(x float64) float64 {
				b := make([]byte, 2)
				tensor.F16.Encode(b, []float32{float32(x)})
				var y [1]float32
				tensor.F16.Decode(y[:], b)
				return float64(y[0])
			}
			want, _ = m.naive(x, half)
			// A latent near the middle of two F16 numbers may round to either of them.
			checkNear(t, "with an F16 cache", m.fed(x, planOf(m).NewCache(tensor.F16), 130, 1), want, 2e-4)
		})
	})
}

// Within a form a token has the same bits however a prompt is split, beside others, and on any number of
// processors; the forms agree.
func TestLatentBits(t *testing.T) {
	const n = 400
	x := random(4, n, latentDim)
	byForm := map[bool]tensor.Tensor{}
	eachLatent(t, func(t *testing.T, m *Latent) {
		var p Pass
		p.Begin(Seq{Rows: n})
		want := tensor.New(n, latentDim)
		m.Forward(&p, want, x)
		low := m.QueryUp.Weight != nil
		if other, ok := byForm[low]; ok {
			for i, v := range want.Data {
				if !tensortest.Near(v, other.Data[i], 1e-5) {
					t.Fatalf("element %d is %v, in the other form %v", i, v, other.Data[i])
				}
			}
		}
		byForm[low] = want
		for _, procs := range []int{1, 3} {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			for _, steps := range [][]int{{1}, {3}, {128}, {300, 1}, {1, 399}} {
				tensortest.CheckBits(t, fmt.Sprintf("%d at a time", steps), m.fed(x, planOf(m).NewCache(tensor.F32), steps...).Data, want.Data)
			}
			latentBatch(t, m, x, want)
		}
	})
}

// latentBatch checks a batch of two new sequences without a cache, an empty one, and a token after 250.
func latentBatch(t *testing.T, m *Latent, x, want tensor.Tensor) {
	var p Pass
	c := planOf(m).NewCache(tensor.F32)
	m.fed(x.Slice(0, 250), c, 250)
	in := tensor.New(162, latentDim)
	copy(in.Data, x.Slice(0, 30).Data)
	copy(in.Row(30), x.Row(250))
	copy(in.Slice(31, 162).Data, x.Slice(0, 131).Data)
	got := tensor.New(162, latentDim)
	p.Begin(Seq{Rows: 30}, Seq{Rows: 0}, Seq{Rows: 1, Pos: 250, Cache: c}, Seq{Rows: 131})
	m.Forward(&p, got, in)
	tensortest.CheckBits(t, "first sequence", got.Slice(0, 30).Data, want.Slice(0, 30).Data)
	tensortest.CheckBits(t, "one token", got.Slice(30, 31).Data, want.Slice(250, 251).Data)
	tensortest.CheckBits(t, "last sequence", got.Slice(31, 162).Data, want.Slice(0, 131).Data)

	for _, rows := range [][]int{{0}, {29, 30}, {30}, {3, 31, 100, 161}, {161, 30, 2}, {}} {
		p.Begin(Seq{Rows: 30}, Seq{Rows: 0}, Seq{Rows: 1, Pos: 250, Cache: c}, Seq{Rows: 131})
		some := tensor.New(max(1, len(rows)), latentDim).Slice(0, len(rows))
		m.Traits().ForwardRows(&p, some, in, rows)
		for i, row := range rows {
			tensortest.CheckBits(t, fmt.Sprintf("row %d of some", row), some.Row(i), got.Row(row))
		}
	}
	p.End()
	if c.Len() != 251 {
		t.Errorf("the cache has %d tokens, want 251", c.Len())
	}
	add := random(8, 162, latentDim)
	sum := tensor.New(162, latentDim)
	p.Begin(Seq{Rows: 162})
	m.Forward(&p, got, in)
	m.Traits().ForwardAdd(&p, sum, in, add)
	for i := range sum.Data {
		if sum.Data[i] != got.Data[i]+add.Data[i] {
			t.Fatalf("element %d with a residual is %v, want %v", i, sum.Data[i], got.Data[i]+add.Data[i])
		}
	}
}

// The number of new tokens of a sequence chooses its form, and nothing else.
func TestLatentChoosesForm(t *testing.T) {
	x := random(4, 200, latentDim)
	m := testLatent(true, LatentAuto)
	most := m.MaxAbsorbed()
	if most < 2 || most > 40 {
		t.Fatalf("absorbed for up to %d tokens: not a good test", most)
	}
	for _, n := range []int{1, most, most + 1, 100} {
		// The prompt of 50 is expanded, by itself or beside another sequence.
		c, other := planOf(m).NewCache(tensor.F32), planOf(m).NewCache(tensor.F32)
		m.Form = LatentAuto
		got := m.fed(x.Slice(0, 50+n), c, 50, n)
		m.Form = LatentExpanded
		m.fed(x.Slice(0, 50), other, 50)
		if n <= most {
			m.Form = LatentAbsorbed
		}
		tensortest.CheckBits(t, fmt.Sprintf("%d new tokens", n), got.Slice(50, 50+n).Data, m.fed(x.Slice(50, 50+n), other, n).Data)
		m.Form = LatentAuto
		if err := c.Truncate(50); err != nil {
			t.Fatal(err)
		}
		in, y := tensor.New(2*n+100, latentDim), tensor.New(2*n+100, latentDim)
		copy(in.Data[n*latentDim:], x.Slice(50, 50+n).Data)
		var p Pass
		p.Begin(Seq{Rows: n}, Seq{Rows: n, Pos: 50, Cache: c}, Seq{Rows: 100})
		m.Forward(&p, y, in)
		tensortest.CheckBits(t, fmt.Sprintf("%d new tokens beside others", n), y.Slice(n, 2*n).Data, got.Slice(50, 50+n).Data)
	}
	wide := Latent{Heads: 128, NopeDim: 128, RopeDim: 64, ValueDim: 128, Rank: 512}
	if n := wide.MaxAbsorbed(); n < 100 || n > 200 {
		t.Errorf("DeepSeek V3 is absorbed for up to %d tokens", n)
	}
	narrow := Latent{Heads: 2, NopeDim: 8, RopeDim: 4, ValueDim: 8, Rank: 8}
	if n := narrow.MaxAbsorbed(); n != math.MaxInt {
		t.Errorf("narrow latents are absorbed for up to %d tokens", n)
	}
}

// Without Keys every pass is absorbed.
func TestLatentWithoutKeys(t *testing.T) {
	want, m := testLatent(true, LatentAbsorbed), testLatent(true, LatentExpanded)
	m.Up.Keys = nil
	if n := m.MaxAbsorbed(); n != math.MaxInt || m.Traits().Err != nil {
		t.Errorf("absorbed for up to %d tokens; %v", n, m.Traits().Err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	x := tensor.From(tensortest.Gaussian(r, 30*latentDim, 0, 1), 30, latentDim)
	forward := func(m *Latent) []float32 {
		var p Pass
		y := tensor.New(30, latentDim)
		p.Begin(Seq{Rows: 30})
		m.Forward(&p, y, x)
		return y.Data
	}
	tensortest.CheckBits(t, "without keys", forward(m), forward(want))
}

// Forks and going back give what a fresh cache gives. A token takes Rank + RopeDim numbers.
func TestLatentCache(t *testing.T) {
	eachLatent(t, func(t *testing.T, m *Latent) {
		x := random(4, 300, latentDim)
		for _, dt := range cacheTypes {
			c := planOf(m).NewCache(dt)
			m.fed(x.Slice(0, 200), c, 200)
			if want := 2 * 128 * bytesOf(dt, 18+6); c.Bytes() != want {
				t.Errorf("%v: 200 tokens take %d bytes, want two pages of %d in all", dt, c.Bytes(), want)
			}
			fork := c.Fork()
			if err := fork.Truncate(150); err != nil {
				t.Fatal(err)
			}
			other := m.fed(random(9, 60, latentDim), fork, 60)
			on := m.fed(x.Slice(200, 300), c, 7)
			fresh := planOf(m).NewCache(dt)
			whole := m.fed(x, fresh, 300)
			tensortest.CheckBits(t, "after a fork", on.Data, whole.Slice(200, 300).Data)
			if err := fresh.Truncate(150); err != nil {
				t.Fatal(err)
			}
			tensortest.CheckBits(t, "after going back", m.fed(random(9, 60, latentDim), fresh, 60).Data, other.Data)
			var p Pass
			p.Begin(Seq{Rows: 1, Pos: 210, Cache: fresh})
			if k, v := p.Cached(m, 0, 149, 151); k.Shape != tensor.Of(2, 1, 24) || v.Shape != tensor.Of(2, 1, 18) || !slices.Equal(v.Row(1), k.Row(1)[:18]) {
				t.Errorf("%v: cached keys %v and values %v", dt, k, v)
			}
		}
	})
}

// Observers see the weights of every head, and change nothing.
func TestLatentWeights(t *testing.T) {
	eachLatent(t, func(t *testing.T, m *Latent) {
		x := random(4, 40, latentDim)
		_, want := m.naive(x, exact)
		c, seen := planOf(m).NewCache(tensor.F32), 0
		plain := m.fed(x, planOf(m).NewCache(tensor.F32), 30, 10)
		p := Pass{Observer: func(at Point) func(tensor.Tensor) {
			if at.Stage != StageWeights || at.Index != 1 {
				return nil
			}
			return func(w tensor.Tensor) {
				rows := w.Shape[1]
				for h := range 5 {
					for i := range rows {
						for s, a := range w.Row(h*rows + i) {
							if !(math.Abs(float64(a)-want[(h*40+c.Len()+i)*40+s]) < 1e-5) {
								t.Fatalf("head %d: weight of token %d for token %d is %v", h, c.Len()+i, s, a)
							}
						}
					}
				}
				seen += rows
			}
		}}
		y := tensor.New(33, latentDim)
		for _, part := range [][2]int{{0, 30}, {30, 40}} {
			in := tensor.New(3+part[1]-part[0], latentDim)
			copy(in.Data, random(2, 3, latentDim).Data)
			copy(in.Data[3*latentDim:], x.Slice(part[0], part[1]).Data)
			p.Begin(Seq{Rows: 3}, Seq{Rows: part[1] - part[0], Pos: part[0], Cache: c})
			m.Forward(&p, y.Slice(0, in.Rows()), in)
			p.End()
			tensortest.CheckBits(t, "observed", y.Slice(3, in.Rows()).Data, plain.Slice(part[0], part[1]).Data)
		}
		if seen != 40 {
			t.Errorf("the weights of %d rows were shown, want 40", seen)
		}
	})
}

// A token allocates nothing.
func TestLatentAllocatesNothing(t *testing.T) {
	eachLatent(t, func(t *testing.T, m *Latent) {
		c := planOf(m).NewCache(tensor.F32)
		c.Reserve(1000)
		x, y := random(4, 1, latentDim), tensor.New(1, latentDim)
		var p Pass
		one := func() {
			p.Begin(Seq{Rows: 1, Pos: c.Len(), Cache: c})
			m.Forward(&p, y, x)
			p.End()
		}
		for range 20 {
			one()
		}
		if n := testing.AllocsPerRun(50, one); n > 0 && !tensortest.Race {
			t.Errorf("a token allocates %v times", n)
		}
	})
}

func TestLatentErrors(t *testing.T) {
	for want, breach := range map[string]func(m *Latent){
		"all must be positive": func(m *Latent) { m.Rank = 0 },
		"Latent.Down is [37, 20], want [38, 20]": func(m *Latent) {
			m.RopeDim, m.Rotary, m.QueryUp = 7, nil, randomLinear(rand.New(rand.NewPCG(1, 1)), 5*17, 13)
		},
		"Latent.QueryUp is [80, 13], want [160, 13]":             func(m *Latent) { m.Heads = 10 },
		"Latent.Rotary rotates 4 values, want RopeDim, 6":        func(m *Latent) { m.Rotary = &RoPE{InvFreq: make([]float32, 2)} },
		"Latent.Up.Values has 4 matrices for 5 heads":            func(m *Latent) { m.Up.Values = m.Up.Values[:4] },
		"Latent.Up.KeysTransposed[0] is [10, 18], want [18, 10]": func(m *Latent) { m.Up.KeysTransposed = m.Up.Keys },
		"Latent.Up.Keys[1] has no weight":                        func(m *Latent) { m.Up.Keys[1] = nil },
		"Latent.Out has no weight":                               func(m *Latent) { m.Out = nn.Linear{} },
		"Latent.Form is LatentForm(9)":                           func(m *Latent) { m.Form = 9 },
	} {
		m := testLatent(true, LatentAuto)
		breach(m)
		if _, err := NewPlan([]Op{m}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

// Layers that are divided among processors, and prompts whose keys and values are expanded some heads at a time,
// have the same bits; the forms agree.
func TestLatentWide(t *testing.T) {
	const heads, nope, rope, value, rank, before, n = 16, 32, 8, 24, 96, 9000, 70
	r := rand.New(rand.NewPCG(3, 4))
	m := &Latent{Heads: heads, NopeDim: nope, RopeDim: rope, ValueDim: value, Rank: rank, Up: latentUp(r, heads, nope, value, rank),
		Down: randomLinear(r, heads*(nope+rope)+rank+rope, latentDim), Out: randomLinear(r, latentDim, heads*value)}
	if group := expandedLen / (before * (nope + rope + value)); group >= heads {
		t.Fatalf("all heads are expanded at a time: not a good test")
	}
	c := planOf(m).NewCache(tensor.F32)
	var p Pass
	p.Begin(Seq{Rows: before, Cache: c})
	p.Append(m, random(5, before, rank+rope), tensor.Tensor{})
	p.End()
	x := random(4, n, latentDim)
	feed := func() tensor.Tensor {
		y := tensor.New(n, latentDim)
		p.Begin(Seq{Rows: n, Pos: before, Cache: c})
		m.Forward(&p, y, x)
		return y
	}
	byForm := map[LatentForm]tensor.Tensor{}
	for _, form := range []LatentForm{LatentAbsorbed, LatentExpanded} {
		m.Form = form
		for _, procs := range []int{1, 2, 5} {
			old := runtime.GOMAXPROCS(procs)
			y := feed()
			runtime.GOMAXPROCS(old)
			if byForm[form].Data == nil {
				byForm[form] = y
			}
			tensortest.CheckBits(t, fmt.Sprintf("%v, GOMAXPROCS %d", form, procs), y.Data, byForm[form].Data)
		}
	}
	for i, v := range byForm[LatentAbsorbed].Data {
		if !tensortest.Near(v, byForm[LatentExpanded].Data[i], 1e-5) {
			t.Fatalf("element %d is %v absorbed and %v expanded", i, v, byForm[LatentExpanded].Data[i])
		}
	}
}

// A token of a layer with 5 heads takes one row in the cache: a latent of 18 numbers and 6 that rotate. Heads of
// their own would take 5 keys of 16 and 5 values of 7.
func ExampleLatent() {
	m := testLatent(true, LatentAuto)
	plan, err := NewPlan([]Op{m}) // a model of one layer
	if err != nil {
		panic(err)
	}
	cache := plan.NewCache(tensor.F32)
	x, y := random(1, 100, latentDim), tensor.New(100, latentDim) // [T, Dim]
	var p Pass
	for _, part := range [][2]int{{0, 99}, {99, 100}} { // a prompt, and one token more
		p.Begin(Seq{Rows: part[1] - part[0], Pos: cache.Len(), Cache: cache})
		m.Forward(&p, y.Slice(part[0], part[1]), x.Slice(part[0], part[1]))
		p.End()
	}
	fmt.Println("numbers for each of 128 tokens:", cache.Bytes()/4/128, "instead of", 5*16+5*7)
	fmt.Println("absorbed up to", m.MaxAbsorbed(), "new tokens")
	// Output:
	// numbers for each of 128 tokens: 24 instead of 115
	// absorbed up to 17 new tokens
}
