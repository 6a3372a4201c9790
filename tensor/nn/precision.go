package nn

import "github.com/seed2010d43f/transformer/tensor"

// Precision says how products with the matrices of a model treat activations: a choice for each type of matrix. See
// [Precision.Of].
type Precision uint8

const (
	// Automatic is fast for matrices of block types, such as those of GGUF files, and exact for all others. Fast is
	// [tensor.Int8Activations], which names the types that have products of that kind. Matrices of other block types are
	// decoded, and multiplied in float32.
	Automatic Precision = iota

	// Exact keeps activations in float32 for matrices of all types. The numbers are those that the reference has for the
	// values in the file.
	Exact

	// BF16Activations is [Automatic], but with [tensor.BF16Activations] for matrices in BF16.
	BF16Activations
)

// Of returns the Precision of products with matrices of a type.
func (p Precision) Of(dt tensor.DType) tensor.Precision {
	elements, _ := dt.Block()
	switch {
	case p == Exact:
		return tensor.FullPrecision
	case elements > 1:
		return tensor.Int8Activations
	case p == BF16Activations && dt == tensor.BF16:
		return tensor.BF16Activations
	}
	return tensor.FullPrecision
}

// String returns the name: "automatic", "exact", "bf16 activations".
func (p Precision) String() string {
	switch p {
	case Automatic:
		return "automatic"
	case Exact:
		return "exact"
	case BF16Activations:
		return "bf16 activations"
	}
	return "unknown precision"
}
