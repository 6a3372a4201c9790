package hf

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/internal/whatis"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/torch"
)

// ErrNoWeights is the Kind of the error for a folder without weights.
const ErrNoWeights checkpoint.Kind = "no weights"

// ErrShard is the Kind of the error for shards without an index that are not all there.
const ErrShard checkpoint.Kind = "not all shards are there"

// The files that OpenWeights looks for, in this order.
const (
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
	torchFile  = "pytorch_model.bin"
	torchIndex = "pytorch_model.bin.index.json"
	gptqFiles  = "gptq_model-*bit-*g.safetensors"
	clipFile   = "open_clip_model.safetensors"
	clipTorch  = "open_clip_pytorch_model.bin"
)

// OpenWeights opens the weights in a folder. It looks for these files and takes the first that is there:
//
//  1. model.safetensors
//
//  2. model.safetensors.index.json and the shards it names
//
//  3. pytorch_model.bin
//
//  4. pytorch_model.bin.index.json and the shards it names
//
//  5. model-00001-of-00003.safetensors and so on, shards without an index; a missing one is refused with [ErrShard]
//
//  6. pytorch_model-00001-of-00003.bin and so on
//
//  7. the one gptq_model-4bit-128g.safetensors, or of other bits and groups: so AutoGPTQ names the file
//
//  8. open_clip_model.safetensors, then open_clip_pytorch_model.bin: so OpenCLIP names the file
//
// A folder without any of these files gives [ErrNoWeights], and the error names what it holds instead. See
// [checkpoint.OpenFile] for how files are read, and [checkpoint.OpenIndex] for shards.
func OpenWeights(fsys fs.FS) (*checkpoint.Files, error) {
	switch {
	case sidefile.Exists(fsys, singleFile):
		return safetensors.Open(fsys, singleFile)
	case sidefile.Exists(fsys, indexFile):
		return safetensors.OpenIndex(fsys, indexFile)
	case sidefile.Exists(fsys, torchFile):
		return torch.Open(fsys, torchFile)
	case sidefile.Exists(fsys, torchIndex):
		return torch.OpenIndex(fsys, torchIndex)
	}
	for _, s := range []struct {
		prefix, suffix string
		open           func(fsys fs.FS, names ...string) (*checkpoint.Files, error)
	}{{"model-", ".safetensors", safetensors.OpenShards}, {"pytorch_model-", ".bin", torch.OpenShards}} {
		names, err := shards(fsys, s.prefix, s.suffix)
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			return s.open(fsys, names...)
		}
	}
	var named []string
	for _, e := range sidefile.List(fsys, ".") {
		if ok, _ := path.Match(gptqFiles, e.Name()); ok {
			named = append(named, e.Name())
		}
	}
	if len(named) == 1 {
		return safetensors.Open(fsys, named[0])
	}
	return openCLIP(fsys)
}

// OpenCLIPWeights opens the weights in a folder of OpenCLIP: first the files with its names, then those of [OpenWeights].
func OpenCLIPWeights(fsys fs.FS) (*checkpoint.Files, error) {
	if sidefile.Exists(fsys, clipFile) || sidefile.Exists(fsys, clipTorch) {
		return openCLIP(fsys)
	}
	return OpenWeights(fsys)
}

func openCLIP(fsys fs.FS) (*checkpoint.Files, error) {
	switch {
	case sidefile.Exists(fsys, clipFile):
		return safetensors.Open(fsys, clipFile)
	case sidefile.Exists(fsys, clipTorch):
		return torch.Open(fsys, clipTorch)
	}
	return nil, noWeights(fsys)
}

// HasWeights reports whether the folder has a file that [OpenWeights] looks for.
func HasWeights(fsys fs.FS) bool {
	for _, name := range []string{singleFile, indexFile, torchFile, torchIndex, clipFile, clipTorch} {
		if sidefile.Exists(fsys, name) {
			return true
		}
	}
	for _, e := range sidefile.List(fsys, ".") {
		for _, pattern := range []string{"model-*-of-*.safetensors", "pytorch_model-*-of-*.bin", gptqFiles} {
			if ok, _ := path.Match(pattern, e.Name()); ok {
				return true
			}
		}
	}
	return false
}

// noWeights is the error for a folder without weights.
func noWeights(fsys fs.FS) error {
	detail := fmt.Sprintf("the folder has none of %s, %s, %s and %s", singleFile, indexFile, torchFile, torchIndex)
	if what := whatis.Folder(fsys); what != "" {
		detail += "; " + what
	}
	return &checkpoint.Error{Kind: ErrNoWeights, Detail: detail}
}

// shards returns the names of all shards that one of them in the folder says there are.
func shards(fsys fs.FS, prefix, suffix string) ([]string, error) {
	count, first := -1, ""
	have := map[string]bool{}
	for _, e := range sidefile.List(fsys, ".") {
		var number, of int
		name := e.Name()
		if n, _ := fmt.Sscanf(name, prefix+"%05d-of-%05d"+suffix, &number, &of); n != 2 || name != shard(prefix, number, of, suffix) {
			continue
		}
		have[name] = true
		if count >= 0 && of != count {
			return nil, &checkpoint.Error{File: name, Kind: ErrShard, Detail: fmt.Sprintf("%s says that there are %d shards: take those of one checkpoint", first, count)}
		}
		count, first = of, name
	}
	var names []string
	for i := 1; i <= count; i++ {
		name := shard(prefix, i, count, suffix)
		if !have[name] {
			return nil, &checkpoint.Error{File: name, Kind: ErrShard, Detail: fmt.Sprintf("%s says that there are %d: download the others too", first, count)}
		}
		names = append(names, name)
	}
	if len(have) > len(names) {
		return nil, &checkpoint.Error{File: first, Kind: ErrShard, Detail: fmt.Sprintf("shards are numbered from 1 to %d", count)}
	}
	return names, nil
}

func shard(prefix string, number, of int, suffix string) string {
	return fmt.Sprintf("%s%05d-of-%05d%s", prefix, number, of, suffix)
}
