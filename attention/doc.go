// Package attention computes softmax(Q·Kᵀ/√d + mask)·V, and holds the parts of attention layers: masks,
// biases, rotary embeddings, caches and the layers themselves.
//
// Start with [ScaledDotProduct]: tensors in, the result out, with masks, grouped heads, soft-caps, biases, sinks
// and, on request, the attention weights. The other parts build a layer of a model:
//
//   - [Mask] says which keys a query sees; [Bias] adds to the scores. Both depend on positions.
//   - [RoPE] rotates queries and keys by their positions, with the scalings for long contexts.
//   - [MultiHead] is self-attention: project, normalise, rotate, cache, attend, project. [Disentangled] is
//     the self-attention of DeBERTa. [Latent] is multi-head latent attention (MLA), with a small cache.
//   - [CrossAttention] attends to the output of an encoder.
//   - [Cache] keeps keys and values of past tokens, in pages that forks share.
//
// Shapes: T queries, S keys, H query heads, Hkv key/value heads, D values in a head. Activations are
// [T, Dim]; heads are [T, H, D] views of the same memory.
//
// # Op, Plan and Pass
//
// An [Op] is one operation of a layer. It has one method: Forward sets dst from the rows x of a pass. An Op
// that looks at each row alone, such as an MLP, needs no more.
//
// A [Pass] is one forward pass of a batch. The rows of all sequences are packed one after the other in x;
// Pass.Seqs says which rows belong to which sequence, at which position, with which cache. Between
// [Pass.Begin] and [Pass.End] each layer runs once. Scratch memory comes from Pass.Scratch.
//
// An Op that caches something is also a [Describer]: its [Traits] say what it caches and which Ops it calls.
// An Op holds no cache and no layer number itself. [NewPlan] reads the traits of all Ops of a model once and
// gives each its place in the caches; [Plan.NewCache] makes the cache of one sequence.
//
// # Writing an attention of your own
//
// Describe a cache, project the rows to queries, keys and values, and call [Pass.Attend]. [MultiHead] does
// the same.
//
//	func (a *myAttention) Traits() attention.Traits {
//		return attention.Traits{Of: a, Cache: attention.CacheLayer{
//			KVHeads: 2, KeyDim: 64, ValueDim: 64, Mask: attention.Mask{Causal: true}}}
//	}
//
//	func (a *myAttention) Forward(p *attention.Pass, dst, x tensor.Tensor) {
//		q, k, v := a.project(p, x) // [T, H, 64], [T, 2, 64], [T, 2, 64], in memory of p.Scratch
//		p.Rotate(a.rope, q)
//		p.Rotate(a.rope, k)
//		p.Attend(a, heads, q, k, v, attention.Options{}) // appends k and v to the cache, then attends
//		a.out.Forward(dst, heads)
//	}
//
// An Op with a state for the whole sequence, such as a recurrence, sets CacheLayer.State and calls
// [Pass.State]. An Op that calls others lists them in Traits.Inner. An Op that reads the cache of an earlier
// one sets Traits.Shares.
//
// # Caches
//
// A pass appends to the caches of its sequences, so a prompt may come in one pass or in several. [Cache.Fork]
// continues one text in two ways, [Cache.Truncate] goes back. Keys and values are stored in 32, 16 or 8 bits. For an
// encoder-decoder model, [Plan.NewCross] computes the keys and values of an encoder's output once, for any number of
// decoders.
//
// # Looking inside
//
// Pass.Observer is called at each [Point] of a pass and returns a function that gets the tensor at this
// point, or nil. This one prints the shape of the attention weights in layer 3:
//
//	p.Observer = func(at attention.Point) func(tensor.Tensor) {
//		if at.Stage != attention.StageWeights || at.Layer != 3 {
//			return nil
//		}
//		return func(weights tensor.Tensor) { fmt.Println(weights.Shape) } // [H, T, S]
//	}
//
// Packages block and model/arch report stages of their own. [Rollout] follows the weights of all layers back to the input.
//
// # How it computes
//
// Queries lie in the lanes of vectors, 48 at a time. Keys come in blocks of 128: the scores of a block are
// computed, transposed as [keys][queries], soft-capped, biased and masked; softmax keeps a running maximum
// and sum; values are added up. No memory of size T·S is used. Blocks begin at fixed positions and sums run
// in one order. So a token has the same result, bit for bit, in a whole prompt, in a part of it, alone after
// a cache, or beside other sequences in a batch.
package attention
