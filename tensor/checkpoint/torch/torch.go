// Package torch reads files that torch.save of PyTorch wrote: pytorch_model.bin and .pt.
//
// Such a file holds a Python pickle, which is a program, and memory that it makes tensors of. The program is
// interpreted as a description of tensors; nothing in it is ever run.
//
//   - torch.go opens a file and finds out which form it has.
//   - archive.go reads a zip file, the form since PyTorch 1.6; legacy.go the form before.
//   - pickle.go reads a pickle, and state.go what a dictionary of tensors is made of.
//
// What can be wrong is told by a [checkpoint.Error], of the Kinds there and of [ErrPickle].
package torch

import (
	"bytes"
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// ErrPickle is the Kind of the error for a file that torch.save did not make of a dictionary of tensors.
const ErrPickle checkpoint.Kind = "the file is not a pickle of named tensors as torch.save writes it"

// Open opens a file that torch.save wrote, in the zip format or the one before PyTorch 1.6: a
// dictionary from names to tensors or parameters, as a module's state_dict is. It is a Python pickle,
// which is interpreted and never run: operations and calls that such a dictionary is not made of are
// refused by name. See [checkpoint.OpenFile] for how it is read, and PyTorch's torch/serialization.py for the format.
//
// Tensors that share memory, as tied weights do, are given under each of their names. One that is
// stored in another order than row-major, as a transpose is, is copied into order each time it is read.
//
// What is not such a dictionary is refused with [ErrPickle], and so are compressed and encrypted zip
// files, big-endian numbers, and numbers of quantised and rare types; a tensor that does not lie within
// its storage with [checkpoint.ErrStorage].
func Open(fsys fs.FS, name string) (*checkpoint.Files, error) {
	return checkpoint.OpenFile(fsys, name, read)
}

// OpenIndex opens the files that an index such as pytorch_model.bin.index.json names. See [checkpoint.OpenIndex].
func OpenIndex(fsys fs.FS, index string) (*checkpoint.Files, error) {
	return checkpoint.OpenIndex(fsys, index, read)
}

// OpenShards opens several files as one. See [checkpoint.OpenShards].
func OpenShards(fsys fs.FS, names ...string) (*checkpoint.Files, error) {
	return checkpoint.OpenShards(fsys, names, read)
}

// maxProgram bounds a pickle: it has some 250 bytes for a tensor.
const maxProgram = 1 << 24

// read reads what a file contains. It is a [checkpoint.Format].
func read(f *checkpoint.File) (checkpoint.Contents, error) {
	start, err := f.Read(0, min(f.Size(), int64(len(oldMagic))))
	if err != nil {
		return checkpoint.Contents{}, err
	}
	switch {
	case bytes.HasPrefix(start, []byte("PK")):
		return readArchive(f)
	case string(start) == oldMagic:
		return readOld(f)
	}
	return checkpoint.Contents{}, noPickle("it starts with %q", start)
}

// noPickle says what is wrong with a file, and what to do.
func noPickle(what string, args ...any) error {
	return &checkpoint.Error{Kind: ErrPickle, Detail: fmt.Sprintf(what, args...) +
		"; in Python, load it where it comes from and save it again with safetensors: save_pretrained, or safetensors.torch.save_file"}
}
