package checkpoint_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

func TestMemory(t *testing.T) {
	src, err := checkpoint.Memory(checkpointtest.Entries()...)
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.Check(t, src, checkpointtest.Entries())
	for _, c := range []struct {
		entries []checkpoint.Entry
		kind    checkpoint.Kind
	}{
		{[]checkpoint.Entry{{Name: "a", DType: "U8", Data: []byte{1}}, {Name: "a", DType: "U8", Data: []byte{1}}}, checkpoint.ErrDuplicate},
		{[]checkpoint.Entry{{Name: "a", DType: "Q9", Data: []byte{1}}}, checkpoint.ErrUnknownDType},
		{[]checkpoint.Entry{{Name: "a", DType: "U8", Shape: []int{2}, Data: []byte{1}}}, checkpoint.ErrTensorInfo},
		{[]checkpoint.Entry{{Name: "a", DType: "U8", Shape: []int{-1}}}, checkpoint.ErrTensorInfo},
		{[]checkpoint.Entry{{Name: "a", DType: "F4", Shape: []int{3}, Data: []byte{1, 2}}}, checkpoint.ErrTensorInfo},
		{[]checkpoint.Entry{{Name: "a", DType: "U8", Shape: []int{math.MaxInt, 2}}}, checkpoint.ErrTensorInfo},
	} {
		if _, err := checkpoint.Memory(c.entries...); !errors.Is(err, c.kind) {
			t.Errorf("%v: %v, expected: %v", c.entries, err, c.kind)
		}
	}
}

func TestReadFloat32(t *testing.T) {
	src, err := checkpoint.Memory(checkpointtest.Entries()...)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]tensor.Tensor{
		"b.weight": tensor.From([]float32{1, -2, 3.5, 0, 1e-40, 6}, 2, 3),
		"a":        tensor.From([]float32{1, -2}, 2),
		"half":     tensor.From([]float32{1, -2}, 1, 1, 2),
		"scalar":   tensor.From([]float32{1}),
	} {
		got, err := checkpoint.ReadFloat32(src, name)
		if err != nil || got.Shape != want.Shape || !slices.Equal(got.Data, want.Data) {
			t.Errorf("%s: %v %v, expected %v", name, got, err, want)
		}
	}
	for name, kind := range map[string]checkpoint.Kind{"mask": checkpoint.ErrUnsupported, "position_ids": checkpoint.ErrUnsupported, "none": checkpoint.ErrShape, "five": checkpoint.ErrShape, "x": checkpoint.ErrNotFound} {
		if _, err := checkpoint.ReadFloat32(src, name); !errors.Is(err, kind) || !strings.Contains(err.Error(), `"`+name+`"`) {
			t.Errorf("%s: %v, expected: %v", name, err, kind)
		}
	}
	if _, err := checkpoint.ReadFloat32(src, "position_ids"); !strings.Contains(err.Error(), "I64") {
		t.Errorf("the error does not name the type: %v", err)
	}
}

func TestRename(t *testing.T) {
	src, err := checkpoint.Memory(
		checkpoint.Entry{Name: "transformer.h.0.ln.gamma", DType: "U8", Data: []byte{1}},
		checkpoint.Entry{Name: "h.1.ln.beta", DType: "U8", Data: []byte{2}},
		checkpoint.Entry{Name: "lm_head.weight", DType: "U8", Data: []byte{3}},
		checkpoint.Entry{Name: "h.0.attn.bias", DType: "U8", Data: []byte{4}})
	if err != nil {
		t.Fatal(err)
	}
	hide := func(name string) string {
		if strings.HasSuffix(name, "attn.bias") {
			return ""
		}
		return name
	}
	r, err := checkpoint.Rename(src, checkpoint.TrimPrefix("transformer."), checkpoint.NormNames, hide)
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.Check(t, r, []checkpoint.Entry{
		{Name: "h.0.ln.weight", DType: "U8", Data: []byte{1}},
		{Name: "h.1.ln.bias", DType: "U8", Data: []byte{2}},
		{Name: "lm_head.weight", DType: "U8", Data: []byte{3}}})
	if _, ok := r.Lookup("transformer.h.0.ln.gamma"); ok {
		t.Error("the old name is still there")
	}
	added, err := checkpoint.Rename(src, checkpoint.AddPrefix("transformer."))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"transformer.h.0.ln.gamma", "transformer.h.1.ln.beta", "transformer.lm_head.weight", "transformer.h.0.attn.bias"}
	if got := slices.Collect(added.Names()); !slices.Equal(got, want) {
		t.Errorf("names %q, expected %q", got, want)
	}
	_, err = checkpoint.Rename(src, func(name string) string { return name[:1] })
	if !errors.Is(err, checkpoint.ErrDuplicate) || !strings.Contains(err.Error(), "h.1.ln.beta") {
		t.Errorf("two tensors of one name: %v", err)
	}
}

// The bits and the digest were computed with NumPy.
func TestFormulaAgreesWithPython(t *testing.T) {
	scales := map[string][2]float64{"model.norm.weight": {1, 0.1}, "naïve": {0, 0.3}, "w": {-0.5, 3.7}}
	src := checkpoint.Formula(map[string]tensor.Shape{"model.norm.weight": tensor.Of(6), "naïve": tensor.Of(2, 3), "w": tensor.Of(1000, 100)},
		func(name string, shape tensor.Shape) (offset, scale float64) { return scales[name][0], scales[name][1] })
	for name, want := range map[string][]uint32{
		"model.norm.weight": {0x3f68e490, 0x3f6d74d6, 0x3f7afc3e, 0x3f83997c, 0x3f7d3a09, 0x3f85c031},
		"naïve":             {0xbe37c193, 0xbe2f3b2b, 0xbdeb35fe, 0x3e592e64, 0x3d5046a0, 0xbd2f057d},
		"w":                 {0x401c0b80, 0x3fc87870, 0xc08570d8, 0xc04545d7, 0x3f658894, 0xc041d875},
	} {
		x, err := checkpoint.ReadFloat32(src, name)
		if err != nil {
			t.Fatal(err)
		}
		for i, bits := range want {
			if got := math.Float32bits(x.Data[i]); got != bits {
				t.Errorf("%s, element %d: %#x, expected %#x", name, i, got, bits)
			}
		}
	}
	h := sha256.New()
	for b, err := range src.Chunks("w", 999) {
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != "ad063a4ef3097ab981829858a8c481ab022e32e8f11c308201e2d6a93a7358f9" {
		t.Errorf("digest of w: %s", got)
	}
	if got, want := slices.Collect(src.Names()), []string{"model.norm.weight", "naïve", "w"}; !slices.Equal(got, want) {
		t.Errorf("names %q, expected %q", got, want)
	}
}

func TestRandom(t *testing.T) {
	for _, d := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16} {
		src := checkpoint.Random(7, d)
		src.Make("q.weight", tensor.Of(300, 512))
		src.Make("q.weight", tensor.Of(300, 512))
		src.Make("q.bias", tensor.Of(300))
		src.Make("norm.weight", tensor.Of(300))
		for name, want := range map[string]struct{ mean, deviation, most float64 }{
			"q.weight":    {0, 1 / math.Sqrt(512), math.Sqrt(3.0 / 512)},
			"q.bias":      {0, 0.1 / math.Sqrt(3), 0.1},
			"norm.weight": {1, 0.1 / math.Sqrt(3), 1.1},
		} {
			x, err := checkpoint.ReadFloat32(src, name)
			if err != nil {
				t.Fatal(err)
			}
			var sum, squares, most float64
			for _, v := range x.Data {
				sum += float64(v)
				squares += float64(v) * float64(v)
				most = max(most, math.Abs(float64(v)))
			}
			n := float64(len(x.Data))
			mean := sum / n
			deviation := math.Sqrt(squares/n - mean*mean)
			if math.Abs(mean-want.mean) > 0.15*want.deviation || math.Abs(deviation/want.deviation-1) > 0.1 || most > want.most*1.005 {
				t.Errorf("%v %s: mean %g, deviation %g, largest %g, expected %v", d, name, mean, deviation, most, want)
			}
			var chunked []byte
			for b, err := range src.Chunks(name, 1001) {
				if err != nil {
					t.Fatal(err)
				}
				chunked = append(chunked, b...)
			}
			if whole, err := src.Bytes(name); err != nil || !bytes.Equal(whole, chunked) {
				t.Errorf("%v %s: chunks differ from the whole, %v", d, name, err)
			}
		}
		other := checkpoint.Random(8, d)
		other.Make("q.bias", tensor.Of(300))
		a, _ := src.Bytes("q.bias")
		b, _ := other.Bytes("q.bias")
		if bytes.Equal(a, b) {
			t.Errorf("%v: two seeds give the same weights", d)
		}
	}
}

// The first elements are those of the formula, on every machine.
func TestRandomIsAFormula(t *testing.T) {
	src := checkpoint.Random(0, tensor.F32)
	src.Make("w", tensor.Of(700, 100))
	x, err := checkpoint.ReadFloat32(src, "w")
	if err != nil {
		t.Fatal(err)
	}
	y, err := checkpoint.ReadFloat32(checkpoint.Formula(map[string]tensor.Shape{"w": tensor.Of(700, 100)},
		func(string, tensor.Shape) (float64, float64) { return 0, math.Sqrt(3.0 / 100) }), "w")
	if err != nil {
		t.Fatal(err)
	}
	const tile = 65521
	if !slices.Equal(x.Data[:tile], y.Data[:tile]) || !slices.Equal(x.Data[tile:], y.Data[:70000-tile]) {
		t.Error("the weights do not repeat the formula's first elements")
	}
}

func TestZeros(t *testing.T) {
	src := checkpoint.Zeros(tensor.BF16)
	src.Make("w", tensor.Of(3, 5))
	src.Make("scalar", tensor.Of())
	checkpointtest.Check(t, src, []checkpoint.Entry{{Name: "w", DType: checkpoint.BF16, Shape: []int{3, 5}, Data: make([]byte, 30)}, {Name: "scalar", DType: checkpoint.BF16, Data: make([]byte, 2)}})
	if r, err := checkpoint.Rename(src, checkpoint.TrimPrefix("x")); err != nil || r != checkpoint.Source(src) {
		t.Errorf("renaming a checkpoint.Maker: %v, %v", r, err)
	}
}

func TestMakersFromManyGoroutines(t *testing.T) {
	src := checkpoint.Random(1, tensor.BF16)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := string(rune('a' + i%4))
			src.Make(name, tensor.Of(10, 10))
			if b, err := src.Bytes(name); err != nil || len(b) != 200 {
				t.Errorf("%d bytes, %v", len(b), err)
			}
			if !slices.Contains(slices.Collect(src.Names()), name) {
				t.Errorf("%s is not named", name)
			}
		})
	}
	wg.Wait()
	if n := len(slices.Collect(src.Names())); n != 4 {
		t.Errorf("%d tensors, expected 4", n)
	}
}

func TestProgrammersMistakesPanic(t *testing.T) {
	src := checkpoint.Random(1, tensor.F32)
	src.Make("w", tensor.Of(2, 3))
	for what, f := range map[string]func(){
		"[2, 3]":  func() { src.Make("w", tensor.Of(3, 2)) },
		"[3, 2]":  func() { src.Make("w", tensor.Of(3, 2)) },
		"large":   func() { src.Make("x", tensor.Of(math.MaxInt, math.MaxInt)) },
		"DType(":  func() { checkpoint.Random(1, tensor.DType(200)) },
		"chunks ": func() { src.Chunks("w", 0) },
	} {
		tensortest.Panics(t, what, f)
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		d       checkpoint.DType
		n, size int64
		ok      bool
	}{
		{checkpoint.F32, 3, 12, true}, {checkpoint.BF16, 3, 6, true}, {"F4", 4, 2, true}, {"F4", 3, 0, false}, {"F6_E3M2", 8, 6, true},
		{"Q9", 1, 0, false}, {"F64", math.MaxInt64 / 8, math.MaxInt64 / 8 * 8, true}, {"F64", math.MaxInt64/8 + 1, 0, false}, {checkpoint.F32, -1, 0, false},
	} {
		if size, ok := c.d.Size(c.n); size != c.size || ok != c.ok {
			t.Errorf("%d elements of %s: %d %v, expected %d %v", c.n, c.d, size, ok, c.size, c.ok)
		}
	}
}

func TestChunksStopEarly(t *testing.T) {
	src, err := checkpoint.Memory(checkpoint.Float32("w", tensor.New(100)))
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range src.Chunks("w", 40) {
		if err != nil || len(bytesview.Float32s(b)) != 10 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		break
	}
}
