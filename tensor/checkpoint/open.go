package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/sidefile"
)

// The files that Open looks for, in this order.
const (
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
	torchFile  = "pytorch_model.bin"
	torchIndex = "pytorch_model.bin.index.json"
)

// Open opens the weights in a folder. It looks for these files and takes the first that is there:
//
//  1. model.safetensors
//  2. model.safetensors.index.json and the shards it names
//  3. pytorch_model.bin, read as [OpenTorch] does
//  4. pytorch_model.bin.index.json and the shards it names
//
// A tensor of a shard that the index does not name is left out. There may be 4096 shards, and their headers
// may have 100 MB together. A folder with none of these files is refused with [ErrNoCheckpoint].
//
// Files that are [os.File] values, as those of [os.DirFS] are, are mapped into memory where the
// system can do that; a file that is truncated while it is mapped ends the process when it is read.
// Others are read tensor by tensor if they implement [io.ReaderAt] or [io.Seeker], as those of an
// [embed.FS] do, and as a whole if not.
func Open(fsys fs.FS) (*Files, error) {
	switch {
	case sidefile.Exists(fsys, singleFile):
		return OpenFile(fsys, singleFile)
	case sidefile.Exists(fsys, indexFile):
		return openIndex(fsys, indexFile, readHeader)
	case sidefile.Exists(fsys, torchFile):
		return OpenTorch(fsys, torchFile)
	case sidefile.Exists(fsys, torchIndex):
		return openIndex(fsys, torchIndex, readTorch)
	}
	detail := fmt.Sprintf("the folder has none of %s, %s, %s and %s", singleFile, indexFile, torchFile, torchIndex)
	for _, other := range []struct{ pattern, opener string }{{"*.safetensors", "OpenFile"}, {"*.bin", "OpenTorch"}, {"*.pt", "OpenTorch"}} {
		if files, _ := fs.Glob(fsys, other.pattern); len(files) > 0 {
			detail += fmt.Sprintf("; it has %s: open one with %s", files[0], other.opener)
			break
		}
	}
	return nil, &Error{Kind: ErrNoCheckpoint, Detail: detail}
}

// maxShards bounds the files that are open at a time. Models of a terabyte have some hundred.
const maxShards = 1 << 12

const maxPath = 1 << 10 // bytes of a shard's name

// openIndex opens the shards of an index and keeps the tensors it names.
func openIndex(fsys fs.FS, index string, read format) (*Files, error) {
	text, err := sidefile.Read(fsys, index, sidefile.MaxIndex)
	if err != nil {
		return nil, &Error{File: index, Kind: ErrReadFile, Cause: err}
	}
	shards, err := parseIndex(index, text)
	if err != nil {
		return nil, err
	}
	if n := len(shards); n > maxShards {
		return nil, &Error{File: index, Kind: ErrIndexJSON, Detail: fmt.Sprintf("it names %d shards; at most %d are opened", n, maxShards)}
	}
	f := &Files{tensors: map[string]location{}}
	for _, file := range slices.Sorted(maps.Keys(shards)) {
		if err := f.addShard(fsys, index, file, read, shards[file]); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// addShard enters the tensors of a shard and fails if it lacks one.
func (f *Files) addShard(fsys fs.FS, index, file string, read format, tensors map[string]bool) error {
	err := f.add(fsys, file, read, tensors)
	if e, ok := err.(*Error); ok && errors.Is(e.Cause, fs.ErrNotExist) {
		return &Error{File: file, Kind: ErrShardMissing, Detail: fmt.Sprintf("%s needs it for %d tensors", index, len(tensors)), Cause: e.Cause}
	}
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		if _, ok := f.tensors[name]; !ok {
			return &Error{File: file, Tensor: name, Kind: ErrNotInShard, Detail: index + " says it is"}
		}
	}
	return nil
}

// parseIndex returns the names of the tensors in each shard of {"weight_map": {tensor: shard}}; other
// members are ignored.
func parseIndex(index string, text []byte) (map[string]map[string]bool, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, &Error{File: index, Kind: ErrIndexJSON, Detail: "malformed"}
	}
	s := &scanner{text: text}
	var shards map[string]map[string]bool
	_, err := s.object(func(key string) error {
		if key != "weight_map" {
			s.skip()
			return nil
		}
		if shards != nil {
			return &Error{File: index, Kind: ErrDuplicate, Detail: key}
		}
		var err error
		shards, err = parseWeightMap(index, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	if shards == nil {
		return nil, &Error{File: index, Kind: ErrIndexJSON, Detail: "weight_map, an object from tensor to file, is missing"}
	}
	return shards, nil
}

func parseWeightMap(index string, s *scanner) (map[string]map[string]bool, error) {
	shards := map[string]map[string]bool{}
	seen := map[string]bool{}
	found, err := s.object(func(name string) error {
		file, ok := s.str()
		switch {
		case !ok:
			return &Error{File: index, Tensor: name, Kind: ErrIndexJSON, Detail: "its file is not a string"}
		case seen[name]:
			return &Error{File: index, Tensor: name, Kind: ErrDuplicate}
		case !fs.ValidPath(file) || file == "." || len(file) > maxPath:
			return &Error{File: index, Tensor: name, Kind: ErrShardPath, Detail: fmt.Sprintf("%q", file)}
		}
		seen[name] = true
		if shards[file] == nil {
			shards[file] = map[string]bool{}
		}
		shards[file][name] = true
		return nil
	})
	if err == nil && !found {
		err = &Error{File: index, Kind: ErrIndexJSON, Detail: "weight_map is not an object"}
	}
	return shards, err
}
