package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/internal/torchfile"
)

// sharded returns the folder of a checkpoint with its tensors spread over three files.
func sharded(t testing.TB, index string) fstest.MapFS {
	e := entries()
	return fstest.MapFS{
		indexFile:          {Data: []byte(index)},
		"one.safetensors":  {Data: mustWrite(t, map[string]string{"format": "pt"}, e[0], e[1])},
		"two.safetensors":  {Data: mustWrite(t, nil, e[2:]...)},
		"sub/3.safetensor": {Data: mustWrite(t, nil, Entry{"below", "U8", nil, []byte{1}}, Entry{"b.weight", "U8", nil, []byte{2}})},
	}
}

// weightMap returns the index of sharded, with one more tensor if name is not empty.
func weightMap(t testing.TB, name, file string) string {
	members := []string{`"below":"sub/3.safetensor"`}
	for i, e := range entries() {
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
			s, err := Open(fsys)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			// The index decides which of two tensors named b.weight counts.
			same(t, s, append(entries(), Entry{"below", "U8", nil, []byte{1}}))
			if s.Metadata()["format"] != "pt" {
				t.Errorf("metadata %v", s.Metadata())
			}
		})
	}
}

func TestBadIndexes(t *testing.T) {
	for _, c := range []struct {
		index string
		kind  Kind
		names string // what the error names
	}{
		{weightMap(t, "x", "four.safetensors"), ErrShardMissing, "four.safetensors"},
		{weightMap(t, "x", "../one.safetensors"), ErrShardPath, "../one.safetensors"},
		{weightMap(t, "x", "/etc/passwd"), ErrShardPath, "/etc/passwd"},
		{weightMap(t, "x", "sub/../one.safetensors"), ErrShardPath, "sub/.."},
		{weightMap(t, "x", ""), ErrShardPath, `"x"`},
		{weightMap(t, "x", "."), ErrShardPath, `"x"`},
		{weightMap(t, "x", "sub"), ErrReadFile, "sub"},
		{weightMap(t, "x", indexFile), ErrHeaderTooLarge, indexFile},
		{weightMap(t, "x", "two.safetensors"), ErrNotInShard, `"x"`},
		{weightMap(t, "a", "two.safetensors"), ErrDuplicate, `"a"`},
		{``, ErrIndexJSON, indexFile},
		{`{`, ErrIndexJSON, indexFile},
		{"{\"\xff\":1}", ErrIndexJSON, indexFile},
		{`[]`, ErrIndexJSON, "weight_map"},
		{`{}`, ErrIndexJSON, "weight_map"},
		{`{"weight_map":[]}`, ErrIndexJSON, "weight_map"},
		{`{"weight_map":{"a":1}}`, ErrIndexJSON, `"a"`},
		{`{"weight_map":{},"weight_map":{}}`, ErrDuplicate, "weight_map"},
	} {
		_, err := Open(sharded(t, c.index))
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("index %s: %v, expected: %v, naming %s", c.index, err, c.kind, c.names)
		}
	}
	if _, err := Open(sharded(t, `{"weight_map":{`+strings.TrimSuffix(hostile.Many(100_000, func(i int) string { return fmt.Sprintf(`"%d":"%d",`, i, i) }), ",")+`}}`)); !errors.Is(err, ErrIndexJSON) || !strings.Contains(err.Error(), "shards") {
		t.Errorf("many shards: %v", err)
	}
	if s, err := Open(sharded(t, `{"weight_map":{}}`)); err != nil || len(slices.Collect(s.Names())) != 0 {
		t.Errorf("empty weight map: %v", err)
	}
}

func TestWhatIsLookedFor(t *testing.T) {
	one, two := &fstest.MapFile{Data: mustWrite(t, nil, entries()[0])}, &fstest.MapFile{Data: mustWrite(t, nil, entries()[1])}
	index := &fstest.MapFile{Data: []byte(`{"weight_map":{"a":"two.safetensors"}}`)}
	torch := &fstest.MapFile{Data: smallTorch()}
	torchMap := &fstest.MapFile{Data: []byte(`{"weight_map":{"w":"part.bin"}}`)}
	for _, c := range []struct {
		folder fstest.MapFS
		first  string // tensor
		kind   Kind
		names  string // what the error names
	}{
		{fstest.MapFS{singleFile: one, indexFile: index, "two.safetensors": two, "pytorch_model.bin": two}, "b.weight", "", ""},
		{fstest.MapFS{indexFile: index, "two.safetensors": two, "pytorch_model.bin": two}, "a", "", ""},
		{fstest.MapFS{torchFile: torch, torchIndex: torchMap, "adapter.safetensors": one}, "w", "", ""},
		{fstest.MapFS{torchIndex: torchMap, "part.bin": torch}, "w", "", ""},
		{fstest.MapFS{torchFile: two, "adapter.safetensors": one}, "", ErrPickle, "save_pretrained"},
		{fstest.MapFS{torchIndex: two}, "", ErrIndexJSON, torchIndex},
		{fstest.MapFS{torchIndex: torchMap}, "", ErrShardMissing, "part.bin: a shard that the index names is missing: " + torchIndex},
		{fstest.MapFS{torchIndex: {Data: []byte(`{"weight_map":{"v":"part.bin"}}`)}, "part.bin": torch}, "", ErrNotInShard, `"v"`},
		{fstest.MapFS{"adapter.safetensors": one}, "", ErrNoCheckpoint, "adapter.safetensors: open one with OpenFile"},
		{fstest.MapFS{"linear.pt": torch}, "", ErrNoCheckpoint, "linear.pt: open one with OpenTorch"},
		{fstest.MapFS{}, "", ErrNoCheckpoint, "model.safetensors.index.json, pytorch_model.bin and pytorch_model.bin.index.json"},
		{fstest.MapFS{singleFile: {Mode: fs.ModeDir}}, "", ErrReadFile, singleFile},
		{fstest.MapFS{singleFile: {Mode: fs.ModeNamedPipe}}, "", ErrReadFile, singleFile},
	} {
		s, err := Open(c.folder)
		files := slices.Sorted(maps.Keys(c.folder))
		if c.kind != "" {
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.names) {
				t.Errorf("%v: %v, expected: %v, naming %s", files, err, c.kind, c.names)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", files, err)
			continue
		}
		if names := slices.Collect(s.Names()); !slices.Equal(names, []string{c.first}) {
			t.Errorf("%v: tensors %q, expected %q", files, names, c.first)
		}
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
	b := mustWrite(t, nil, Entry{"first", "U8", []int{100}, make([]byte, 100)}, Entry{"second", "U8", []int{100}, make([]byte, 100)})
	s, err := Open(brokenFS{fstest.MapFS{singleFile: {Data: b}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Bytes("second")
	var e *Error
	if !errors.As(err, &e) || e.File != singleFile || e.Tensor != "second" || !errors.Is(err, ErrReadFile) || !errors.Is(err, errBroken) {
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
	dirs, _ := filepath.Glob(filepath.Join(real, "*", singleFile))
	if len(dirs) == 0 {
		t.Fatalf("no %s below %s", singleFile, real)
	}
	for _, dir := range dirs {
		s, err := Open(os.DirFS(filepath.Dir(dir)))
		if err != nil {
			t.Error(err)
			continue
		}
		last := int64(-1)
		for name := range s.Names() {
			if offset := s.tensors[name].offset; offset < last {
				t.Errorf("%s: %s is out of order", dir, name)
			} else {
				last = offset
			}
			if _, err := s.Bytes(name); err != nil {
				t.Error(err)
			}
		}
		if last < 0 {
			t.Errorf("%s has no tensors", dir)
		}
		s.Close()
	}
}

// One file under the names of many shards does not have its header read for each of them.
func TestShardsThatAreOneFile(t *testing.T) {
	const shards = 60
	var header, weightMap []string
	var state []torchfile.Tensor
	for i := range shards {
		header = append(header, fmt.Sprintf(`"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i))
		state = append(state, torchfile.Contiguous(fmt.Sprint(i), "FloatStorage", "0", 2))
		weightMap = append(weightMap, fmt.Sprintf(`"%d":"shard %d"`, i, i))
	}
	const much = 2_000_000
	state = append(state, torchfile.Contiguous(strings.Repeat("x", much), "FloatStorage", "0", 2))
	for index, data := range map[string][]byte{
		indexFile:  file("{"+strings.Join(header, ",")+strings.Repeat(" ", much)+"}", 0),
		torchIndex: torchfile.Zip(torchfile.State(torchfile.Pickle(state...), make([]byte, 8))...),
	} {
		folder := fstest.MapFS{index: {Data: []byte(`{"weight_map":{` + strings.Join(weightMap, ",") + `}}`)}}
		for i := range shards {
			folder[fmt.Sprintf("shard %d", i)] = &fstest.MapFile{Data: data}
		}
		if _, err := Open(folder); !errors.Is(err, ErrHeaderTooLarge) || !strings.Contains(err.Error(), "files have") {
			t.Errorf("%s: %v", index, err)
		}
	}
}
