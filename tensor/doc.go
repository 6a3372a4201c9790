// Package tensor holds the two kinds of numbers a transformer is made of, and their product.
//
// A [Tensor] is dense, row-major float32: activations. Its rows are tokens: a [T, Dim] tensor has one
// row of Dim values for each of T tokens, and [T, H, D] is the same memory seen as H heads.
//
// A [Weight] is a read-only matrix [Out, In] in the [DType] it was stored with (float32, float16 or
// bfloat16), rearranged once for the processor. [MatMul] multiplies: [T, Out] = [T, In]·Wᵀ, one output
// being one chain of multiply-adds in ascending order, so that its bits depend neither on the other
// rows nor on the number of threads. [MatMulEpilogue] adds a bias, an activation and a residual on the way,
// and [FeedForward] chains two products. A [Precision] rounds activations to what the processor is faster with.
//
// An [Arena] lends scratch memory, so that a forward pass allocates nothing after the first.
//
// Gonum's float32 matrices share memory with tensors: [FromGeneral], [Tensor.General]. Its float64 matrices, such as
// *mat.Dense, are copied: [FromMatrix], [Tensor.Dense]. [Tensor.Matrix] is a view for reading.
package tensor
