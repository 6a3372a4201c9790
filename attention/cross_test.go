package attention

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// randomLinear returns a layer with a bias.
func randomLinear(r *rand.Rand, out, in int) nn.Linear {
	l := nn.Linear{Weight: tensor.WeightFrom(randomTensor(r, out, in)), Bias: make([]float32, out)}
	for i := range l.Bias {
		l.Bias[i] = r.Float32() - 0.5
	}
	return l
}

func randomTensor(r *rand.Rand, dims ...int) tensor.Tensor {
	t := tensor.New(dims...)
	for i := range t.Data {
		t.Data[i] = r.Float32() - 0.5
	}
	return t
}

func newCross(r *rand.Rand) *CrossAttention {
	const heads, dim, width, memory = 3, 8, 20, 12
	return &CrossAttention{Heads: heads, HeadDim: dim, Query: randomLinear(r, heads*dim, width),
		KV: randomLinear(r, 2*heads*dim, memory), Out: randomLinear(r, width, heads*dim), Scale: 0.7}
}

// Cross-attention is ScaledDotProduct between its projections, for sources of any length, and for sequences that
// share a source or do not, in any order.
func TestCross(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	layers := []*CrossAttention{newCross(r), newCross(r)}
	plan, err := NewPlan([]Op{layers[0]}, []Op{layers[1]})
	if err != nil {
		t.Fatal(err)
	}
	for layer, c := range layers {
		var sources []tensor.Tensor
		var memories []*Cache
		for _, n := range []int{1, 7, 128, 300} {
			x := randomTensor(r, n, 12)
			sources, memories = append(sources, x), append(memories, plan.NewCross(new(Pass), x))
		}
		var p Pass
		var seqs []Seq
		order := []int{0, 0, 3, 1, 1, 1, 2, 0}
		rows := []int{1, 2, 1, 5, 1, 60, 1, 3}
		total := 0
		for i, s := range order {
			seqs = append(seqs, Seq{Rows: rows[i], Pos: 11 * i, Cross: memories[s]})
			total += rows[i]
		}
		x := randomTensor(r, total, 20)
		got, seen := tensor.New(total, 20), 0
		p.Begin(seqs...)
		p.Enter(layer)
		c.Forward(&p, got, x)

		p.Observer = func(at Point) func(tensor.Tensor) {
			if at.Stage != StageCrossWeights || at.Layer != layer {
				t.Fatalf("asked for %v", at)
			}
			return func(w tensor.Tensor) {
				seen++
				if want := tensor.Of(3, rows[at.Index], sources[order[at.Index]].Rows()); w.Shape != want {
					t.Errorf("weights of sequence %d are %v, want %v", at.Index, w.Shape, want)
				}
			}
		}
		observed := tensor.New(total, 20)
		p.Begin(seqs...)
		p.Enter(layer)
		c.Forward(&p, observed, x)
		if seen != len(seqs) || !slices.Equal(observed.Data, got.Data) {
			t.Errorf("%d weights of %d were seen, or they change the result", seen, len(seqs))
		}

		first := 0
		for i, s := range order {
			part := x.Slice(first, first+rows[i])
			want := c.naive(part, sources[s])
			for j, v := range want.Data {
				if g := got.Slice(first, first+rows[i]).Data[j]; math.Abs(float64(g-v)) > 1e-5 { // values of 1, sums of 20
					t.Fatalf("layer %d, sequence %d: %v, want %v", layer, i, g, v)
				}
			}
			first += rows[i]
		}
	}
}

// naive computes the layer from its parts.
func (c *CrossAttention) naive(x, source tensor.Tensor) tensor.Tensor {
	width := c.Heads * c.HeadDim
	q, kv := tensor.New(x.Rows(), width), tensor.New(source.Rows(), 2*width)
	c.Query.Forward(q, x)
	c.KV.Forward(kv, source)
	k, v := tensor.New(source.Rows(), width), tensor.New(source.Rows(), width)
	for i := range source.Rows() {
		copy(k.Row(i), kv.Row(i)[:width])
		copy(v.Row(i), kv.Row(i)[width:])
	}
	heads, out := tensor.New(x.Rows(), width), tensor.New(x.Rows(), x.Shape.Last())
	split := func(t tensor.Tensor) tensor.Tensor { return t.Reshape(t.Rows(), c.Heads, c.HeadDim) }
	ScaledDotProduct(split(heads), split(q), split(k), split(v), Options{Scale: c.Scale})
	c.Out.Forward(out, heads)
	return out
}

// Forks take up pages that others have given back, and do not see what was in them.
func TestForksSharePages(t *testing.T) {
	layers := []CacheLayer{{KVHeads: 2, KeyDim: 4, ValueDim: 4}}
	root := newCache(tensor.F32, layers)
	write := func(c *Cache, n int, v float32) {
		l := &c.layers[0]
		l.grow(c.n, n)
		row := make([]float32, 8)
		for i := range row {
			row[i] = v
		}
		for i := range n {
			l.put(c.n+i, row, row)
		}
		c.advance(n)
	}
	read := func(c *Cache, pos int) float32 {
		k, ld, _, _ := c.layers[0].rows(1, pos/128, 1, nil)
		return k[pos%128*ld]
	}
	write(root, 130, 1)
	var forks []*Cache
	for i := range 3 {
		f := root.Fork()
		write(f, 1, float32(10+i))
		forks = append(forks, f)
	}
	for i, f := range forks {
		if read(f, 129) != 1 || read(f, 130) != float32(10+i) || read(f, 5) != 1 {
			t.Errorf("fork %d: %v %v %v", i, read(f, 129), read(f, 130), read(f, 5))
		}
	}
	spare := root.layers[0].spare
	if err := forks[0].Truncate(0); err != nil || spare.len() != 1 {
		t.Errorf("a fork that ends leaves %d pages, want its own one (%v)", spare.len(), err)
	}
	f := root.Fork()
	write(f, 1, 99)
	if spare.len() != 0 || read(f, 130) != 99 || read(f, 129) != 1 || read(forks[1], 130) != 11 {
		t.Errorf("a fork in the place of another: %v %v, beside %v", read(f, 130), read(f, 129), read(forks[1], 130))
	}
}
