package checkpoint

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
	"github.com/seed2010d43f/transformer/tensor"
)

// The bytes are those of safetensors.numpy.save, version 0.8, for the same tensors.
func TestWriterAgreesWithTheReference(t *testing.T) {
	want := "H\x01\x00\x00\x00\x00\x00\x00" + `{"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},` +
		`"b.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]},"a":{"dtype":"F16","shape":[2],"data_offsets":[32,36]},` +
		`"é<\"":{"dtype":"U8","shape":[1,0],"data_offsets":[36,36]},"mask":{"dtype":"BOOL","shape":[2],"data_offsets":[36,38]}}    ` +
		"\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00\xc0\x00\x00`@\x00\x00\x00\x00\x00\x00\x80@\x00\x00\xc0@\x00<\x00@\x01\x00"
	got := mustWrite(t, map[string]string{"format": "pt"},
		Float32("b.weight", tensor.From([]float32{1, -2, 3.5, 0, 4, 6}, 2, 3)),
		Entry{"a", F16, []int{2}, []byte{0, 0x3c, 0, 0x40}},
		Entry{"mask", "BOOL", []int{2}, []byte{1, 0}},
		Entry{"ids", "I64", []int{1}, []byte{7, 0, 0, 0, 0, 0, 0, 0}},
		Entry{"é<\"", "U8", []int{1, 0}, nil})
	if string(got) != want {
		t.Errorf("wrote\n%q, expected\n%q", got, want)
	}
}

func TestWriterRefuses(t *testing.T) {
	long := strings.Repeat("x", maxHeader)
	for _, c := range []struct {
		entry    Entry
		metadata map[string]string
		kind     Kind
	}{
		{Entry{"__metadata__", "U8", nil, []byte{1}}, nil, ErrName},
		{Entry{"\xff", "U8", nil, []byte{1}}, nil, ErrName},
		{Entry{"a", "U8", nil, []byte{1}}, map[string]string{"k": "\xff"}, ErrName},
		{Entry{"a", "U8", nil, []byte{1}}, map[string]string{"k": long}, ErrHeaderTooLarge},
	} {
		src, err := Memory(c.entry)
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := WriteSafetensors(&buf, src, c.metadata); !errors.Is(err, c.kind) || buf.Len() > 0 {
			t.Errorf("%.20q: %.100v and %d bytes, expected: %v", c.entry.Name, err, buf.Len(), c.kind)
		}
	}
}

func TestMemory(t *testing.T) {
	src, err := Memory(entries()...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, src, entries())
	for _, c := range []struct {
		entries []Entry
		kind    Kind
	}{
		{[]Entry{{"a", "U8", nil, []byte{1}}, {"a", "U8", nil, []byte{1}}}, ErrDuplicate},
		{[]Entry{{"a", "Q9", nil, []byte{1}}}, ErrUnknownDType},
		{[]Entry{{"a", "U8", []int{2}, []byte{1}}}, ErrTensorInfo},
		{[]Entry{{"a", "U8", []int{-1}, nil}}, ErrTensorInfo},
		{[]Entry{{"a", "F4", []int{3}, []byte{1, 2}}}, ErrTensorInfo},
		{[]Entry{{"a", "U8", []int{math.MaxInt, 2}, nil}}, ErrTensorInfo},
	} {
		if _, err := Memory(c.entries...); !errors.Is(err, c.kind) {
			t.Errorf("%v: %v, expected: %v", c.entries, err, c.kind)
		}
	}
}

func TestReadFloat32(t *testing.T) {
	src, err := Memory(entries()...)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]tensor.Tensor{
		"b.weight": tensor.From([]float32{1, -2, 3.5, 0, 1e-40, 6}, 2, 3),
		"a":        tensor.From([]float32{1, -2}, 2),
		"half":     tensor.From([]float32{1, -2}, 1, 1, 2),
		"scalar":   tensor.From([]float32{1}),
	} {
		got, err := ReadFloat32(src, name)
		if err != nil || got.Shape != want.Shape || !slices.Equal(got.Data, want.Data) {
			t.Errorf("%s: %v %v, expected %v", name, got, err, want)
		}
	}
	for name, kind := range map[string]Kind{"mask": ErrUnsupported, "position_ids": ErrUnsupported, "none": ErrShape, "five": ErrShape, "x": ErrNotFound} {
		if _, err := ReadFloat32(src, name); !errors.Is(err, kind) || !strings.Contains(err.Error(), `"`+name+`"`) {
			t.Errorf("%s: %v, expected: %v", name, err, kind)
		}
	}
	if _, err := ReadFloat32(src, "position_ids"); !strings.Contains(err.Error(), "I64") {
		t.Errorf("the error does not name the type: %v", err)
	}
}

func TestRename(t *testing.T) {
	src, err := Memory(
		Entry{"transformer.h.0.ln.gamma", "U8", nil, []byte{1}},
		Entry{"h.1.ln.beta", "U8", nil, []byte{2}},
		Entry{"lm_head.weight", "U8", nil, []byte{3}},
		Entry{"h.0.attn.bias", "U8", nil, []byte{4}})
	if err != nil {
		t.Fatal(err)
	}
	hide := func(name string) string {
		if strings.HasSuffix(name, "attn.bias") {
			return ""
		}
		return name
	}
	r, err := Rename(src, TrimPrefix("transformer."), NormNames, hide)
	if err != nil {
		t.Fatal(err)
	}
	same(t, r, []Entry{
		{"h.0.ln.weight", "U8", nil, []byte{1}},
		{"h.1.ln.bias", "U8", nil, []byte{2}},
		{"lm_head.weight", "U8", nil, []byte{3}}})
	if _, ok := r.Lookup("transformer.h.0.ln.gamma"); ok {
		t.Error("the old name is still there")
	}
	added, err := Rename(src, AddPrefix("transformer."))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"transformer.h.0.ln.gamma", "transformer.h.1.ln.beta", "transformer.lm_head.weight", "transformer.h.0.attn.bias"}
	if got := slices.Collect(added.Names()); !slices.Equal(got, want) {
		t.Errorf("names %q, expected %q", got, want)
	}
	_, err = Rename(src, func(name string) string { return name[:1] })
	if !errors.Is(err, ErrDuplicate) || !strings.Contains(err.Error(), "h.1.ln.beta") {
		t.Errorf("two tensors of one name: %v", err)
	}
}

// The bits and the digest were computed with NumPy.
func TestFormulaAgreesWithPython(t *testing.T) {
	scales := map[string][2]float64{"model.norm.weight": {1, 0.1}, "naïve": {0, 0.3}, "w": {-0.5, 3.7}}
	src := Formula(map[string]tensor.Shape{"model.norm.weight": tensor.Of(6), "naïve": tensor.Of(2, 3), "w": tensor.Of(1000, 100)},
		func(name string, shape tensor.Shape) (offset, scale float64) { return scales[name][0], scales[name][1] })
	for name, want := range map[string][]uint32{
		"model.norm.weight": {0x3f68e490, 0x3f6d74d6, 0x3f7afc3e, 0x3f83997c, 0x3f7d3a09, 0x3f85c031},
		"naïve":             {0xbe37c193, 0xbe2f3b2b, 0xbdeb35fe, 0x3e592e64, 0x3d5046a0, 0xbd2f057d},
		"w":                 {0x401c0b80, 0x3fc87870, 0xc08570d8, 0xc04545d7, 0x3f658894, 0xc041d875},
	} {
		x, err := ReadFloat32(src, name)
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
		src := Random(7, d)
		src.Make("q.weight", tensor.Of(300, 512))
		src.Make("q.weight", tensor.Of(300, 512))
		src.Make("q.bias", tensor.Of(300))
		src.Make("norm.weight", tensor.Of(300))
		for name, want := range map[string]struct{ mean, deviation, most float64 }{
			"q.weight":    {0, 1 / math.Sqrt(512), math.Sqrt(3.0 / 512)},
			"q.bias":      {0, 0.1 / math.Sqrt(3), 0.1},
			"norm.weight": {1, 0.1 / math.Sqrt(3), 1.1},
		} {
			x, err := ReadFloat32(src, name)
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
		other := Random(8, d)
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
	src := Random(0, tensor.F32)
	src.Make("w", tensor.Of(700, 100))
	x, err := ReadFloat32(src, "w")
	if err != nil {
		t.Fatal(err)
	}
	y, err := ReadFloat32(Formula(map[string]tensor.Shape{"w": tensor.Of(700, 100)},
		func(string, tensor.Shape) (float64, float64) { return 0, math.Sqrt(3.0 / 100) }), "w")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x.Data[:tile], y.Data[:tile]) || !slices.Equal(x.Data[tile:], y.Data[:70000-tile]) {
		t.Error("the weights do not repeat the formula's first elements")
	}
}

func TestZeros(t *testing.T) {
	src := Zeros(tensor.BF16)
	src.Make("w", tensor.Of(3, 5))
	src.Make("scalar", tensor.Of())
	same(t, src, []Entry{{"w", BF16, []int{3, 5}, make([]byte, 30)}, {"scalar", BF16, nil, make([]byte, 2)}})
	if r, err := Rename(src, TrimPrefix("x")); err != nil || r != Source(src) {
		t.Errorf("renaming a Maker: %v, %v", r, err)
	}
}

func TestMakersFromManyGoroutines(t *testing.T) {
	src := Random(1, tensor.BF16)
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
	src := Random(1, tensor.F32)
	src.Make("w", tensor.Of(2, 3))
	for what, f := range map[string]func(){
		"[2, 3]":  func() { src.Make("w", tensor.Of(3, 2)) },
		"[3, 2]":  func() { src.Make("w", tensor.Of(3, 2)) },
		"large":   func() { src.Make("x", tensor.Of(math.MaxInt, math.MaxInt)) },
		"DType(":  func() { Random(1, tensor.DType(200)) },
		"chunks ": func() { src.Chunks("w", 0) },
	} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, what) {
					t.Errorf("panic %q, expected %q in it", s, what)
				}
			}()
			f()
		}()
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		d       DType
		n, size int64
		ok      bool
	}{
		{F32, 3, 12, true}, {BF16, 3, 6, true}, {"F4", 4, 2, true}, {"F4", 3, 0, false}, {"F6_E3M2", 8, 6, true},
		{"Q9", 1, 0, false}, {"F64", math.MaxInt64 / 8, math.MaxInt64 / 8 * 8, true}, {"F64", math.MaxInt64/8 + 1, 0, false}, {F32, -1, 0, false},
	} {
		if size, ok := c.d.Size(c.n); size != c.size || ok != c.ok {
			t.Errorf("%d elements of %s: %d %v, expected %d %v", c.n, c.d, size, ok, c.size, c.ok)
		}
	}
}

func TestChunksStopEarly(t *testing.T) {
	src, err := Memory(Float32("w", tensor.New(100)))
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
