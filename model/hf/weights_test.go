package hf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
	"github.com/seed2010d43f/transformer/internal/torchfile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/torch"
)

// written returns a safetensors file of the entries.
func written(t *testing.T, entries ...checkpoint.Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, checkpointtest.Memory(t, entries...), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// torchFileOf returns a file of torch.save with one tensor of two numbers.
func torchFileOf(name string) []byte {
	return torchfile.Zip(torchfile.State(torchfile.Pickle(torchfile.Contiguous(name, "FloatStorage", "0", 2)), make([]byte, 8))...)
}

func TestWhatIsLookedFor(t *testing.T) {
	one, two := &fstest.MapFile{Data: written(t, checkpointtest.Entries()[0])}, &fstest.MapFile{Data: written(t, checkpointtest.Entries()[1])}
	index := &fstest.MapFile{Data: []byte(`{"weight_map":{"a":"two.safetensors"}}`)}
	pickled := &fstest.MapFile{Data: torchFileOf("w")}
	torchMap := &fstest.MapFile{Data: []byte(`{"weight_map":{"w":"part.bin"}}`)}
	for _, c := range []struct {
		folder fstest.MapFS
		first  string // tensor
		kind   checkpoint.Kind
		names  string // what the error names
	}{
		{fstest.MapFS{singleFile: one, indexFile: index, "two.safetensors": two, "pytorch_model.bin": two}, "b.weight", "", ""},
		{fstest.MapFS{indexFile: index, "two.safetensors": two, "pytorch_model.bin": two}, "a", "", ""},
		{fstest.MapFS{indexFile: {Data: []byte("\ufeff" + `{"metadata": {"x": NaN}, "weight_map": {"a": "two.safetensors"}}`)}, "two.safetensors": two}, "a", "", ""},
		{fstest.MapFS{"model-00001-of-00001.safetensors": two, "pytorch_model-00001-of-00001.bin": pickled}, "a", "", ""},
		{fstest.MapFS{"pytorch_model-00001-of-00001.bin": pickled}, "w", "", ""},
		{fstest.MapFS{"pytorch_model-00002-of-00002.bin": pickled}, "", ErrShard, "pytorch_model-00001-of-00002.bin"},
		{fstest.MapFS{"model-1-of-2.safetensors": two, "model-00001-of-00001.safetensors.tmp": two}, "", ErrNoWeights, "open one with safetensors.Open"},
		{fstest.MapFS{torchFile: pickled, torchIndex: torchMap, "adapter.safetensors": one}, "w", "", ""},
		{fstest.MapFS{torchIndex: torchMap, "part.bin": pickled}, "w", "", ""},
		{fstest.MapFS{torchFile: two, "adapter.safetensors": one}, "", torch.ErrPickle, "save_pretrained"},
		{fstest.MapFS{torchIndex: two}, "", checkpoint.ErrIndexJSON, torchIndex},
		{fstest.MapFS{torchIndex: torchMap}, "", checkpoint.ErrShardMissing, "part.bin: a shard that the index names is missing: " + torchIndex},
		{fstest.MapFS{torchIndex: {Data: []byte(`{"weight_map":{"v":"part.bin"}}`)}, "part.bin": pickled}, "", checkpoint.ErrNotInShard, `"v"`},
		{fstest.MapFS{"adapter.safetensors": one}, "", ErrNoWeights, "adapter.safetensors: open one with safetensors.Open"},
		{fstest.MapFS{"linear.pt": pickled}, "", ErrNoWeights, "linear.pt: open one with torch.Open"},
		{fstest.MapFS{}, "", ErrNoWeights, "model.safetensors.index.json, pytorch_model.bin and pytorch_model.bin.index.json"},
		{fstest.MapFS{singleFile: {Mode: fs.ModeDir}}, "", checkpoint.ErrReadFile, singleFile},
		{fstest.MapFS{singleFile: {Mode: fs.ModeNamedPipe}}, "", checkpoint.ErrReadFile, singleFile},
	} {
		s, err := OpenWeights(c.folder)
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
	text := "{" + strings.Join(header, ",") + strings.Repeat(" ", much) + "}"
	for index, data := range map[string][]byte{
		indexFile:  append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...),
		torchIndex: torchfile.Zip(torchfile.State(torchfile.Pickle(state...), make([]byte, 8))...),
	} {
		folder := fstest.MapFS{index: {Data: []byte(`{"weight_map":{` + strings.Join(weightMap, ",") + `}}`)}}
		for i := range shards {
			folder[fmt.Sprintf("shard %d", i)] = &fstest.MapFile{Data: data}
		}
		if _, err := OpenWeights(folder); !errors.Is(err, checkpoint.ErrHeaderTooLarge) || !strings.Contains(err.Error(), "files have") {
			t.Errorf("%s: %v", index, err)
		}
	}
}

// Weights and indexes that are no files, or not as long as they say, give an error that names them.
func TestHostileFiles(t *testing.T) {
	e := checkpointtest.Entries()
	shards := fstest.MapFS{
		indexFile:             {Data: []byte(`{"weight_map":{"b.weight":"one.safetensors","a":"sub/two.safetensors"}}`)},
		"one.safetensors":     {Data: written(t, e[0])},
		"sub/two.safetensors": {Data: written(t, e[1])},
	}
	pickled := &fstest.MapFile{Data: torchFileOf("w")}
	for _, c := range []struct {
		folder fstest.MapFS
		file   string
	}{
		{fstest.MapFS{singleFile: {Data: written(t, checkpointtest.Entries()...)}}, singleFile},
		{shards, indexFile},
		{shards, "one.safetensors"},
		{shards, "sub/two.safetensors"},
		{fstest.MapFS{torchFile: pickled}, torchFile},
		{fstest.MapFS{torchIndex: {Data: []byte(`{"weight_map":{"w":"part.bin"}}`)}, "part.bin": pickled}, torchIndex},
		{fstest.MapFS{torchIndex: {Data: []byte(`{"weight_map":{"w":"part.bin"}}`)}, "part.bin": pickled}, "part.bin"},
	} {
		errs := hostile.Check(t, hostile.Folders(t, c.folder, c.file), 1<<20, func(fsys fs.FS) error {
			s, err := OpenWeights(fsys)
			if err != nil {
				return err
			}
			return s.Close()
		})
		for name, err := range errs {
			var e *checkpoint.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.file) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s: %v", c.file, name, err)
			}
		}
	}
}
