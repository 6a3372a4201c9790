package nn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/x448/float16"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

var dtypes = []tensor.DType{tensor.F32, tensor.F16, tensor.BF16}

// value is element i of a tensor: with more digits than F16 and BF16 keep.
func value(name string, i int) float32 {
	return float32(math.Sin(float64(i+1)*1.37+float64(len(name))) * math.Pow(2, float64(i%7-3)))
}

// narrowed rounds to a type.
func narrowed(x float32, dt tensor.DType) float32 {
	switch dt {
	case tensor.F16:
		return float16.Fromfloat32(x).Float32()
	case tensor.BF16:
		b := math.Float32bits(x)
		return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
	}
	return x
}

// stored is a tensor of a test's checkpoint.
type stored struct {
	name  string
	dt    tensor.DType
	shape []int
}

func (s stored) entry() checkpoint.Entry {
	n := 1
	for _, d := range s.shape {
		n *= d
	}
	e := checkpoint.Entry{Name: s.name, DType: checkpoint.DType(s.dt.String()), Shape: s.shape}
	for i := range n {
		x := narrowed(value(s.name, i), s.dt)
		switch s.dt {
		case tensor.F32:
			e.Data = binary.LittleEndian.AppendUint32(e.Data, math.Float32bits(x))
		case tensor.F16:
			e.Data = binary.LittleEndian.AppendUint16(e.Data, float16.Fromfloat32(x).Bits())
		default:
			e.Data = binary.LittleEndian.AppendUint16(e.Data, uint16(math.Float32bits(x)>>16))
		}
	}
	return e
}

// file writes the tensors as model.safetensors, and opens it.
func file(t *testing.T, tensors ...stored) checkpoint.Source {
	t.Helper()
	var entries []checkpoint.Entry
	for _, s := range tensors {
		entries = append(entries, s.entry())
	}
	src, err := checkpoint.Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, src, nil); err != nil {
		t.Fatal(err)
	}
	out, err := safetensors.Open(fstest.MapFS{"model.safetensors": &fstest.MapFile{Data: b.Bytes()}}, "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return out
}

// checkRows compares rows of a weight from row on with a stored matrix, rounded to kept.
func checkRows(t *testing.T, what string, w *tensor.Weight, row int, s stored, kept tensor.DType, transposed bool) {
	t.Helper()
	rows, cols := s.shape[0], s.shape[1]
	if transposed {
		rows, cols = cols, rows
	}
	if w == nil || w.In != cols || row+rows > w.Out {
		t.Fatalf("%s: the weight is %+v", what, w)
	}
	got := make([]float32, cols)
	for i := range rows {
		w.Row(got, row+i)
		for j := range got {
			at := i*cols + j
			if transposed {
				at = j*rows + i
			}
			if want := narrowed(narrowed(value(s.name, at), s.dt), kept); got[j] != want {
				t.Fatalf("%s: row %d, column %d is %v, want %v", what, row+i, j, got[j], want)
			}
		}
	}
}

// Every type is kept as it is, widened, or rounded to nearest even, for the shapes that fill panels and
// those that do not.
func TestLinearConverts(t *testing.T) {
	for _, from := range dtypes {
		for _, to := range append([]tensor.DType{99}, dtypes...) {
			opt := Options{Convert: func(m Matrix) tensor.DType {
				if m.DType != from {
					t.Errorf("asked for %v, stored as %v", m.DType, from)
				}
				return to
			}}
			kept := to
			if to == 99 {
				opt.Convert, kept = nil, from
			}
			for _, size := range [][2]int{{1, 1}, {7, 3}, {48, 16}, {97, 50}, {300, 129}} {
				m := stored{"a.m.weight", from, []int{size[0], size[1]}}
				c := stored{"a.c.weight", from, []int{size[1], size[0]}} // [in, out]
				bm, bc := stored{"a.m.bias", from, []int{size[0]}}, stored{"a.c.bias", tensor.F32, []int{size[0]}}
				l := NewLoader(file(t, m, c, bm, bc), opt).At("a")
				lin, conv := l.Linear("m", size[1], size[0], true), l.Conv1D("c", size[1], size[0])
				if err := l.Err(true); err != nil {
					t.Fatal(err)
				}
				what := fmt.Sprintf("%v kept as %v, %v", from, kept, size)
				if lin.Weight.DType != kept || conv.Weight.DType != kept || lin.Out() != size[0] {
					t.Errorf("%s: kept as %v and %v", what, lin.Weight.DType, conv.Weight.DType)
				}
				checkRows(t, what, lin.Weight, 0, m, kept, false)
				checkRows(t, what+", stored transposed", conv.Weight, 0, c, kept, true)
				for i := range size[0] {
					if lin.Bias[i] != narrowed(value("a.m.bias", i), from) || conv.Bias[i] != value("a.c.bias", i) {
						t.Fatalf("%s: bias %d is %v and %v", what, i, lin.Bias[i], conv.Bias[i])
					}
				}
			}
		}
	}
}

// Layers that are joined keep their types: those of one type are one matrix, others parts of it.
func TestFused(t *testing.T) {
	for _, a := range dtypes {
		for _, b := range dtypes {
			for _, c := range dtypes {
				parts := []stored{{"q.weight", a, []int{50, 20}}, {"k.weight", b, []int{7, 20}}, {"v.weight", c, []int{13, 20}}}
				l := NewLoader(file(t, parts...), Options{})
				lin := l.Fused(20, false, Part{"q", 50}, Part{"k", 7}, Part{"v", 13})
				if err := l.Err(true); err != nil {
					t.Fatal(err)
				}
				var kept []tensor.DType
				for _, p := range lin.Weight.Parts() {
					kept = append(kept, p.DType)
				}
				if want := slices.Compact([]tensor.DType{a, b, c}); !slices.Equal(kept, want) || lin.Out() != 70 || lin.Bias != nil {
					t.Errorf("%v, %v and %v are kept as %v, %d rows", a, b, c, kept, lin.Out())
				}
				row := 0
				for _, p := range parts {
					checkRows(t, fmt.Sprint(a, b, c), lin.Weight, row, p, p.dt, false)
					row += p.shape[0]
				}
			}
		}
	}
	parts := []stored{{"q.weight", tensor.F16, []int{5, 20}}, {"q.bias", tensor.F16, []int{5}}, {"k.weight", tensor.BF16, []int{3, 20}}, {"k.bias", tensor.F32, []int{3}}}
	l := NewLoader(file(t, parts...), Options{Convert: As(tensor.BF16)})
	lin := l.Fused(20, true, Part{"q", 5}, Part{"k", 3})
	if err := l.Err(true); err != nil || lin.Weight.DType != tensor.BF16 {
		t.Fatalf("%v, error %v", lin.Weight, err)
	}
	checkRows(t, "converted", lin.Weight, 0, parts[0], tensor.BF16, false)
	checkRows(t, "converted", lin.Weight, 5, parts[2], tensor.BF16, false)
	if len(lin.Bias) != 8 || lin.Bias[4] != narrowed(value("q.bias", 4), tensor.F16) || lin.Bias[5] != value("k.bias", 0) {
		t.Errorf("biases %v", lin.Bias)
	}
}

func TestLoaderErrors(t *testing.T) {
	src := file(t, stored{"a.x.weight", tensor.F32, []int{4, 3}}, stored{"a.x.bias", tensor.F32, []int{4}}, stored{"a.n.weight", tensor.F16, []int{3}},
		stored{"body.a.y.weight", tensor.F32, []int{2, 3}}, stored{"cube", tensor.F32, []int{2, 2, 2}}, stored{"scalar", tensor.F32, []int{}})
	for want, f := range map[string]func(l Loader){
		`no tensor "a.z.weight" of shape [4 3]`:                                                 func(l Loader) { l.At("a").Linear("z", 3, 4, false) },
		`no tensor "a.n.bias" of shape [3]`:                                                     func(l Loader) { l.At("a").LayerNorm("n", 3, 1e-6) },
		`no tensor "a.y.weight" of shape [2 3]; it has "body.a.y.weight"`:                       func(l Loader) { l.At("a").Linear("y", 3, 2, false) },
		`no tensor "top.a.x.weight" of shape [4 3]; it has "a.x.weight"`:                        func(l Loader) { l.At("top.a").Linear("x", 3, 4, false) },
		`tensor "a.x.weight" has shape [4 3], the config asks for [3 4]`:                        func(l Loader) { l.At("a").Linear("x", 4, 3, false) },
		`tensor "a.x.weight" has shape [4 3], the config asks for [4]`:                          func(l Loader) { l.At("a").Vector("x.weight", 4) },
		`tensor "a.x.bias" has shape [4], the config asks for [5]`:                              func(l Loader) { l.At("a").Vector("x.bias", 5) },
		`tensor "cube" has shape [2 2 2], the config asks for [8]`:                              func(l Loader) { l.Vector("cube", 8) },
		`tensor "scalar" has shape [], the config asks for [1]`:                                 func(l Loader) { l.Vector("scalar", 1) },
		`tensor "a.n.weight" has shape [3], the config asks for [1 3]`:                          func(l Loader) { l.At("a").Embedding("n", 1, 3) },
		`tensor "a.x.weight" has shape [4 3], the config asks for [2147483647 100000]`:          func(l Loader) { l.At("a").Linear("x", 100000, math.MaxInt32, false) },
		fmt.Sprintf(`tensor "a.n.weight" has shape [3], the config asks for [%d]`, math.MaxInt): func(l Loader) { l.At("a").RMSNorm("n", math.MaxInt, 0, 1) },
		`no tensor "a.z.weight" of shape [3 4]`:                                                 func(l Loader) { l.At("a").Conv1D("z", 3, 4) },
		`an error of the recipe`:                                                                func(l Loader) { l.Fail(errors.New("an error of the recipe")) },
	} {
		l := NewLoader(src, Options{})
		f(l)
		for _, all := range []bool{false, true} {
			if err := l.Err(all); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			} else if strings.Contains(err.Error(), "no place") {
				t.Errorf("after %q tensors are called left over: %v", want, err)
			}
		}
	}

	// A hint names a tensor that ends alike, and nothing if none does.
	l := NewLoader(file(t, stored{"model.embed.weight", tensor.F32, []int{4, 3}}), Options{})
	l.Linear("lm_head", 3, 4, false)
	if err := l.Err(true); err == nil || strings.Contains(err.Error(), "it has") {
		t.Errorf("the hint misleads: %v", err)
	}
}

// Errors of all layers come together, but not hundreds, and two billion layers end at the first error.
func TestLoaderErrorsTogether(t *testing.T) {
	l := NewLoader(file(t, stored{"x", tensor.F32, []int{1}}), Options{})
	for i := range 100 {
		l.Vector(fmt.Sprintf("v%d", i), 1)
	}
	err := l.Err(true)
	if n := strings.Count(err.Error(), "\n"); n != 20 || !strings.Contains(err.Error(), `"v0"`) || !strings.Contains(err.Error(), "and 80 more") {
		t.Errorf("%d lines: %v", n, err)
	}
	var many []stored
	for i := range 50 {
		many = append(many, stored{fmt.Sprintf("w%d", i), tensor.F32, []int{1}})
	}
	err = NewLoader(file(t, many...), Options{}).Err(true)
	if n := strings.Count(err.Error(), "\n"); n != 20 || !strings.Contains(err.Error(), "and 30 more") {
		t.Errorf("%d lines: %v", n, err)
	}
	l = NewLoader(file(t, stored{"h.0.w", tensor.F32, []int{1}}, stored{"h.1.w", tensor.F32, []int{1}}), Options{})
	n := 0
	for i, layer := range l.Layers("h", math.MaxInt32) {
		if i != n {
			t.Errorf("layer %d after %d", i, n)
		}
		layer.Vector("w", 1)
		n++
	}
	if err := l.Err(true); n != 3 || err == nil || !strings.Contains(err.Error(), `"h.2.w"`) {
		t.Errorf("%d layers, error %v", n, err)
	}
}

func TestLeftOver(t *testing.T) {
	l := NewLoader(file(t, stored{"a.w", tensor.F32, []int{1}}, stored{"b.w", tensor.F32, []int{1}}, stored{"b.inv_freq", tensor.F32, []int{2}}), Options{})
	l.At("a").Vector("w", 1)
	l.Ignore(func(name string) bool { return strings.HasSuffix(name, ".inv_freq") })
	if err := l.Err(false); err != nil {
		t.Error(err)
	}
	err := l.Err(true)
	if err == nil || !strings.Contains(err.Error(), `no place for the checkpoint's tensor "b.w"`) || strings.Contains(err.Error(), "inv_freq") {
		t.Errorf("error %v", err)
	}
	l.At("b").Vector("w", 1)
	if err := l.Err(true); err != nil {
		t.Error(err)
	}
}

// Types that no weight can have are refused by name.
func TestWrongTypes(t *testing.T) {
	for _, dt := range []checkpoint.DType{"I64", "U8", "BOOL", "F64", "F8_E4M3", "I32"} {
		size, ok := dt.Size(12)
		if !ok {
			t.Fatal(dt)
		}
		src, err := checkpoint.Memory(checkpoint.Entry{Name: "x.weight", DType: dt, Shape: []int{4, 3}, Data: make([]byte, size)})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []func(l Loader){
			func(l Loader) { l.Linear("x", 3, 4, false) }, func(l Loader) { l.Embedding("x", 4, 3) },
			func(l Loader) { l.Conv1D("x", 4, 3) }, func(l Loader) { l.Fused(3, false, Part{"x", 4}) },
		} {
			l := NewLoader(src, Options{})
			f(l)
			if err := l.Err(true); !errors.Is(err, checkpoint.ErrUnsupported) || !strings.Contains(err.Error(), `"x.weight"`) || !strings.Contains(err.Error(), string(dt)) {
				t.Errorf("%s: %v", dt, err)
			}
		}
	}
}

func TestHead(t *testing.T) {
	embed, head := stored{"m.e.weight", tensor.BF16, []int{9, 4}}, stored{"lm_head.weight", tensor.F16, []int{9, 4}}
	for _, c := range []struct {
		tied, stored bool
	}{{true, false}, {true, true}, {false, true}, {false, false}} {
		tensors := []stored{embed}
		if c.stored {
			tensors = append(tensors, head)
		}
		l := NewLoader(file(t, tensors...), Options{})
		if c.tied {
			l.Tie("m.e", "lm_head")
		}
		e := l.At("m").Embedding("e", 9, 4)
		h := l.Head(e, "lm_head")
		err := l.Err(true)
		switch {
		case !c.tied && !c.stored:
			if err == nil || !strings.Contains(err.Error(), `no tensor "lm_head.weight" of shape [9 4]`) {
				t.Errorf("%+v: %v", c, err)
			}
		case err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.stored:
			checkRows(t, "a stored head", h.Weight, 0, head, tensor.F16, false)
		case h.Weight != e.Weight:
			t.Errorf("%+v: the head is not the embedding's table", c)
		}
	}
	l := NewLoader(file(t), Options{})
	l.Head(l.Embedding("e", 2, 2), "lm_head")
	if err := l.Err(true); err == nil || strings.Contains(err.Error(), "lm_head") {
		t.Errorf("without an embedding: %v", err)
	}
}

func TestRoot(t *testing.T) {
	for name, want := range map[string]string{"model.e.weight": "model.", "e.weight": "", "other.e.weight": "other.",
		"other.model.e.weight": "other.model.", "model.model.e.weight": "model.model.", "a.b.model.e.weight": "a.b.model.",
		"module.model.e.weight": "model.", "_orig_mod.module.e.weight": "", "model._orig_mod.e.weight": "model.",
		"module.module.model._orig_mod._orig_mod.e.weight": "model.", "my_orig_mod.e.weight": "my_orig_mod.",
		"the.weight": "model."} {
		l := NewLoader(file(t, stored{name, tensor.F32, []int{1, 1}}), Options{}).Root("model", "none.weight", "e.weight")
		if got := l.full(""); got != want {
			t.Errorf("with %s the body is at %q, want %q", name, got, want)
		}
	}
	// What lies beside the body and is no side tensor keeps its prefix from being that of all.
	for beside, want := range map[string]string{"other.head.weight": "other.model.", "loss_fct.weight": "other.model.", "head.weight": "model."} {
		l := NewLoader(file(t, stored{"other.model.e.weight", tensor.F32, []int{1, 1}}, stored{beside, tensor.F32, []int{1}}), Options{})
		if got := l.Root("model", "e.weight").full(""); got != want {
			t.Errorf("with %s beside it the body is at %q, want %q", beside, got, want)
		}
	}
	l := NewLoader(file(t, stored{"a.1.b", tensor.F32, []int{1}}), Options{})
	if !l.At("a.%d", 1).Has("b") || l.At("a").At("2").Has("b") || l.Has("b") {
		t.Error("prefixes do not compose")
	}
}

// Progress grows to the total, whatever kinds of layers there are, and tensors that are ignored.
func TestProgress(t *testing.T) {
	src := file(t, stored{"m.weight", tensor.F32, []int{90, 20}}, stored{"c.weight", tensor.F16, []int{20, 90}}, stored{"c.bias", tensor.F16, []int{90}},
		stored{"n.weight", tensor.BF16, []int{90}}, stored{"q.weight", tensor.F16, []int{3, 90}}, stored{"k.weight", tensor.F32, []int{4, 90}},
		stored{"table.inv_freq", tensor.F32, []int{1000}})
	const total = 90*20*4 + 90*20*2 + 90*2 + 90*2 + 3*90*2 + 4*90*4 + 4000
	var last, calls int64
	l := NewLoader(src, Options{Progress: func(done, all int64) {
		calls++
		if all != total || done < last || done > total {
			t.Errorf("%d of %d bytes after %d; all are %d", done, all, last, total)
		}
		last = done
	}})
	l.Linear("m", 20, 90, false)
	l.Conv1D("c", 20, 90)
	l.RMSNorm("n", 90, 1e-6, 1)
	l.Fused(90, false, Part{"q", 3}, Part{"k", 4})
	l.Ignore(func(name string) bool { return strings.HasSuffix(name, "inv_freq") })
	if err := l.Err(true); err != nil {
		t.Fatal(err)
	}
	if last != total || calls < 6 {
		t.Errorf("%d of %d bytes after %d calls", last, total, calls)
	}
}

// Valid is asked before a weight is read; after its first error nothing is read or asked any more.
func TestValid(t *testing.T) {
	asked, bad := 0, error(nil)
	l := NewLoader(file(t, stored{"a", tensor.F32, []int{1}}, stored{"b", tensor.F32, []int{1}}), Options{Valid: func() error { asked++; return bad }})
	if v := l.Vector("a", 1); len(v) != 1 || asked != 1 {
		t.Errorf("%v, asked %d times", v, asked)
	}
	bad = errors.New("the config is wrong")
	for range 5 {
		if v := l.Vector("b", 1); v != nil {
			t.Errorf("read %v", v)
		}
	}
	if err := l.Err(true); !errors.Is(err, bad) || strings.Count(err.Error(), "wrong") != 1 || asked != 2 {
		t.Errorf("error %v, asked %d times", err, asked)
	}
}

// Gemma's norms are stored less one.
func TestNormPlus(t *testing.T) {
	l := NewLoader(file(t, stored{"n.weight", tensor.BF16, []int{5}}), Options{})
	plain, plus := l.RMSNorm("n", 5, 1e-5, 0), l.RMSNorm("n", 5, 1e-5, 1)
	for i := range 5 {
		if w := narrowed(value("n.weight", i), tensor.BF16); plain.Weight[i] != w || plus.Weight[i] != w+1 || plus.Eps != 1e-5 {
			t.Errorf("weight %d is %v and %v, want %v and %v", i, plain.Weight[i], plus.Weight[i], w, w+1)
		}
	}
}

// A Maker makes what it is asked for: a model without a file.
func TestMaker(t *testing.T) {
	l := NewLoader(checkpoint.Random(1, tensor.BF16), Options{})
	lin := l.Fused(30, true, Part{"q", 50}, Part{"k", 20})
	if err := l.Err(true); err != nil || lin.Out() != 70 || lin.Weight.DType != tensor.BF16 || len(lin.Bias) != 70 {
		t.Errorf("%+v, error %v", lin, err)
	}
}

// A recipe asks for layers by name and shape; one call tells all that is wrong.
func ExampleLoader() {
	src, err := checkpoint.Memory(
		checkpoint.Float32("mlp.up.weight", tensor.From([]float32{1, 2, 3, 4, 5, 6}, 3, 2)), // [Out, In]
		checkpoint.Float32("mlp.extra", tensor.New(7)),
	)
	if err != nil {
		panic(err)
	}
	w := NewLoader(src, Options{})
	up := w.At("mlp").Linear("up", 2, 3, false)
	fmt.Println(w.Err(true))

	y := tensor.New(1, 3)
	up.Forward(y, tensor.From([]float32{1, 10}, 1, 2))
	fmt.Println(y.Data)

	w.At("mlp").Linear("down", 3, 2, false)
	fmt.Println(w.Err(true))
	// Output:
	// nn: the model has no place for the checkpoint's tensor "mlp.extra"
	// [21 43 65]
	// nn: the checkpoint has no tensor "mlp.down.weight" of shape [2 3]
}

// What is computed from weights is held to their size, in all; what a Maker makes has none.
func TestDerive(t *testing.T) {
	src, err := checkpoint.Memory(checkpoint.Float32("w", tensor.New(1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	l := NewLoader(src, Options{}).At("a")
	const rows = derivedBytes / 4 / 1024 // as much as any checkpoint may have
	for i := range 4 {
		fits := i < 1+derivedFactor*4<<20/derivedBytes
		if l.Derive("b", rows, 1024) != fits || (l.Err(false) == nil) != fits {
			t.Errorf("table %d: error %v", i, l.Err(false))
		}
	}
	if err := l.Err(false); err == nil || !strings.Contains(err.Error(), `"a.b", [4096, 1024], is computed`) {
		t.Errorf("error %v", err)
	}
	if l := NewLoader(checkpoint.Zeros(tensor.F32), Options{}); !l.Derive("b", 1<<20, 1<<20) {
		t.Error(l.Err(false))
	}
}
