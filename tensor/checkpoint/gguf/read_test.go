package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

const model = "model.gguf"

// openBytes opens a file that is in memory.
func openBytes(b []byte) (*File, error) {
	return Open(fstest.MapFS{model: {Data: b}}, model)
}

// fixtures returns a folder of foreign files, or skips the test.
func fixtures(t testing.TB, parts ...string) string {
	dir := os.Getenv("TRANSFORMER_FIXTURES")
	if dir == "" {
		t.Skip("TRANSFORMER_FIXTURES is not set to a folder with " + filepath.Join(parts...))
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

// INDEX.tsv says of 99 files what llama.cpp does when it loads their data.
func TestVerdictsOfTheReference(t *testing.T) {
	dir := os.DirFS(fixtures(t, "hostile", "gguf"))
	index, err := fs.ReadFile(dir, "INDEX.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(index)), "\n")
	if !strings.HasSuffix(lines[0], "\tllama_cpp_load") || len(lines) != 100 {
		t.Fatalf("%d lines, the first %q", len(lines), lines[0])
	}
	for _, line := range lines[1:] {
		fields := strings.Split(line, "\t")
		f, err := Open(dir, fields[0])
		if (err == nil) != (fields[len(fields)-1] == "accept") {
			t.Errorf("%s: %v, expected %s", fields[0], err, fields[len(fields)-1])
		}
		if err != nil {
			if e := (*checkpoint.Error)(nil); !errors.As(err, &e) || e.File != fields[0] || e.Kind == checkpoint.ErrFormat {
				t.Errorf("%s: the error does not say what is wrong: %v", fields[0], err)
			}
			continue
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// raw writes a file piece by piece, sound or not.
type raw struct {
	b     []byte
	order interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}
}

// begin starts a little-endian file that claims so many tensors and keys.
func begin(tensors, keys uint64) *raw {
	r := &raw{order: binary.LittleEndian}
	return r.start(3, tensors, keys)
}

func (r *raw) start(version uint32, tensors, keys uint64) *raw {
	r.b = append(r.b, "GGUF"...)
	return r.u32(version).u64(tensors).u64(keys)
}

func (r *raw) u32(v uint32) *raw { r.b = r.order.AppendUint32(r.b, v); return r }
func (r *raw) u64(v uint64) *raw { r.b = r.order.AppendUint64(r.b, v); return r }
func (r *raw) str(s string) *raw { r.u64(uint64(len(s))); r.b = append(r.b, s...); return r }
func (r *raw) bytes(b ...byte) *raw {
	r.b = append(r.b, b...)
	return r
}

// key writes a key and the numbers of its type.
func (r *raw) key(name string, types ...Type) *raw {
	r.str(name)
	for _, t := range types {
		r.u32(uint32(t))
	}
	return r
}

// tensor describes one.
func (r *raw) tensor(name string, id uint32, offset uint64, ne ...uint64) *raw {
	r.str(name).u32(uint32(len(ne)))
	for _, n := range ne {
		r.u64(n)
	}
	return r.u32(id).u64(offset)
}

// data pads to 32 bytes and writes n of data.
func (r *raw) data(n int) []byte {
	return append(r.b, make([]byte, int(pad(uint64(len(r.b)), 32))-len(r.b)+n)...)
}

func TestBadFiles(t *testing.T) {
	const huge = 1 << 63
	f32 := func(n uint64) *raw { return begin(n, 0) }
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		what string
		file []byte
		kind checkpoint.Kind
		says string // what the error names
	}{
		{"nothing", nil, ErrMagic, model},
		{"three bytes", []byte("GGU"), ErrMagic, model},
		{"another program's", []byte("ggml\x03\x00\x00\x00"), ErrMagic, "ggml"},
		{"no version", []byte("GGUF"), ErrTruncated, "byte 4 on of 4"},
		{"version 1", (&raw{order: binary.LittleEndian}).start(1, 0, 0).b, ErrVersion, "1, of 2023"},
		{"version 4", (&raw{order: binary.LittleEndian}).start(4, 0, 0).b, ErrVersion, "4, expected 2 or 3"},
		{"version 4, big-endian", (&raw{order: binary.BigEndian}).start(4, 0, 0).b, ErrVersion, "4, expected 2 or 3"},
		{"tensors that are not there", begin(3, 0).data(0), ErrTruncated, "3 tensors"},
		{"2⁶³ tensors", begin(huge, 0).data(64), ErrTruncated, "9223372036854775808 tensors"},
		{"2⁶³ keys", begin(0, huge).data(64), ErrTruncated, "9223372036854775808 keys"},
		{"a key of 2⁶³ bytes", begin(0, 1).u64(huge).data(64), ErrTruncated, "9223372036854775808 bytes of a string"},
		{"a string of 2⁶³ bytes", begin(0, 1).key("k", String).u64(huge).data(64), ErrTruncated, `"k"`},
		{"an array of 2⁶³ numbers", begin(0, 1).key("k", array, Float64).u64(huge).data(64), ErrTruncated, `"k"`},
		{"an array of 2⁶³ strings", begin(0, 1).key("k", array, String).u64(huge).data(64), ErrTruncated, `"k"`},
		{"an array of 2⁶¹ + 1 numbers, whose bytes overflow", begin(0, 1).key("k", array, Uint64).u64(1<<61 + 1).data(64), ErrTruncated, `"k"`},
		{"an array of arrays", begin(0, 1).key("k", array, array, Uint8).u64(1).data(64), ErrValueType, `"k": an array of arrays`},
		{"a value of type 13", begin(0, 1).key("k", 13).data(64), ErrValueType, `"k": type 13`},
		{"an array of type 2³² − 1", begin(0, 1).key("k", array, math.MaxUint32).u64(0).data(64), ErrValueType, `"k": type 4294967295`},
		{"an empty key", begin(0, 1).key("", Uint8).data(64), ErrKey, "number 1 of 1"},
		{"a key twice", begin(0, 2).key("k", Uint8).bytes(1).key("k", Uint8).data(64), checkpoint.ErrDuplicate, `key "k"`},
		{"alignment of 0", begin(0, 1).key(alignmentKey, Uint32).u32(0).data(64), ErrAlignment, "0"},
		{"alignment of 3", begin(0, 1).key(alignmentKey, Uint32).u32(3).data(64), ErrAlignment, "3"},
		{"alignment of another type", begin(0, 1).key(alignmentKey, Uint64).u64(32).data(64), ErrKeyType, `"general.alignment" is uint64, expected uint32`},
		{"alignment in an array", begin(0, 1).key(alignmentKey, array, Uint32).u64(1).u32(32).data(64), ErrKeyType, "an array of 1 × uint32"},
		{"alignment beyond the file", begin(1, 1).key(alignmentKey, Uint32).u32(1<<31).tensor("t", 0, 0, 1).data(32), ErrTruncated, "begin at byte 2147483648"},
		{"a tensor's name of 64 bytes", f32(1).tensor(long, 0, 0, 1).data(32), ErrName, long},
		{"a tensor twice", f32(2).tensor("t", 0, 0, 1).tensor("t", 0, 32, 1).data(64), checkpoint.ErrDuplicate, `"t"`},
		{"five dimensions", f32(1).tensor("t", 0, 0, 1, 1, 1, 1, 1).data(32), checkpoint.ErrShape, `"t"`},
		{"2³² − 1 dimensions", f32(1).str("t").u32(math.MaxUint32).data(64), checkpoint.ErrShape, "4294967295"},
		{"a dimension below 0", f32(1).tensor("t", 0, 0, math.MaxUint64).data(32), checkpoint.ErrOverflow, `"t"`},
		{"more elements than 2⁶³", f32(1).tensor("t", 24, 0, 1<<21, 1<<21, 1<<21, 2).data(32), checkpoint.ErrOverflow, `"t"`},
		{"more bytes than 2⁶³", f32(1).tensor("t", 0, 0, 1<<20, 1<<20, 1<<20, 4).data(32), checkpoint.ErrOverflow, `"t"`},
		{"a type that is no more", f32(1).tensor("t", 4, 0, 32).data(32), checkpoint.ErrUnknownDType, `"t"`},
		{"a rearranged type", f32(1).tensor("t", 31, 0, 32).data(32), checkpoint.ErrUnknownDType, "quantise the model to Q4_0 again"},
		{"a type that does not exist", f32(1).tensor("t", 43, 0, 32).data(32), checkpoint.ErrUnknownDType, "ggml type 43"},
		{"type −1", f32(1).tensor("t", math.MaxUint32, 0, 32).data(32), checkpoint.ErrUnknownDType, "ggml type 4294967295"},
		{"a row of a block and a half", f32(1).tensor("t", 2, 0, 48).data(64), ErrBlocks, "blocks of 32"},
		{"rows of half a block", f32(1).tensor("t", 2, 0, 16, 2).data(64), ErrBlocks, "[2 16]"},
		{"a scalar in blocks", f32(1).tensor("t", 2, 0).data(64), ErrBlocks, "blocks of 32"},
		{"an offset outside", f32(1).tensor("t", 0, huge, 1).data(32), ErrOffset, "9223372036854775808"},
		{"an offset that is not aligned", f32(2).tensor("t", 0, 0, 1).tensor("u", 0, 4, 1).data(64), ErrOffset, `"u"`},
		{"a tensor that overlaps", f32(2).tensor("t", 0, 0, 16).tensor("u", 0, 32, 1).data(64), ErrOffset, `"u"`},
		{"a tensor of another's bytes", f32(2).tensor("t", 0, 0, 1).tensor("u", 0, 0, 1).data(64), ErrOffset, `"u"`},
		{"a hole", f32(2).tensor("t", 0, 0, 1).tensor("u", 0, 64, 1).data(96), ErrOffset, `"u"`},
		{"a tensor beyond the end", f32(1).tensor("t", 0, 0, 9).data(32), checkpoint.ErrStorage, `"t"`},
		{"a tensor of 2⁶² bytes", f32(1).tensor("t", 24, 0, 1<<62).data(32), checkpoint.ErrStorage, `"t"`},
		{"a last tensor that is not padded", f32(1).tensor("t", 0, 0, 1).data(4), checkpoint.ErrStorage, "padded"},
		{"no data", f32(1).tensor("t", 0, 0, 1).b, ErrTruncated, "begin at byte"},
		{"a Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\n"), ErrMagic, "git lfs pull"},
	} {
		var err error
		if n := tensortest.Allocated(func() { _, err = openBytes(c.file) }); n > 200<<10 {
			t.Errorf("%s: %d bytes allocated for a file of %d", c.what, n, len(c.file))
		}
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), model) {
			t.Errorf("%s: %v, expected %q with %s", c.what, err, c.kind, c.says)
		}
	}
}

// Every beginning of a file is refused, and nothing else is needed.
func TestCut(t *testing.T) {
	whole, err := os.ReadFile("testdata/values.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if f, err := openBytes(whole[:n]); err == nil {
			f.Close()
			t.Errorf("%d bytes of %d are accepted", n, len(whole))
		}
	}
	if _, err := openBytes(append(bytes.Clone(whole), "anything"...)); err != nil {
		t.Errorf("bytes after the last tensor: %v", err)
	}
}

// What is odd and not wrong, as llama.cpp has it.
func TestOddFiles(t *testing.T) {
	for what, b := range map[string][]byte{
		"nothing in it":         begin(0, 0).b,
		"version 2":             (&raw{order: binary.LittleEndian}).start(2, 0, 0).b,
		"a key that is no text": begin(0, 1).key("\xff", Bool).bytes(7).b,
		"a truth value of 7":    begin(0, 1).key("k", Bool).bytes(7).b,
		"an empty array":        begin(0, 1).key("k", array, String).u64(0).b,
		"a scalar":              begin(1, 0).tensor("t", 0, 0).data(32),
		"a tensor of nothing":   begin(2, 0).tensor("t", 2, 0, 0, 3).tensor("", 0, 0, 1).data(32),
		"alignment of 1":        begin(1, 1).key(alignmentKey, Uint32).u32(1).tensor("t", 24, 0, 3).bytes(1, 2, 3).b,
	} {
		f, err := openBytes(b)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		for name := range f.Names() {
			if b, err := f.Bytes(name); err != nil {
				t.Errorf("%s: %q: %v %v", what, name, b, err)
			}
		}
		if v, ok := f.Metadata().Value("k"); ok && v.isBool() && v.bits(0) != 1 {
			t.Errorf("%s: %d, expected true", what, v.bits(0))
		}
	}
}
