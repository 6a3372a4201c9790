// Package safetensors reads and writes files of weights in the safetensors format. Such a file has a header
// in JSON, with the type, shape and place of each tensor, and then the bytes of the tensors. See
// https://github.com/huggingface/safetensors#format.
//
// [Open] opens a file, [OpenIndex] opens the shards listed in an index, and [Write] writes a file. header.go
// reads and checks the header.
//
// Errors are a [checkpoint.Error] with a Kind of that package or of this one.
package safetensors

import (
	"io/fs"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Errors of a header, in the order of the checks, besides the Kinds of any format. Beside each is its name in the
// format's own reader.
const (
	ErrHeaderTooSmall checkpoint.Kind = "the file is shorter than the 8 bytes of the header's length" // HeaderTooSmall
	// then checkpoint.ErrHeaderTooLarge, HeaderTooLarge
	ErrHeaderLength checkpoint.Kind = "the header is longer than the file"          // InvalidHeaderLength
	ErrHeaderUTF8   checkpoint.Kind = "the header is not UTF-8"                     // InvalidHeader
	ErrHeaderJSON   checkpoint.Kind = "the header is not the JSON that is expected" // InvalidHeaderDeserialization
	// then checkpoint.ErrDuplicate, of which the other reader takes the later one, and checkpoint.ErrUnknownDType
	ErrOffset checkpoint.Kind = "the tensor does not start where the one before it ends, or ends earlier" // InvalidOffset
	// then checkpoint.ErrOverflow, ValidationOverflow
	ErrMisaligned checkpoint.Kind = "the elements do not fill a whole number of bytes" // MisalignedSlice
	// then checkpoint.ErrTensorInfo, TensorInvalidInfo
	ErrIncompleteFile checkpoint.Kind = "the file does not end where its last tensor ends" // MetadataIncompleteBuffer
)

// ErrName is the Kind of the error of [Write] for a name that the format cannot hold.
const ErrName checkpoint.Kind = "the name is not allowed"

// Open opens a file. See [checkpoint.OpenFile] for how it is read. Its Metadata are texts beside the tensors;
// files from PyTorch have "format": "pt".
//
// The checks are as strict as those of the format's own reader: no holes between tensors, no overlaps, no
// bytes left over. Three things that it accepts are errors here: a tensor's name given twice, a key of the
// metadata given twice, and, in tensors without elements, a dimension that exceeds an int. Any number of
// dimensions and every dtype of the format is accepted and returned as bytes; [checkpoint.DType.Tensor] and
// [checkpoint.Info.TensorShape] return an error for what a weight cannot have.
func Open(fsys fs.FS, name string) (*checkpoint.Files, error) {
	return checkpoint.OpenFile(fsys, name, read)
}

// OpenIndex opens the files listed in an index such as model.safetensors.index.json. See
// [checkpoint.OpenIndex].
func OpenIndex(fsys fs.FS, index string) (*checkpoint.Files, error) {
	return checkpoint.OpenIndex(fsys, index, read)
}

// OpenShards opens several files as one. See [checkpoint.OpenShards].
func OpenShards(fsys fs.FS, names ...string) (*checkpoint.Files, error) {
	return checkpoint.OpenShards(fsys, names, read)
}
