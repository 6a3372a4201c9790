package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/internal/strictjson"
)

// maxShards bounds the files that are open at a time. Models of a terabyte have some hundred.
const maxShards = 1 << 12

const maxPath = 1 << 10 // bytes of a shard's name

// OpenIndex opens the files of the given format listed in an index. The index is a JSON object as Hugging
// Face writes it: {"weight_map": {tensor: file}}. The files lie beside or below the index. See [OpenFile] for
// how they are read.
//
// Tensors that the index does not list are left out. There may be at most 4096 files, with headers of at most
// 100 MB together.
func OpenIndex(fsys fs.FS, index string, format Format) (*Files, error) {
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
		if err := f.addShard(fsys, index, file, format, shards[file]); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// OpenShards opens several files of a format as one, for shards that no index lists. See [OpenFile] for how they are read.
// A tensor that two of them have is an error. There may be 4096 files, and their headers may have 100 MB together.
func OpenShards(fsys fs.FS, names []string, format Format) (*Files, error) {
	if n := len(names); n > maxShards {
		return nil, &Error{Kind: ErrIndexJSON, Detail: fmt.Sprintf("%d shards; at most %d are opened", n, maxShards)}
	}
	f := &Files{tensors: map[string]location{}}
	for _, name := range names {
		if err := f.add(fsys, name, format, nil); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// addShard enters the tensors of a shard and fails if it lacks one.
func (f *Files) addShard(fsys fs.FS, index, file string, format Format, tensors map[string]bool) error {
	err := f.add(fsys, file, format, tensors)
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
	text = sidefile.JSON(text)
	s, ok := strictjson.New(text)
	if !ok || !utf8.Valid(text) {
		return nil, &Error{File: index, Kind: ErrIndexJSON, Detail: "malformed"}
	}
	var shards map[string]map[string]bool
	_, err := s.Object(func(key string) error {
		if key != "weight_map" {
			s.Skip()
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

func parseWeightMap(index string, s *strictjson.Scanner) (map[string]map[string]bool, error) {
	shards := map[string]map[string]bool{}
	seen := map[string]bool{}
	found, err := s.Object(func(name string) error {
		file, ok := s.String()
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
