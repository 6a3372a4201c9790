// Package gguf reads and writes files of weights in GGUF, the format of llama.cpp. Such a file has metadata, which are typed
// values by key, then a name, type, shape and place for each tensor, and then the bytes of the tensors, many of them in
// types of few bits. See https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
//
// [Open] opens a file, or all files of a model that was split, and [Write] writes one. What the metadata of a model mean
// and which weights of a Hugging Face checkpoint the tensors are is not known here.
//
// Errors are a [checkpoint.Error] with a Kind of that package or of this one.
package gguf

import (
	"io/fs"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Errors of a file, in the order of the checks, besides the Kinds of any format.
const (
	ErrMagic     checkpoint.Kind = "the file does not begin with GGUF"
	ErrVersion   checkpoint.Kind = "the version of the format is not supported"
	ErrTruncated checkpoint.Kind = "the file ends within its description"
	ErrKey       checkpoint.Kind = "the key is empty"
	// then checkpoint.ErrDuplicate, for a key
	ErrValueType checkpoint.Kind = "there is no value of this type"
	ErrAlignment checkpoint.Kind = "the alignment is not a power of two"
	ErrName      checkpoint.Kind = "the name of the tensor is too long"
	// then checkpoint.ErrDuplicate for a tensor, checkpoint.ErrShape and checkpoint.ErrUnknownDType
	ErrBlocks checkpoint.Kind = "the rows are not whole blocks of the type"
	ErrOffset checkpoint.Kind = "the tensor does not start where the one before it ends"
	// then checkpoint.ErrOverflow and checkpoint.ErrStorage
)

// ErrSplit is the Kind of an error for a file that is no part, or not the part that its name says, of a model in several files.
// A part that is not there is [checkpoint.ErrShardMissing].
const ErrSplit checkpoint.Kind = "the file is not the part of the model that it should be"

// Errors of the getters of [Metadata]. An alignment of the wrong type is also ErrKeyType.
const (
	ErrNoKey   checkpoint.Kind = "there is no such key in the metadata"
	ErrKeyType checkpoint.Kind = "the value in the metadata is not of the type that is expected"
)

// File is an open GGUF, which may be in several files. It is a [checkpoint.InPlace] of the tensors under their names in the
// file, such as "blk.0.attn_q.weight". Shapes are outermost first, as everywhere here: the reverse of the format's own order.
type File struct {
	*checkpoint.Files
	metadata *Metadata
	parts    []string
}

// Metadata returns the metadata, of several files those of the first. Do not change them; see [Metadata.Clone].
func (f *File) Metadata() *Metadata { return f.metadata }

// Parts returns the names of the files.
func (f *File) Parts() []string { return f.parts }

// Open opens a file of version 2 or 3, of either byte order. If it is one of the parts of a model, which have names such as
// model-00001-of-00003.gguf, it opens all of them. See [checkpoint.OpenFile] for how files are read; a tensor that the other
// byte order changes is never in place.
//
// The checks are those of llama.cpp where it loads a file with its data. Tensors follow one another in the order of the
// description, each at the next multiple of the alignment, and the last is padded like the others. The description of all
// files together may have 100 MB.
func Open(fsys fs.FS, name string) (*File, error) {
	var h header
	files, err := checkpoint.OpenFile(fsys, name, h.read)
	if err != nil {
		return nil, err
	}
	n, err := h.splits()
	if err != nil || n > 1 {
		if e := files.Close(); err == nil {
			err = e
		}
		if err != nil {
			return nil, withFile(err, name)
		}
		return openSplits(fsys, name, n)
	}
	return &File{files, &h.metadata, []string{name}}, nil
}

// Format is the format of one file, for [checkpoint.OpenFile]. The metadata that are texts become those of the Source.
func Format(f *checkpoint.File) (checkpoint.Contents, error) {
	var h header
	c, err := h.read(f)
	if err != nil {
		return c, err
	}
	c.Metadata = map[string]string{}
	for _, key := range h.metadata.keys {
		if v := h.metadata.values[key]; v.isString() && !v.array {
			c.Metadata[key] = v.strings[0]
		}
	}
	return c, nil
}

// withFile names the file in an error.
func withFile(err error, name string) error {
	if e, ok := err.(*checkpoint.Error); ok && e.File == "" {
		e.File = name
	}
	return err
}
