// Package nn holds the layers that every architecture shares: [Linear], [Embedding], [RMSNorm],
// [LayerNorm] and the [Activation] functions; and the [Loader] that fills them from a checkpoint.
//
// Layers are plain structs with exported fields. They are read-only when they compute, so any number of
// goroutines may use one. Activations are [T, Dim] tensors, one row for each token; destinations come
// first and may be the same tensor as the source where the method says so.
//
// A recipe, which assembles a model, asks a Loader for each layer by its name in the checkpoint and its
// shape. The Loader keeps errors, as bufio.Scanner does: at the end, one call of [Loader.Err] reports
// every weight that is missing, of another shape, or that nobody asked for.
//
// Three rules keep recipes short. Tables that are one, such as those of words and of the head, are declared with
// [Loader.Tie] and then asked for as if each were stored. [Loader.Root] finds the body with or without the prefix that it has in a
// model with a head, and below one more prefix; the names that PyTorch's wrappers add do not count. Tensors that training
// has left beside the weights are skipped ([IsSideTensor], [Options]).
package nn
