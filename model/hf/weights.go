package hf

import (
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/torch"
)

// ErrNoWeights is the Kind of the error for a folder without weights.
const ErrNoWeights checkpoint.Kind = "no weights"

// The files that OpenWeights looks for, in this order.
const (
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
	torchFile  = "pytorch_model.bin"
	torchIndex = "pytorch_model.bin.index.json"
)

// OpenWeights opens the weights in a folder. It looks for these files and takes the first that is there:
//
//  1. model.safetensors
//  2. model.safetensors.index.json and the shards it names
//  3. pytorch_model.bin
//  4. pytorch_model.bin.index.json and the shards it names
//
// A folder without any of these files gives [ErrNoWeights]. See [checkpoint.OpenFile] for how files are
// read, and [checkpoint.OpenIndex] for shards.
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
	detail := fmt.Sprintf("the folder has none of %s, %s, %s and %s", singleFile, indexFile, torchFile, torchIndex)
	for _, other := range []struct{ pattern, opener string }{{"*.safetensors", "safetensors.Open"}, {"*.bin", "torch.Open"}, {"*.pt", "torch.Open"}} {
		if files, _ := fs.Glob(fsys, other.pattern); len(files) > 0 {
			detail += fmt.Sprintf("; it has %s: open one with %s", files[0], other.opener)
			break
		}
	}
	return nil, &checkpoint.Error{Kind: ErrNoWeights, Detail: detail}
}
