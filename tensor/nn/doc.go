// Package nn holds the layers that every architecture shares: [Linear], [Embedding], [RMSNorm], [LayerNorm]
// and the [Activation] functions. A [Loader] fills them from a checkpoint.
//
// Layers are plain structs with exported fields. Computing does not change them, so any number of goroutines
// may use one. Activations are [T, Dim] tensors, one row for each token. The destination comes first; it may
// be the same tensor as the source only where the method says so.
//
// A recipe assembles a model. It asks a Loader for each layer, by the layer's name in the checkpoint and its
// shape. The Loader collects errors, as bufio.Scanner does: at the end, one call of [Loader.Err] reports
// every weight that is missing, has the wrong shape, or was not asked for.
package nn
