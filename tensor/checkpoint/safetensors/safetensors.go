// Package safetensors reads and writes files of weights in the safetensors format: a header in JSON, which says of each
// tensor its type, its shape and where it lies, and the tensors' bytes. See
// https://github.com/huggingface/safetensors#format.
//
// [Open] opens a file, [OpenIndex] the shards that an index names, and [Write] writes a file. header.go reads and
// checks the header.
//
// What can be wrong is told by a [checkpoint.Error], of the Kinds there and of those here.
package safetensors

import (
	"io/fs"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// What can be wrong with a header, beside the Kinds that any format has, in the order of the checks. The name that the
// format's own reader has for each is given.
const (
	ErrHeaderTooSmall checkpoint.Kind = "the file is shorter than the 8 bytes of the header's length" // HeaderTooSmall
	// then checkpoint.ErrHeaderTooLarge, HeaderTooLarge
	ErrHeaderLength checkpoint.Kind = "the header is longer than the file"          // InvalidHeaderLength
	ErrHeaderUTF8   checkpoint.Kind = "the header is not UTF-8"                     // InvalidHeader
	ErrHeaderJSON   checkpoint.Kind = "the header is not the JSON that is expected" // InvalidHeaderDeserialization
	// then checkpoint.ErrDuplicate, of which the other reader takes the later one, and checkpoint.ErrUnknownDType
	ErrOffset checkpoint.Kind = "the tensor does not start where the one before it ends, or ends earlier" // InvalidOffset
	// then checkpoint.ErrOverflow, ValidationOverflow
	ErrMisaligned checkpoint.Kind = "the elements fill no whole number of bytes" // MisalignedSlice
	// then checkpoint.ErrTensorInfo, TensorInvalidInfo
	ErrIncompleteFile checkpoint.Kind = "the file does not end where its last tensor ends" // MetadataIncompleteBuffer
)

// ErrName is the Kind of the error of [Write] for a name that the format cannot hold.
const ErrName checkpoint.Kind = "the name is not allowed"

// Open opens a file. See [checkpoint.OpenFile] for how it is read. Its Metadata are texts beside the tensors; those of
// files that PyTorch wrote have "format": "pt".
//
// It is checked as strictly as the format's own reader does: tensors without holes, overlaps or bytes
// left over. Three things that it accepts are refused: a tensor's name given twice, a key of the
// metadata given twice, and, in tensors without elements, a dimension that exceeds an int. Any number
// of dimensions and every dtype of the format is accepted, and handed out as bytes; what a weight
// cannot be is refused by [checkpoint.DType.Tensor] and [checkpoint.Info.TensorShape].
func Open(fsys fs.FS, name string) (*checkpoint.Files, error) {
	return checkpoint.OpenFile(fsys, name, read)
}

// OpenIndex opens the files that an index such as model.safetensors.index.json names. See [checkpoint.OpenIndex].
func OpenIndex(fsys fs.FS, index string) (*checkpoint.Files, error) {
	return checkpoint.OpenIndex(fsys, index, read)
}

// OpenShards opens several files as one. See [checkpoint.OpenShards].
func OpenShards(fsys fs.FS, names ...string) (*checkpoint.Files, error) {
	return checkpoint.OpenShards(fsys, names, read)
}
