package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// mustWrite returns a file.
func mustWrite(t testing.TB, m *Metadata, entries ...checkpoint.Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, m, checkpointtest.Memory(t, entries...)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// entries are those of checkpointtest that the format can hold.
func entries() []checkpoint.Entry {
	return slices.DeleteFunc(checkpointtest.Entries(), func(e checkpoint.Entry) bool { return number(e.DType) < 0 || len(e.Shape) > maxDims })
}

// numbers is a tensor of −2 to 2.
func numbers[E int8 | int16 | int32 | int64 | float64](d checkpoint.DType) checkpoint.Entry {
	b, err := binary.Append(nil, binary.LittleEndian, []E{-2, -1, 0, 1, 2})
	if err != nil {
		panic(err)
	}
	return checkpoint.Entry{Name: strings.ToLower(string(d)), DType: d, Shape: []int{5}, Data: b}
}

// plain are the tensors of values.gguf.
func plain() []checkpoint.Entry {
	return []checkpoint.Entry{
		checkpoint.Float32("matrix", tensor.From([]float32{0, 1, 2, 3, 4, 5}, 2, 3)),
		{Name: "half", DType: checkpoint.F16, Shape: []int{1, 2, 2}, Data: []byte{0, 0, 0, 0x3c, 0, 0x40, 0, 0x42}},
		numbers[int8]("I8"), numbers[int16]("I16"), numbers[int32]("I32"), numbers[int64]("I64"), numbers[float64]("F64"),
	}
}

// Write gives the bytes of gguf's own writer.
func TestBytesOfTheReference(t *testing.T) {
	want, err := os.ReadFile("testdata/values.gguf")
	if err != nil {
		t.Fatal(err)
	}
	got := mustWrite(t, values(), plain()...)
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("byte %d is %d, expected %d", i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d bytes, expected %d", len(got), len(want))
	}
}

// Both byte orders give the same tensors.
func TestByteOrders(t *testing.T) {
	for _, name := range []string{"values.gguf", "values-big.gguf"} {
		f, err := Open(os.DirFS("testdata"), name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		checkpointtest.Check(t, f, plain())
	}
	little, err := Open(os.DirFS("testdata"), "blocks.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer little.Close()
	var blocks []checkpoint.Entry
	for name := range little.Names() {
		info, _ := little.Lookup(name)
		b, err := little.Bytes(name)
		if err != nil || info.DType != checkpoint.DType(name) {
			t.Fatal(name, info.DType, err)
		}
		blocks = append(blocks, checkpoint.Entry{Name: name, DType: info.DType, Shape: info.Shape, Data: b})
	}
	file, err := os.ReadFile("testdata/blocks-big.gguf")
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.EachFS(t, model, file, func(t *testing.T, fsys fs.FS) {
		big, err := Open(fsys, model)
		if err != nil {
			t.Fatal(err)
		}
		defer big.Close()
		checkpointtest.Check(t, big, blocks)
	})
}

// The words of each type lie in its block, and nothing is swapped twice.
func TestWords(t *testing.T) {
	for id, typ := range ggmlTypes {
		if typ.dtype == "" {
			continue
		}
		_, size, ok := typ.dtype.Block()
		end := 0
		for _, w := range typ.words {
			if w.offset < end || w.size < 2 || w.count < 1 {
				t.Errorf("type %d, %s: %v after byte %d", id, typ.dtype, w, end)
			}
			end = w.offset + w.size*w.count
		}
		if !ok || end > size || number(typ.dtype) != id {
			t.Errorf("type %d, %s: words up to byte %d of %d, number %d", id, typ.dtype, end, size, number(typ.dtype))
		}
	}
}

func TestInPlace(t *testing.T) {
	for name, want := range map[string]bool{"blocks.gguf": true, "blocks-big.gguf": false} {
		f, err := Open(os.DirFS("testdata"), name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for tensor := range f.Names() {
			bytesAlone := tensor == "MXFP4" || tensor == "NVFP4" // which have one order
			s, ok := f.InPlace(tensor)
			if _, err := f.Bytes(tensor); ok != (want || bytesAlone) || err != nil {
				t.Errorf("%s: %s in place %v, %d bytes, %v", name, tensor, ok, len(s.Data), err)
			}
		}
		if err := f.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, alignment := range []uint32{1, 32, 4096} {
		m := values()
		m.Set(alignmentKey, Of(alignment))
		first := mustWrite(t, m, entries()...)
		f, err := openBytes(first)
		if err != nil {
			t.Fatal(err)
		}
		checkpointtest.Check(t, f, entries())
		var second bytes.Buffer
		if err := Write(&second, f.Metadata(), f); err != nil || !bytes.Equal(first, second.Bytes()) {
			t.Errorf("alignment %d: written again, it differs: %v", alignment, err)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	one := func(d checkpoint.DType, name string, n int, shape ...int) checkpoint.Entry {
		return checkpoint.Entry{Name: name, DType: d, Shape: shape, Data: make([]byte, n)}
	}
	with := func(key string, v Value) *Metadata {
		m := &Metadata{}
		m.Set(key, v)
		return m
	}
	for _, c := range []struct {
		m    *Metadata
		e    checkpoint.Entry
		kind checkpoint.Kind
		says string
	}{
		{nil, one("BOOL", "t", 1, 1), checkpoint.ErrUnknownDType, "BOOL"},
		{nil, one("U8", "t", 1, 1, 1, 1, 1, 1), checkpoint.ErrUnknownDType, "U8"},
		{nil, one("I8", "t", 1, 1, 1, 1, 1, 1), checkpoint.ErrShape, "5 dimensions"},
		{nil, one("I8", strings.Repeat("x", 64), 1, 1), ErrName, "64 bytes"},
		{nil, one("Q8_0", "t", 34, 2, 16), ErrBlocks, "blocks of 32"},
		{with("", Of("v")), one("I8", "t", 1, 1), ErrKey, ""},
		{with(alignmentKey, Of(uint32(48))), one("I8", "t", 1, 1), ErrAlignment, "48"},
		{with(alignmentKey, Of(32.0)), one("I8", "t", 1, 1), ErrKeyType, "float64"},
		{with("k", Of(strings.Repeat("x", 100_000_001))), one("I8", "t", 1, 1), checkpoint.ErrHeaderTooLarge, `"k"`},
	} {
		var b bytes.Buffer
		if err := Write(&b, c.m, checkpointtest.Memory(t, c.e)); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || b.Len() > 0 {
			t.Errorf("%v after %d bytes, expected %q with %q", err, b.Len(), c.kind, c.says)
		}
	}
	failing := errors.New("the disk is full")
	for after := range 3 {
		err := Write(&writer{after, failing}, nil, checkpointtest.Memory(t, one("I8", "t", 1, 1)))
		if err != failing {
			t.Errorf("write %d fails: %v", after, err)
		}
	}
}

// writer fails after some writes.
type writer struct {
	left int
	err  error
}

func (w *writer) Write(b []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, w.err
	}
	return len(b), nil
}

// Writing takes no more memory than a piece of a tensor.
func TestWriteStreams(t *testing.T) {
	src := checkpoint.Zeros(tensor.F32)
	src.Make("t", tensor.Of(1<<14, 1<<14))
	w := &writer{1 << 30, nil}
	if n := tensortest.Allocated(func() {
		if err := Write(w, nil, src); err != nil {
			t.Error(err)
		}
	}); n > 4<<20 {
		t.Errorf("%d bytes allocated for a tensor of 1 GB", n)
	}
}
