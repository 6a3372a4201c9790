package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// check opens a file, reads everything, writes it again and opens that.
func check(t *testing.T, b []byte) {
	f, err := openBytes(b)
	if err != nil {
		var e *checkpoint.Error
		if !errors.As(err, &e) || e.Kind == "" || e.Kind == checkpoint.ErrFormat || len(err.Error()) > 4000 {
			t.Fatalf("error %v", err)
		}
		return
	}
	defer f.Close()
	var total int64
	for name := range f.Names() {
		info, ok := f.Lookup(name)
		if total += info.Size; !ok || total > int64(len(b)) {
			t.Fatalf("%q: %v, %d bytes so far in a file of %d", name, ok, total, len(b))
		}
		data, err := f.Bytes(name)
		if err != nil || int64(len(data)) != info.Size {
			t.Fatalf("%q: %d bytes of %d: %v", name, len(data), info.Size, err)
		}
	}
	m := f.Metadata()
	for _, key := range m.Keys() {
		found := false
		for _, get := range getters(m, key) {
			var e *checkpoint.Error
			if err := get(); err != nil && (!errors.As(err, &e) || e.Kind != ErrKeyType) {
				t.Fatalf("%q: %v", key, err)
			} else if err == nil {
				found = true
			}
		}
		if !found {
			t.Fatalf("%q: no getter gives it", key)
		}
	}
	var first, second bytes.Buffer
	if err := Write(&first, m, f); err != nil {
		t.Fatal(err)
	}
	again, err := openBytes(first.Bytes())
	if err != nil {
		t.Fatalf("written again: %v", err)
	}
	defer again.Close()
	if err := Write(&second, again.Metadata(), again); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatalf("written a third time, it differs: %v", err)
	}
}

func getters(m *Metadata, key string) []func() error {
	return []func() error{
		func() error { _, err := m.Uint(key); return err },
		func() error { _, err := m.Int(key); return err },
		func() error { _, err := m.Float(key); return err },
		func() error { _, err := m.Bool(key); return err },
		func() error { _, err := m.String(key); return err },
		func() error { _, err := m.Uints(key); return err },
		func() error { _, err := m.Ints(key); return err },
		func() error { _, err := m.Floats(key); return err },
		func() error { _, err := m.Bools(key); return err },
		func() error { _, err := m.Strings(key); return err },
	}
}

func FuzzFile(f *testing.F) {
	names, err := filepath.Glob("testdata/*.gguf")
	if err != nil || len(names) != 7 {
		f.Fatalf("%d files, expected 7: %v", len(names), err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(begin(1, 1).key("k", array, String).u64(2).str("a").str("").tensor("t", 2, 0, 32).data(32))
	f.Fuzz(check)
}

// Descriptions that are as costly as can be take memory in proportion.
func TestHeap(t *testing.T) {
	const size = 1 << 19
	repeat := func(start func(n uint64) *raw, one func(r *raw, i int)) []byte {
		n := uint64(0)
		r := start(0)
		for ; len(r.b) < size; n++ {
			one(r, int(n))
		}
		head := start(n).b
		return append(head, r.b[len(head):]...)
	}
	name := func(i int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(i))) }
	cases := map[string][]byte{
		"keys":                       repeat(func(n uint64) *raw { return begin(0, n) }, func(r *raw, i int) { r.key(name(i), Uint8).bytes(1) }),
		"texts":                      repeat(func(n uint64) *raw { return begin(0, n) }, func(r *raw, i int) { r.key(name(i), String).str("") }),
		"arrays":                     repeat(func(n uint64) *raw { return begin(0, n) }, func(r *raw, i int) { r.key(name(i), array, Uint8).u64(0) }),
		"strings":                    repeat(func(n uint64) *raw { return begin(0, 1).key("k", array, String).u64(n) }, func(r *raw, i int) { r.u64(0) }),
		"numbers":                    repeat(func(n uint64) *raw { return begin(0, 1).key("k", array, Uint8).u64(n) }, func(r *raw, i int) { r.bytes(1) }),
		"tensors":                    repeat(func(n uint64) *raw { return begin(n, 0) }, func(r *raw, i int) { r.tensor(name(i), 24, 0, 0) }),
		"a text":                     begin(0, 1).key("k", String).str(strings.Repeat("x", size)).b,
		"a key":                      begin(0, 1).key(strings.Repeat("x", size), 13).b,
		"a name":                     begin(1, 0).tensor(strings.Repeat("x", size), 0, 0, 1).b,
		"strings that are not there": append(begin(0, 1).key("k", array, String).u64(size/8).b, bytes.Repeat([]byte{0xff}, size)...),
	}
	for _, what := range slices.Sorted(maps.Keys(cases)) {
		folder := fstest.MapFS{model: {Data: cases[what]}}
		t.Run(what, func(t *testing.T) {
			hostile.CheckHeap(t, folder, 4<<20, func() error {
				_, err := Open(folder, model)
				return err
			})
		})
	}
}
