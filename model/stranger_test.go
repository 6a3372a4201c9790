package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// The operations of this file are what programs outside of the module write.

const strangeDim = 24

func strangeLinear(seed uint64, out, in int) nn.Linear {
	r := rand.New(rand.NewPCG(seed, 11))
	w := tensor.From(tensortest.Gaussian(r, out*in, 0, 1/math.Sqrt(float64(in))), out, in)
	return nn.Linear{Weight: tensor.WeightFrom(w)}
}

func strangeAttention(seed uint64) *attention.MultiHead {
	rope, err := attention.NewRoPE(8, 100, attention.Scaling{})
	if err != nil {
		panic(err)
	}
	return &attention.MultiHead{Heads: 4, KVHeads: 2, HeadDim: 8, QKV: strangeLinear(seed, 64, strangeDim), Out: strangeLinear(seed+1, strangeDim, 32),
		Rotary: rope, Mask: attention.Mask{Causal: true}}
}

func strangeNetwork(seed uint64) *block.MLP {
	return &block.MLP{Up: strangeLinear(seed, 40, strangeDim), Act: nn.GELU, Down: strangeLinear(seed+1, strangeDim, 40)}
}

// twice wraps an operation in a field, and doubles what it computes.
type twice struct{ inner attention.Op }

func (o *twice) Traits() attention.Traits {
	return attention.Traits{Of: o, Inner: []attention.Op{o.inner}}
}

func (o *twice) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	o.inner.Forward(p, dst, x)
	for i := range dst.Data {
		dst.Data[i] *= 2
	}
}

// embedded embeds an attention, and shifts what it computes.
type embedded struct{ *attention.MultiHead }

func (o embedded) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	o.MultiHead.Forward(p, dst, x)
	for i := range dst.Data {
		dst.Data[i] += 0.25
	}
}

// embeddedValue is the same with the attention itself in the struct.
type embeddedValue struct {
	name string
	attention.MultiHead
}

func (o *embeddedValue) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	embedded{&o.MultiHead}.Forward(p, dst, x)
}

// sideBySide is GPT-J's parallel residual, written by hand.
type sideBySide struct{ a, b attention.Op }

func (o *sideBySide) Traits() attention.Traits {
	return attention.Traits{Of: o, Inner: []attention.Op{o.a, o.b}}
}

func (o *sideBySide) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	y := p.Scratch.New(x.Rows(), x.Shape.Last())
	o.a.Forward(p, dst, x)
	o.b.Forward(p, y, x)
	for i := range dst.Data {
		dst.Data[i] += y.Data[i]
	}
	p.Scratch.Release(mark)
}

// ownAttention projects by itself and attends with the library's kernel.
type ownAttention struct {
	q, k, v, out nn.Linear
	rope         *attention.RoPE
	window       int
}

const ownHeads, ownKV, ownD, ownDv = 4, 2, 6, 10

func newOwnAttention(window int) *ownAttention {
	rope, err := attention.NewRoPE(4, 50, attention.Scaling{})
	if err != nil {
		panic(err)
	}
	return &ownAttention{q: strangeLinear(1, ownHeads*ownD, strangeDim), k: strangeLinear(2, ownKV*ownD, strangeDim),
		v: strangeLinear(3, ownKV*ownDv, strangeDim), out: strangeLinear(4, strangeDim, ownHeads*ownDv), rope: rope, window: window}
}

func (o *ownAttention) Traits() attention.Traits {
	return attention.Traits{Of: o, In: strangeDim, Out: strangeDim, Cache: attention.CacheLayer{KVHeads: ownKV, KeyDim: ownD, ValueDim: ownDv,
		Mask: attention.Mask{Causal: true, Window: o.window}}}
}

// project returns queries, keys and values of the rows, rotated.
func (o *ownAttention) project(p *attention.Pass, x tensor.Tensor) (q, k, v tensor.Tensor) {
	t := x.Rows()
	q, k, v = p.Scratch.New(t, ownHeads, ownD), p.Scratch.New(t, ownKV, ownD), p.Scratch.New(t, ownKV, ownDv)
	o.q.Forward(q.Reshape(t, ownHeads*ownD), x)
	o.k.Forward(k.Reshape(t, ownKV*ownD), x)
	o.v.Forward(v.Reshape(t, ownKV*ownDv), x)
	p.Rotate(o.rope, q)
	p.Rotate(o.rope, k)
	return q, k, v
}

func (o *ownAttention) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	q, k, v := o.project(p, x)
	heads := p.Scratch.New(x.Rows(), ownHeads*ownDv)
	p.Attend(o, heads, q, k, v, attention.Options{SoftCap: 4, Scale: 0.7})
	o.out.Forward(dst, heads)
	p.Scratch.Release(mark)
}

// readingAttention appends to the cache, and computes from what it reads there.
type readingAttention struct{ *ownAttention }

func (o readingAttention) Traits() attention.Traits {
	t := o.ownAttention.Traits()
	t.Of = o
	return t
}

func (o readingAttention) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	q, k, v := o.project(p, x)
	p.Append(o, k, v)
	heads := p.Scratch.New(x.Rows(), ownHeads, ownDv)
	row := 0
	for i, s := range p.Seqs {
		for r := range s.Rows {
			pos := s.Pos + r
			keys, values := p.Cached(o, i, max(0, pos-o.window+1), pos+1)
			one := func(t tensor.Tensor, width int) tensor.Tensor {
				return tensor.From(t.Data[row*ownHeads*width:][:ownHeads*width], 1, ownHeads, width)
			}
			attention.ScaledDotProduct(one(heads, ownDv), one(q, ownD), keys, values, attention.Options{SoftCap: 4, Scale: 0.7})
			row++
		}
	}
	o.out.Forward(dst, heads.Reshape(x.Rows(), ownHeads*ownDv))
	p.Scratch.Release(mark)
}

// sharing reads the cache of another operation.
type sharing struct {
	*ownAttention
	of attention.Op
}

func (o *sharing) Traits() attention.Traits { return attention.Traits{Of: o, Shares: o.of} }

func (o *sharing) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	mark := p.Scratch.Mark()
	q, _, _ := o.project(p, x)
	heads := p.Scratch.New(x.Rows(), ownHeads*ownDv)
	p.Attend(o, heads, q, tensor.Tensor{}, tensor.Tensor{}, attention.Options{})
	o.out.Forward(dst, heads)
	p.Scratch.Release(mark)
}

// decaying is a recurrence: a state that forgets a tenth at each token.
type decaying struct{ in nn.Linear }

func (o *decaying) Traits() attention.Traits {
	return attention.Traits{Of: o, Cache: attention.CacheLayer{State: strangeDim}}
}

func (o *decaying) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	o.in.Forward(dst, x)
	row := 0
	for i, s := range p.Seqs {
		before, after := p.State(o, i)
		copy(after, before)
		for range s.Rows {
			y := dst.Row(row)
			for j := range after {
				after[j] = after[j]*0.9 + y[j]
				y[j] = after[j]
			}
			row++
		}
	}
}

// What strangers write gives the same bits in a prompt at once, token by token, forked and gone back.
func TestStrangers(t *testing.T) {
	shared := newOwnAttention(0)
	for name, op := range map[string]attention.Op{
		"a field":                     &twice{strangeAttention(1)},
		"a field in a field":          &twice{&twice{strangeAttention(1)}},
		"embedded":                    embedded{strangeAttention(2)},
		"embedded, a value":           &embeddedValue{"x", *strangeAttention(2)},
		"two operations":              &sideBySide{strangeAttention(3), strangeNetwork(5)},
		"two attentions":              &sideBySide{strangeAttention(3), embedded{strangeAttention(4)}},
		"block.Parallel":              &block.Parallel{Branches: []block.Branch{{Op: strangeAttention(3)}, {Pre: &nn.RMSNorm{Eps: 1e-6}, Op: strangeNetwork(5)}}},
		"an attention of one's own":   newOwnAttention(0),
		"one with a window":           newOwnAttention(40),
		"one that reads the cache":    readingAttention{newOwnAttention(33)},
		"one that shares a cache":     &sideBySide{shared, &sharing{newOwnAttention(0), shared}},
		"a recurrence":                &decaying{strangeLinear(7, strangeDim, strangeDim)},
		"a recurrence and a window":   &sideBySide{&decaying{strangeLinear(7, strangeDim, strangeDim)}, newOwnAttention(20)},
		"ours":                        strangeAttention(8),
		"a function of each token":    strangeNetwork(9),
		"an operation without traits": plainOp{},
	} {
		t.Run(name, func(t *testing.T) {
			if err := modeltest.TestDecoder(&model.Decoder{Decoder: modeltest.DecoderOf(op, strangeDim)}, modeltest.RandomIDs(3, 700, 61)); err != nil {
				t.Error(err)
			}
		})
	}
}

// plainOp has a Forward and nothing else.
type plainOp struct{}

func (plainOp) Forward(_ *attention.Pass, dst, x tensor.Tensor) {
	for i, v := range x.Data {
		dst.Data[i] = v * v
	}
}

// What a wrapped or embedded operation computes is what its own Forward says, in prompts too.
func TestWrappedOpsCompute(t *testing.T) {
	a := strangeAttention(2)
	x := tensor.New(5, strangeDim)
	for i := range x.Data {
		x.Data[i] = float32(i%7) - 3
	}
	forward := func(op attention.Op) []float32 {
		dst := tensor.New(5, strangeDim)
		p := new(attention.Pass)
		p.Begin(attention.Seq{Rows: 5})
		op.Forward(p, dst, x)
		return dst.Data
	}
	plain := forward(a)
	for name, op := range map[string]attention.Op{"pointer": embedded{a}, "value": &embeddedValue{"", *a}} {
		b := block.Block{{Op: op, Out: &nn.RMSNorm{Eps: 1e-6}}} // where the model would rather call ForwardAdd
		want := tensor.New(5, strangeDim)
		for i, v := range plain {
			want.Data[i] = x.Data[i] + (v + 0.25)
		}
		(&nn.RMSNorm{Eps: 1e-6}).Forward(want, want)
		got := tensor.From(slices.Clone(x.Data), 5, strangeDim)
		p := new(attention.Pass)
		p.Begin(attention.Seq{Rows: 5})
		b.Forward(p, 0, got)
		if err := modeltest.SameBits(got.Data, want.Data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hiding wraps an operation, and says nothing of it.
type hiding struct{ inner attention.Op }

func (o *hiding) Forward(p *attention.Pass, dst, x tensor.Tensor) { o.inner.Forward(p, dst, x) }

// closed hides an operation where nobody can look.
type closed struct {
	do func(p *attention.Pass, dst, x tensor.Tensor)
}

func (o *closed) Forward(p *attention.Pass, dst, x tensor.Tensor) { o.do(p, dst, x) }

// A model that was assembled wrongly is refused when it is first used, by an error that names the place.
func TestAssembledWrongly(t *testing.T) {
	good := func() *arch.Decoder { return modeltest.DecoderOf(strangeAttention(1), strangeDim) }
	with := func(op attention.Op) *arch.Decoder { return modeltest.DecoderOf(op, strangeDim) }
	change := func(f func(d *arch.Decoder)) *arch.Decoder {
		d := good()
		f(d)
		return d
	}
	for name, c := range map[string]struct {
		d    *arch.Decoder
		want []string
	}{
		"a hidden cache":          {with(&hiding{strangeAttention(1)}), []string{"layer 0", "*model_test.hiding", "hides", "*attention.MultiHead", "inner"}},
		"an embedded interface":   {with(&struct{ attention.Op }{strangeAttention(1)}), []string{"layer 0", "hides", "*attention.MultiHead"}},
		"hidden in a hidden one":  {with(&twice{&hiding{strangeAttention(1)}}), []string{"layer 0", "*model_test.hiding", "hides"}},
		"no Op":                   {change(func(d *arch.Decoder) { d.Blocks[1] = block.Block{{}} }), []string{"block 1", "no Op"}},
		"no Down":                 {with(&block.MLP{Up: strangeLinear(1, 8, strangeDim)}), []string{"MLP.Down"}},
		"no Up":                   {with(&block.MLP{}), []string{"MLP.Up"}},
		"no GateUp":               {with(&block.GLU{}), []string{"GLU.GateUp"}},
		"a Down of another width": {with(&block.MLP{Up: strangeLinear(1, 8, strangeDim), Down: strangeLinear(1, strangeDim, 9)}), []string{"MLP.Down is [24, 9], want [24, 8]"}},
		"a GLU of another width":  {with(&block.GLU{GateUp: strangeLinear(1, 8, strangeDim), Down: strangeLinear(1, strangeDim, 8)}), []string{"GLU.Down is [24, 8], want [24, 4]"}},
		"an Out of another width": {with(func() attention.Op { a := strangeAttention(1); a.Out = strangeLinear(1, strangeDim, 31); return a }()), []string{"MultiHead.Out is [24, 31], want [24, 32]"}},
		"no Heads":                {with(&attention.MultiHead{}), []string{"MultiHead", "heads"}},
		"another width":           {with(&block.MLP{Up: strangeLinear(1, 8, 12), Down: strangeLinear(1, 12, 8)}), []string{"residual 0", "12", "24"}},
		"a rotation too wide": {with(func() attention.Op {
			a := strangeAttention(1)
			a.Rotary = &attention.RoPE{InvFreq: make([]float32, 5)}
			return a
		}()), []string{"Rotary", "10", "8"}},
		"a mask that is not causal": {with(func() attention.Op { a := strangeAttention(1); a.Mask = attention.Mask{}; return a }()), []string{"not causal"}},
		"a norm of another width":   {change(func(d *arch.Decoder) { d.Blocks[0][0].Pre = &nn.RMSNorm{Weight: make([]float32, 3)} }), []string{"block 0", "Pre", "3"}},
		"no Dim":                    {change(func(d *arch.Decoder) { d.Dim = 0 }), []string{"Dim 0"}},
		"no MaxLen":                 {change(func(d *arch.Decoder) { d.MaxLen = 0 }), []string{"MaxLen 0"}},
		"no words":                  {change(func(d *arch.Decoder) { d.Embeddings = arch.Embeddings{} }), []string{"Embeddings.Words"}},
		"few words":                 {change(func(d *arch.Decoder) { d.Vocab = 100 }), []string{"61 rows", "100"}},
		"narrow words":              {change(func(d *arch.Decoder) { d.Embeddings.Words.Weight = strangeLinear(1, 61, 5).Weight }), []string{"rows of 5"}},
		"no Head":                   {change(func(d *arch.Decoder) { d.Head = nn.Linear{} }), []string{"Decoder.Head"}},
		"an Op that calls itself":   {with(func() attention.Op { o := &twice{}; o.inner = o; return o }()), []string{"calls itself"}},
		"twice the same attention":  {with(func() attention.Op { a := strangeAttention(1); return &sideBySide{a, a} }()), []string{"called twice"}},
		"a cache from nowhere":      {with(&sharing{newOwnAttention(0), newOwnAttention(0)}), []string{"shares the cache", "no earlier layer"}},
		"traits of nobody":          {with(nobody{}), []string{"Of"}},
		"not comparable":            {with(uncomparable{[]int{1}}), []string{"pointer"}},
	} {
		d := &model.Decoder{Decoder: c.d}
		err := d.NewSession(model.SessionOptions{}).Append(1)
		for _, w := range c.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %v, want %q in it", name, err, c.want)
				break
			}
		}
		if _, err2 := d.NewSession(model.SessionOptions{}).Extend(1); err2 == nil {
			t.Errorf("%s: Extend has no error", name)
		}
	}
	inner := strangeAttention(1)
	d := &model.Decoder{Decoder: with(&closed{inner.Forward})}
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "*attention.MultiHead") || !strings.Contains(r, "Inner") {
			t.Errorf("an operation in a closure: panic with %s", r)
		}
	}()
	d.NewSession(model.SessionOptions{}).Append(1)
}

type nobody struct{}

func (nobody) Traits() attention.Traits                        { return attention.Traits{} }
func (nobody) Forward(_ *attention.Pass, dst, x tensor.Tensor) { copy(dst.Data, x.Data) }

type uncomparable struct{ list []int }

func (u uncomparable) Traits() attention.Traits                        { return attention.Traits{Of: u} }
func (u uncomparable) Forward(_ *attention.Pass, dst, x tensor.Tensor) { copy(dst.Data, x.Data) }

// A standalone operation of wrong shapes panics with the argument's name.
func TestShapesPanicByName(t *testing.T) {
	a := strangeAttention(1)
	a.Out = strangeLinear(1, strangeDim, 31)
	for want, op := range map[string]attention.Op{"MultiHead.Out is [24, 31], want [24, 32]": a, "MLP.Down has no weight": &block.MLP{Up: strangeLinear(1, 8, strangeDim)}} {
		tensortest.Panics(t, want, func() {
			p := new(attention.Pass)
			p.Begin(attention.Seq{Rows: 1})
			op.Forward(p, tensor.New(1, strangeDim), tensor.New(1, strangeDim))
		})
	}
}

// A layer that is used many times reports its attention weights as those of each layer.
func TestRepeatedLayerIsObserved(t *testing.T) {
	d := &model.Decoder{Decoder: modeltest.DecoderOf(&twice{strangeAttention(1)}, strangeDim)}
	var seen []string
	s := d.NewSession(model.SessionOptions{Observer: func(at attention.Point) func(tensor.Tensor) {
		return func(x tensor.Tensor) { seen = append(seen, fmt.Sprint(at.Stage, " ", at.Layer)) }
	}})
	if err := s.Append(1, 2, 3); err != nil {
		t.Fatal(err)
	}
	want := []string{"embeddings 0", "weights 0", "residual 0", "block 0", "weights 1", "residual 1", "block 1", "final norm 0", "logits 0"}
	if !slices.Equal(seen, want) {
		t.Errorf("observed %q, want %q", seen, want)
	}
}

// breaking is an operation that ends in the middle, if it is told to.
type breaking struct {
	inner attention.Op
	end   func()
}

func (o *breaking) Traits() attention.Traits {
	return attention.Traits{Of: o, Inner: []attention.Op{o.inner}}
}

func (o *breaking) Forward(p *attention.Pass, dst, x tensor.Tensor) {
	o.inner.Forward(p, dst, x)
	if o.end != nil && p.Layer() == 1 {
		o.end()
	}
}

func brokenOp() { panic("the operation is broken") }

// A panic or an exit in a caller's function leaves the session as usable as it was: what it reads next has the
// right bits.
func TestBrokenOps(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	ids := modeltest.RandomIDs(1, 700, 61)
	op := &breaking{inner: &sideBySide{strangeAttention(1), &decaying{strangeLinear(7, strangeDim, strangeDim)}}}
	d := &model.Decoder{Decoder: modeltest.DecoderOf(op, strangeDim)}
	fresh := d.NewSession(model.SessionOptions{})
	if err := fresh.Append(ids...); err != nil {
		t.Fatal(err)
	}
	s := d.NewSession(model.SessionOptions{})
	for i := 0; i < len(ids); i += 100 {
		for _, end := range []func(){brokenOp, runtime.Goexit} {
			op.end = end
			done := make(chan any)
			go func() {
				defer func() { done <- recover() }()
				s.Append(ids[i : i+100]...)
			}()
			if r := <-done; r != nil && r != "the operation is broken" {
				t.Fatalf("panic with %v", r)
			}
			op.end = nil
			if s.Len() == i { // the tokens may have been taken, or not
				continue
			}
			if err := s.Rewind(i); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Append(ids[i : i+100]...); err != nil {
			t.Fatal(err)
		}
	}
	if err := modeltest.SameBits(s.Logits(), fresh.Logits()); err != nil {
		t.Error(err)
	}
}
