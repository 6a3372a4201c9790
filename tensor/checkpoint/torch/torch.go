// Package torch reads files written by torch.save of PyTorch: pytorch_model.bin and .pt.
//
// Such a file holds a Python pickle, which is a program, and the memory of the tensors. The program is
// interpreted as a description of tensors; nothing in it is ever run.
//
//   - torch.go opens a file and finds out its form.
//   - archive.go reads a zip file, the form since PyTorch 1.6; legacy.go reads the form before.
//   - pickle.go reads a pickle; state.go holds the parts of a dictionary of tensors.
//
// Errors are a [checkpoint.Error] with a Kind of that package, or [ErrPickle].
package torch

import (
	"bytes"
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// ErrPickle is the Kind of error for a file that is not a dictionary of tensors written by torch.save.
const ErrPickle checkpoint.Kind = "the file is not a pickle of named tensors as torch.save writes it"

// Open opens a file written by torch.save, in the zip format or the one before PyTorch 1.6. It must be a
// dictionary from names to tensors or parameters, like the state_dict of a module. The pickle is interpreted
// and never run: an operation or call that such a dictionary does not need gives an error that names it. See
// [checkpoint.OpenFile] for how the file is read, and PyTorch's torch/serialization.py for the format.
//
// Tensors that share memory, such as tied weights, appear under each of their names. A tensor that is not
// stored in row-major order, such as a transpose, is copied into that order each time it is read.
//
// It returns [ErrPickle] for any other pickle, for compressed and encrypted zip files, for big-endian
// numbers, and for numbers of quantised and rare types. It returns [checkpoint.ErrStorage] for a tensor
// outside its storage.
func Open(fsys fs.FS, name string) (*checkpoint.Files, error) {
	return checkpoint.OpenFile(fsys, name, read)
}

// OpenIndex opens the files listed in an index such as pytorch_model.bin.index.json. See
// [checkpoint.OpenIndex].
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
