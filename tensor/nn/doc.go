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
//
// Three rules keep recipes short. Tables that are one, such as those of words and of the head, are declared with
// [Loader.Tie] and then asked for as if each were stored. [Loader.Root] finds the body with or without the
// prefix that it has in a model with a head, and below one more prefix; the names that PyTorch's wrappers add
// do not count. Tensors that training has left beside the weights are skipped ([IsSideTensor], [Options]).
package nn
