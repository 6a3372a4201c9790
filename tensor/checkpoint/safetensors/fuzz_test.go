package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// checkSource reads everything and stores it again. size is that of the files.
func checkSource(t *testing.T, s *checkpoint.Files, size int) {
	var total int64
	for name := range s.Names() {
		info, ok := s.Lookup(name)
		if !ok {
			t.Fatalf("%q is named and not found", name)
		}
		b, err := s.Bytes(name)
		if err != nil || int64(len(b)) != info.Size {
			t.Fatalf("%q: %d bytes of %d: %v", name, len(b), info.Size, err)
		}
		if shape, err := info.TensorShape(); err == nil && info.Size > 0 && shape.Len() <= 0 {
			t.Fatalf("%q: shape %v in %d bytes", name, shape, info.Size)
		}
		total += info.Size
	}
	if total > int64(size) {
		t.Fatalf("%d bytes of tensors in %d bytes of files", total, size)
	}
	var first, second bytes.Buffer
	if err := Write(&first, s, s.Metadata()); err != nil {
		t.Fatal(err)
	}
	again, err := openBytes(first.Bytes())
	if err != nil {
		t.Fatalf("what was written is refused: %v", err)
	}
	if err := Write(&second, again, again.Metadata()); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatalf("writing is not stable: %v\n%q\n%q", err, first.Bytes(), second.Bytes())
	}
}

// checkError demands that an error is one of ours and says something.
func checkError(t *testing.T, err error) {
	var e *checkpoint.Error
	if !errors.As(err, &e) || e.Kind == "" || len(err.Error()) < 10 {
		t.Fatalf("error %v", err)
	}
}

func FuzzHeader(f *testing.F) {
	for _, h := range []string{
		`{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"F4","shape":[2],"data_offsets":[8,9]}}`,
		`{"\u0061\n":{"x":[{"y":null}],"dtype":"BOOL","shape":[],"data_offsets":[0,1]}}`,
		`{"z":{"dtype":"F64","shape":[0,9],"data_offsets":[0,0]}}`,
		`{"z":{"dtype":"U8","shape":[0` + strings.Repeat(",1", 1000) + `],"data_offsets":[0,0]}}`,
	} {
		for _, n := range []int{0, 1, 8, 9} {
			f.Add(h, uint8(n))
		}
	}
	f.Fuzz(func(t *testing.T, header string, n uint8) {
		b := file(header, int(n))
		s, err := openBytes(b)
		if err != nil {
			checkError(t, err)
			return
		}
		checkSource(t, s, len(b))
	})
}

func FuzzFile(f *testing.F) {
	f.Add(mustWrite(f, map[string]string{"k": "v"}, checkpointtest.Entries()...))
	f.Add(file("{}", 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := openBytes(b)
		if err != nil {
			checkError(t, err)
			return
		}
		checkSource(t, s, len(b))
	})
}

func FuzzIndex(f *testing.F) {
	f.Add(weightMap(f, "", ""))
	f.Add(weightMap(f, "x", "../one.safetensors"))
	f.Add(`{"weight_map":{"a":"one.safetensors"}}`)
	f.Add(`{"metadata":{"total_size":1e3},"weight_map":{"b.weight":"sub/3.safetensor","a":"one.safetensors"}}`)
	f.Add(`{"weight_map":{` + strings.TrimSuffix(hostile.Many(100_000, func(i int) string { return fmt.Sprintf(`"%x":"%x",`, i, i) }), ",") + `}}`)
	f.Add(`{"weight_map":{"a":"` + strings.Repeat("x", 2000) + `"}}`)
	folder := sharded(f, "")
	size := 0
	for _, file := range folder {
		size += len(file.Data)
	}
	f.Fuzz(func(t *testing.T, index string) {
		fsys := fstest.MapFS{}
		for name, file := range folder {
			fsys[name] = file
		}
		fsys[indexFile] = &fstest.MapFile{Data: []byte(index)}
		s, err := OpenIndex(fsys, indexFile)
		if err != nil {
			checkError(t, err)
			return
		}
		checkSource(t, s, size)
	})
}
