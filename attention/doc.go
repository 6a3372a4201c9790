// Package attention is softmax(Q·Kᵀ/√d + mask)·V and everything around it.
//
// Start with [ScaledDotProduct]: plain slices in, the result out, with masks, grouped heads, soft-caps,
// biases and, if asked for, the attention weights. The rest builds a layer of a model from it:
//
//   - [Mask] and [Bias] say what a query sees and how much, as functions of positions.
//   - [RoPE] rotates queries and keys by their positions, with the scalings that long contexts use.
//   - [Cache] keeps keys and values of past tokens, in pages that branches share.
//   - [MultiHead] is the layer: project, normalise, rotate, remember, attend, project. [Disentangled] is
//     DeBERTa's, in which positions have scores of their own.
//   - [Cross] is attention of one sequence to another, an encoder's, whose keys and values are a Cache too:
//     [Cross.Remember] fills it once, and any number of sequences share it.
//   - [Pass] is what the layers of one forward pass share: sequences, scratch memory, observers.
//
// Shapes: T queries, S keys, H query heads, Hkv key/value heads, D values of a head. Activations are
// [T, Dim]; heads are [T, H, D] views of the same memory.
//
// # How it computes
//
// Queries lie in the lanes of vectors, 48 at a time, and keys stream by in blocks of 128: scores of a
// block are computed, transposed as [keys][queries], soft-capped, biased and masked; softmax goes on with
// a running maximum and sum; values are accumulated. Nothing of size T·S exists. Blocks begin at fixed
// positions and sums run in one order, so a token's result is the same, bit for bit, in a prompt, in any
// part of it, alone after a cache, or beside other sequences in a batch.
package attention
