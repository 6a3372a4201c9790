package nn

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// blocks is a tensor of random values in a type.
func blocks(name string, dt tensor.DType, shape ...int) checkpoint.Entry {
	x := tensortest.Normal(rand.New(rand.NewPCG(uint64(len(name)), uint64(dt))), tensor.Of(shape...).Len())
	e := checkpoint.Entry{Name: name, DType: checkpoint.DType(dt.String()), Shape: shape, Data: make([]byte, dt.Bytes(len(x)))}
	dt.Encode(e.Data, x)
	return e
}

// placed is a Source whose tensors are in place.
type placed struct{ checkpoint.Source }

func (p placed) InPlace(name string) (tensor.Stored, bool) {
	b, err := p.Bytes(name)
	return tensor.Stored{Data: b}, err == nil
}
func (p placed) Check() error { return nil }

func blockSource(t *testing.T, entries ...checkpoint.Entry) checkpoint.Source {
	t.Helper()
	src, err := checkpoint.Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	return placed{src}
}

// checkValues fails unless the rows of w are those of a tensor, from one on.
func checkValues(t *testing.T, w *tensor.Weight, row int, src checkpoint.Source, name string, first, rows int) {
	t.Helper()
	x, err := checkpoint.ReadFloat32(src, name)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, w.In)
	for i := range rows {
		w.Row(got, row+i)
		tensortest.CheckBits(t, fmt.Sprintf("%s, row %d", name, first+i), got, x.Data[(first+i)*w.In:][:w.In])
	}
}

// Layers that are joined keep the types of their parts, and rows move as blocks.
func TestFusedBlocks(t *testing.T) {
	src := blockSource(t, blocks("q.weight", tensor.Q4_K, 48, 512), blocks("k.weight", tensor.Q4_K, 20, 512), blocks("v.weight", tensor.Q6_K, 20, 512),
		blocks("wide.weight", tensor.F16, 3, 512))
	for _, p := range []Precision{Automatic, Exact} {
		l := NewLoader(src, Options{Precision: p})
		qkv := l.Fused(512, false, Part{"q", 48}, Part{"k", 20}, Part{"v", 20}, Part{"wide", 3}).Weight
		if err := l.Err(true); err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, w := range qkv.Parts() {
			kinds = append(kinds, fmt.Sprint(w.DType, w.Out, w.Precision == tensor.Int8Activations))
		}
		fast := fmt.Sprint(p == Automatic)
		if want := []string{"Q4_K 68 " + fast, "Q6_K 20 " + fast, "F16 3 false"}; !slices.Equal(kinds, want) {
			t.Errorf("%v: parts %q, want %q", p, kinds, want)
		}
		checkValues(t, qkv, 0, src, "q.weight", 0, 48)
		checkValues(t, qkv, 48, src, "k.weight", 0, 20)
		checkValues(t, qkv, 68, src, "v.weight", 0, 20)
		checkValues(t, qkv, 88, src, "wide.weight", 0, 3)

		l = NewLoader(src, Options{})
		moved := l.LinearRows("q", 512, 48, false, [][2]int{{40, 8}, {0, 40}}).Weight
		checkValues(t, moved, 8, src, "q.weight", 0, 40)
	}
}

// A table of blocks that is tied serves lookups and the head from one copy; one that is not, lookups alone.
func TestTiedBlocks(t *testing.T) {
	src := blockSource(t, blocks("words.weight", tensor.Q6_K, 100, 256))
	l := NewLoader(src, Options{})
	l.Tie("words", "head")
	e := l.Table("words", 100, 256)
	h := l.Head(e, "head")
	if err := l.Err(true); err != nil {
		t.Fatal(err)
	}
	if h.Weight != e.Weight || h.Weight.Bytes() != int64(tensor.Q6_K.Bytes(112*256)) {
		t.Errorf("a table and a head of %d and %d bytes", e.Weight.Bytes(), h.Weight.Bytes())
	}
	checkValues(t, h.Weight, 0, src, "words.weight", 0, 100)
	for _, opt := range []Options{{}, {NoHead: true}} {
		l = NewLoader(src, opt)
		if opt.NoHead {
			l.Tie("words", "head")
		}
		w := l.Table("words", 100, 256).Weight
		if w.Bytes() != int64(tensor.Q6_K.Bytes(100*256)) {
			t.Errorf("%+v: a table for lookups has %d bytes", opt, w.Bytes())
		}
		checkValues(t, w, 0, src, "words.weight", 0, 100)
	}
}

// Experts of blocks, each matrix of another type, give the same bits packed and in place.
func TestExpertBlocks(t *testing.T) {
	const n, dim, hidden = 2, 256, 64
	var entries []checkpoint.Entry
	for e := range n {
		entries = append(entries, blocks(fmt.Sprintf("e.%d.gate.weight", e), tensor.Q4_K, hidden, dim), blocks(fmt.Sprintf("e.%d.up.weight", e), tensor.Q6_K, hidden, dim),
			blocks(fmt.Sprintf("e.%d.down.weight", e), tensor.Q8_0, dim, hidden))
	}
	src := blockSource(t, entries...)
	x := tensor.From(tensortest.Normal(rand.New(rand.NewPCG(1, 2)), 7*dim), 7, dim)
	g := tensor.Groups{Rows: []int{0, 1, 2, 3, 4, 5, 6, 0}, Ends: []int{3, 8}}
	for _, p := range []Precision{Automatic, Exact} {
		var results [2]tensor.Tensor
		for i, where := range []Placement{Packed, Mapped} {
			l := NewLoader(src, Options{Experts: where, Precision: p})
			experts := l.Experts("e", n, dim, hidden, "gate", "up", "down")
			if err := l.Err(true); err != nil || l.InPlace() != (where == Mapped) {
				t.Fatalf("placement %v, in place %v: %v", where, l.InPlace(), err)
			}
			checkValues(t, experts[1].Up, 0, src, "e.1.up.weight", 0, hidden)
			results[i] = tensor.New(len(g.Rows), dim)
			tensor.FeedForwardGrouped(results[i], x, g, experts, SiLU)
		}
		tensortest.CheckBits(t, p.String(), results[1].Data, results[0].Data)
	}
}

// Products with heads of blocks are exact, whatever the options say.
func TestHeadBlocks(t *testing.T) {
	src := blockSource(t, blocks("kv.weight", tensor.Q8_0, 2*96, 64), blocks("stack.weight", tensor.Q4_0, 2, 32, 64))
	l := NewLoader(src, Options{})
	heads := l.Heads("kv", 64, 2, 96, HeadRows{N: 64}, HeadRows{N: 64, Transposed: true}, HeadRows{First: 64, N: 32})
	stacked, _ := l.StackedHeads("stack", 2, 32, 64)
	if err := l.Err(true); err != nil {
		t.Fatal(err)
	}
	for _, w := range slices.Concat(heads[0], heads[1], heads[2], stacked) {
		if w.Precision != tensor.FullPrecision {
			t.Errorf("[%d, %d] of %v is multiplied by %v", w.Out, w.In, w.DType, w.Precision)
		}
	}
	checkValues(t, heads[2][1], 0, src, "kv.weight", 96+64, 32)
}

// Rows that are not whole blocks are an error that names the tensor, whatever reads them.
func TestBlockErrors(t *testing.T) {
	src := func() checkpoint.Source {
		return blockSource(t, blocks("w.weight", tensor.Q8_0, 4, 48), blocks("f.weight", tensor.F32, 4, 48), blocks("c.weight", tensor.Q8_0, 48, 32),
			blocks("s", tensor.Q8_0, 2, 2, 48), blocks("d", tensor.Q8_0, 2, 48, 32), blocks("x.0.w.weight", tensor.Q8_0, 4, 48))
	}
	whole := `tensor "w.weight": rows of 48 elements are not whole blocks of 32, which Q8_0 has`
	for _, c := range []struct {
		opt  Options
		read func(l Loader)
		want string
	}{
		{Options{}, func(l Loader) { l.Linear("w", 48, 4, false) }, whole},
		{Options{}, func(l Loader) { l.LinearRows("w", 48, 4, false, [][2]int{{0, 4}}) }, whole},
		{Options{}, func(l Loader) { l.Table("w", 4, 48) }, whole},
		{Options{}, func(l Loader) { l.Embedding("w", 4, 48) }, whole},
		{Options{}, func(l Loader) { l.Heads("w", 48, 2, 2, HeadRows{N: 2}) }, whole},
		{Options{Experts: Mapped}, func(l Loader) { l.Experts("x", 1, 48, 4, "w", "w", "w") }, `tensor "x.0.w.weight": rows of 48`},
		{Options{}, func(l Loader) { l.FusedExperts("s", "d", 2, 48, 1, Fusion{}) }, `"d" has shape`},
		{Options{}, func(l Loader) { l.Conv1D("c", 48, 32) }, `"c.weight" is Q8_0, and has to be transposed`},
	} {
		l := NewLoader(src(), c.opt)
		c.read(l)
		if err := l.Err(false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestPrecisionOf(t *testing.T) {
	for p, want := range map[Precision][3]tensor.Precision{
		Automatic:       {tensor.FullPrecision, tensor.FullPrecision, tensor.Int8Activations},
		Exact:           {tensor.FullPrecision, tensor.FullPrecision, tensor.FullPrecision},
		BF16Activations: {tensor.FullPrecision, tensor.BF16Activations, tensor.Int8Activations},
	} {
		for i, dt := range []tensor.DType{tensor.F32, tensor.BF16, tensor.Q4_K} {
			if got := p.Of(dt); got != want[i] {
				t.Errorf("%v of %v is %v, want %v", p, dt, got, want[i])
			}
		}
	}
	if s := fmt.Sprint(Automatic, Exact, BF16Activations, Precision(9)); s != "automatic exact bf16 activations unknown precision" {
		t.Error(s)
	}
}
