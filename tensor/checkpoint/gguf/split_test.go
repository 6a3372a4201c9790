package gguf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

func partName(no, count int) string { return fmt.Sprintf("dir/m-%05d-of-%05d.gguf", no+1, count) }

// part writes part no of count; all parts have count tensors.
func part(t *testing.T, no, count int, change func(m *Metadata)) *fstest.MapFile {
	m := &Metadata{}
	if no == 0 {
		m.Set("general.architecture", Of("test"))
	}
	m.Set(splitNo, Of(uint16(no)))
	m.Set(splitCount, Of(uint16(count)))
	m.Set(splitTensors, Of(int32(count)))
	change(m)
	return &fstest.MapFile{Data: mustWrite(t, m, checkpoint.Float32(fmt.Sprint("t", no), tensor.From([]float32{float32(no)}, 1)))}
}

func same(*Metadata) {}

// A model that gguf's own writer split.
func TestParts(t *testing.T) {
	var want []checkpoint.Entry
	for i := range 5 {
		x := float32(i)
		want = append(want, checkpoint.Float32(fmt.Sprint("t", i), tensor.From([]float32{x, x, x}, 3)))
	}
	names := []string{"parts-00001-of-00003.gguf", "parts-00002-of-00003.gguf", "parts-00003-of-00003.gguf"}
	for _, name := range names { // each leads to all
		f, err := Open(os.DirFS("testdata"), name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		checkpointtest.Check(t, f, want)
		if arch, err := f.Metadata().String("general.architecture"); arch != "test" || err != nil {
			t.Errorf("metadata of another part: %q %v", arch, err)
		}
		if !slices.Equal(f.Parts(), names) {
			t.Errorf("parts %q", f.Parts())
		}
	}
	one, err := checkpoint.OpenFile(os.DirFS("testdata"), names[1], Format)
	if err != nil || len(slices.Collect(one.Names())) != 2 {
		t.Errorf("one part by its format: %v", err)
	}
}

func TestBadParts(t *testing.T) {
	set := func(key string, v Value) func(*Metadata) { return func(m *Metadata) { m.Set(key, v) } }
	drop := func(key string) func(*Metadata) { return func(m *Metadata) { m.Delete(key) } }
	const every = -1
	for _, c := range []struct {
		what   string
		no     int                // the part that is changed, or every one
		change func(*Metadata)    // its metadata
		move   func(fstest.MapFS) // and the folder
		kind   checkpoint.Kind
		says   string
	}{
		{"nothing is wrong", 0, same, nil, "", ""},
		{"a part is missing", 0, same, func(f fstest.MapFS) { delete(f, partName(1, 3)) }, checkpoint.ErrShardMissing, partName(1, 3)},
		{"a part is twice", 0, same, func(f fstest.MapFS) { f[partName(2, 3)] = f[partName(1, 3)] }, ErrSplit, `"split.no" is 1, expected 2`},
		{"parts changed places", 0, same, func(f fstest.MapFS) { f[partName(2, 3)], f[partName(1, 3)] = f[partName(1, 3)], f[partName(2, 3)] }, ErrSplit, `"split.no" is 2, expected 1`},
		{"no number", 1, drop(splitNo), nil, ErrNoKey, splitNo},
		{"a number that is a text", 1, set(splitNo, Of("1")), nil, ErrKeyType, splitNo},
		{"a count that is a text", 0, set(splitCount, Of("3")), nil, ErrKeyType, splitCount},
		{"a count below 0", 0, set(splitCount, Of(int16(-3))), nil, ErrKeyType, splitCount},
		{"a count of six digits", 0, set(splitCount, Of(uint32(100000))), nil, ErrSplit, "100000"},
		{"another count than the name's", 0, set(splitCount, Of(uint16(4))), nil, ErrSplit, "its name says 3 parts, its metadata say 4"},
		{"a part of another split", 1, set(splitCount, Of(uint16(4))), nil, ErrSplit, `another model: "split.count" is 4, and 3 in the first`},
		{"a part of a model of more tensors", 1, set(splitTensors, Of(int32(9))), nil, ErrSplit, `another model: "split.tensors.count" is 9`},
		{"a part of another architecture", 2, set("general.architecture", Of("other")), nil, ErrSplit, `another model: "general.architecture" is "other", and "test" in the first`},
		{"a part of another name", 2, set("general.name", Of("B")), nil, "", ""}, // the first has none
		{"another number of tensors than the other parts say", 0, set(splitTensors, Of(int32(9))), nil, ErrSplit, `"split.tensors.count" is 3, and 9 in the first`},
		{"too few tensors", every, set(splitTensors, Of(int32(9))), nil, ErrSplit, `have 3 tensors, and "split.tensors.count" is 9`},
		{"a part that is no GGUF", 0, same, func(f fstest.MapFS) { f[partName(1, 3)] = &fstest.MapFile{Data: []byte("something")} }, ErrMagic, partName(1, 3)},
		{"a part that is cut", 0, same, func(f fstest.MapFS) { f[partName(1, 3)].Data = f[partName(1, 3)].Data[:100] }, ErrTruncated, partName(1, 3)},
		{"a tensor in two parts", 0, same, func(f fstest.MapFS) { f[partName(2, 3)] = part(t, 1, 3, set(splitNo, Of(uint16(2)))) }, checkpoint.ErrDuplicate, `"t1"`},
	} {
		folder := fstest.MapFS{}
		for no := range 3 {
			change := same
			if no == c.no || c.no == every {
				change = c.change
			}
			folder[partName(no, 3)] = part(t, no, 3, change)
		}
		if c.move != nil {
			c.move(folder)
		}
		f, err := Open(folder, partName(0, 3))
		if c.kind == "" {
			if err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			continue
		}
		if f != nil || !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "m-0000") {
			t.Errorf("%s: %v, expected %q with %s", c.what, err, c.kind, c.says)
		}
	}
}

// A part whose name does not lead to the others.
func TestPartRenamed(t *testing.T) {
	folder := fstest.MapFS{"m.gguf": part(t, 0, 3, same), partName(1, 3): part(t, 1, 3, same)}
	if _, err := Open(folder, "m.gguf"); !errors.Is(err, ErrSplit) || !strings.Contains(err.Error(), "it is one of 3") {
		t.Error(err)
	}
	if _, err := Open(folder, partName(0, 3)); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, checkpoint.ErrShardMissing) {
		t.Errorf("the file itself is missing: %v", err)
	}
	folder = fstest.MapFS{partName(0, 1): part(t, 0, 1, same)} // a model in one part
	if _, err := Open(folder, partName(0, 1)); err != nil {
		t.Error(err)
	}
}

func TestModelName(t *testing.T) {
	for file, want := range map[string]string{
		"m-00002-of-00003.gguf":  "m-00001-of-00003.gguf",
		"-00002-of-00003.gguf":   "-00001-of-00003.gguf",
		"m-00002-of-00003.bin":   "m-00002-of-00003.bin",
		"m-0002-of-00003.gguf":   "m-0002-of-00003.gguf",
		"m-00002-of-000003.gguf": "m-00002-of-000003.gguf",
		"m-+0002-of-00003.gguf":  "m-+0002-of-00003.gguf",
		"00002-of-00003.gguf":    "00002-of-00003.gguf",
		"m.gguf":                 "m.gguf",
		"":                       "",
	} {
		if got := ModelName(file); got != want {
			t.Errorf("%q: %q, expected %q", file, got, want)
		}
	}
}
