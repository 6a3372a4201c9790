package safetensors

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// sharded returns the folder of a checkpoint with its tensors spread over three files.
func sharded(t testing.TB, index string) fstest.MapFS {
	e := checkpointtest.Entries()
	return fstest.MapFS{
		indexFile:          {Data: []byte(index)},
		"one.safetensors":  {Data: mustWrite(t, map[string]string{"format": "pt"}, e[0], e[1])},
		"two.safetensors":  {Data: mustWrite(t, nil, e[2:]...)},
		"sub/3.safetensor": {Data: mustWrite(t, nil, checkpoint.Entry{Name: "below", DType: "U8", Data: []byte{1}}, checkpoint.Entry{Name: "b.weight", DType: "U8", Data: []byte{2}})},
	}
}

// weightMap returns the index of sharded, with one more tensor if name is not empty.
func weightMap(t testing.TB, name, file string) string {
	members := []string{`"below":"sub/3.safetensor"`}
	for i, e := range checkpointtest.Entries() {
		members = append(members, fmt.Sprintf("%s:%q", appendString(nil, e.Name), []string{"one.safetensors", "two.safetensors"}[min(i/2, 1)]))
	}
	if name != "" {
		members = append(members, fmt.Sprintf("%q:%q", name, file))
	}
	return `{"metadata":{"total_size":123},"weight_map":{` + strings.Join(members, ",") + `}}`
}

func TestShards(t *testing.T) {
	folder := sharded(t, weightMap(t, "", ""))
	dir := t.TempDir()
	if err := os.CopyFS(dir, folder); err != nil {
		t.Fatal(err)
	}
	for how, fsys := range map[string]fs.FS{"mapped": os.DirFS(dir), "read": folder} {
		t.Run(how, func(t *testing.T) {
			s, err := OpenIndex(fsys, indexFile)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			// The index decides which of two tensors named b.weight counts.
			checkpointtest.Check(t, s, append(checkpointtest.Entries(), checkpoint.Entry{Name: "below", DType: "U8", Data: []byte{1}}))
			if s.Metadata()["format"] != "pt" {
				t.Errorf("metadata %v", s.Metadata())
			}
		})
	}
}

func TestBadIndexes(t *testing.T) {
	for _, c := range []struct {
		index string
		kind  checkpoint.Kind
		names string // what the error names
	}{
		{weightMap(t, "x", "four.safetensors"), checkpoint.ErrShardMissing, "four.safetensors"},
		{weightMap(t, "x", "../one.safetensors"), checkpoint.ErrShardPath, "../one.safetensors"},
		{weightMap(t, "x", "/etc/passwd"), checkpoint.ErrShardPath, "/etc/passwd"},
		{weightMap(t, "x", "sub/../one.safetensors"), checkpoint.ErrShardPath, "sub/.."},
		{weightMap(t, "x", ""), checkpoint.ErrShardPath, `"x"`},
		{weightMap(t, "x", "."), checkpoint.ErrShardPath, `"x"`},
		{weightMap(t, "x", "sub"), checkpoint.ErrReadFile, "sub"},
		{weightMap(t, "x", indexFile), checkpoint.ErrHeaderTooLarge, indexFile},
		{weightMap(t, "x", "two.safetensors"), checkpoint.ErrNotInShard, `"x"`},
		{weightMap(t, "a", "two.safetensors"), checkpoint.ErrDuplicate, `"a"`},
		{``, checkpoint.ErrIndexJSON, indexFile},
		{`{`, checkpoint.ErrIndexJSON, indexFile},
		{"{\"\xff\":1}", checkpoint.ErrIndexJSON, indexFile},
		{`[]`, checkpoint.ErrIndexJSON, "weight_map"},
		{`{}`, checkpoint.ErrIndexJSON, "weight_map"},
		{`{"weight_map":[]}`, checkpoint.ErrIndexJSON, "weight_map"},
		{`{"weight_map":{"a":1}}`, checkpoint.ErrIndexJSON, `"a"`},
		{`{"weight_map":{},"weight_map":{}}`, checkpoint.ErrDuplicate, "weight_map"},
	} {
		_, err := OpenIndex(sharded(t, c.index), indexFile)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("index %s: %v, expected: %v, naming %s", c.index, err, c.kind, c.names)
		}
	}
	if _, err := OpenIndex(sharded(t, `{"weight_map":{`+strings.TrimSuffix(hostile.Many(100_000, func(i int) string { return fmt.Sprintf(`"%d":"%d",`, i, i) }), ",")+`}}`), indexFile); !errors.Is(err, checkpoint.ErrIndexJSON) || !strings.Contains(err.Error(), "shards") {
		t.Errorf("many shards: %v", err)
	}
	if s, err := OpenIndex(sharded(t, `{"weight_map":{}}`), indexFile); err != nil || len(slices.Collect(s.Names())) != 0 {
		t.Errorf("empty weight map: %v", err)
	}
}

// brokenFS fails to read its middle.
type brokenFS struct{ fs.FS }

type brokenFile struct{ fs.File }

var errBroken = errors.New("broken")

func (f brokenFS) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	return brokenFile{file}, err
}

func (f brokenFile) ReadAt(b []byte, off int64) (int, error) {
	if off >= 200 && off < 300 {
		return 0, errBroken
	}
	return f.File.(interface {
		ReadAt([]byte, int64) (int, error)
	}).ReadAt(b, off)
}

func TestReadErrorsNameFileAndTensor(t *testing.T) {
	b := mustWrite(t, nil, checkpoint.Entry{Name: "first", DType: "U8", Shape: []int{100}, Data: make([]byte, 100)}, checkpoint.Entry{Name: "second", DType: "U8", Shape: []int{100}, Data: make([]byte, 100)})
	s, err := Open(brokenFS{fstest.MapFS{weights: {Data: b}}}, weights)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Bytes("second")
	var e *checkpoint.Error
	if !errors.As(err, &e) || e.File != weights || e.Tensor != "second" || !errors.Is(err, checkpoint.ErrReadFile) || !errors.Is(err, errBroken) {
		t.Errorf("Bytes: %v", err)
	}
	n := 0
	for _, err := range s.Chunks("second", 10) {
		if n++; !errors.Is(err, errBroken) {
			t.Errorf("Chunks: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d results after an error, expected 1", n)
	}
}

func TestRealFiles(t *testing.T) {
	real := os.Getenv("TRANSFORMER_REAL")
	if real == "" {
		t.Skip("TRANSFORMER_REAL is not set to a folder of models")
	}
	dirs, _ := filepath.Glob(filepath.Join(real, "*", weights))
	if len(dirs) == 0 {
		t.Fatalf("no %s below %s", weights, real)
	}
	for _, dir := range dirs {
		var c checkpoint.Contents
		s, err := checkpoint.OpenFile(os.DirFS(filepath.Dir(dir)), weights, func(f *checkpoint.File) (checkpoint.Contents, error) {
			var err error
			c, err = read(f)
			return c, err
		})
		if err != nil {
			t.Error(err)
			continue
		}
		if len(c.Tensors) == 0 || !slices.IsSortedFunc(c.Tensors, func(a, b checkpoint.Location) int { return cmp.Compare(a.Offset, b.Offset) }) {
			t.Errorf("%s: %d tensors, or not in the order of their data", dir, len(c.Tensors))
		}
		for name := range s.Names() {
			if _, err := s.Bytes(name); err != nil {
				t.Error(err)
			}
		}
		s.Close()
	}
}
