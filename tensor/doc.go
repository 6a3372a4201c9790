// Package tensor holds activations and weights, and multiplies them.
//
// A [Tensor] is dense, row-major float32: activations. Its rows are tokens: a [T, Dim] tensor has one row of
// Dim values for each of T tokens. [T, H, D] is the same memory seen as H heads.
//
// A [Weight] is a read-only matrix [Out, In] in the [DType] it was stored with (float32, float16 or
// bfloat16). It is rearranged once for the processor.
//
// [MatMul] computes [T, Out] = [T, In]·Wᵀ. Each output is one chain of multiply-adds in ascending order, so
// its bits depend neither on the other rows nor on the number of threads. [MatMulEpilogue] also applies a
// bias, an activation and a residual. [FeedForward] chains two products. A [Precision] says whether
// activations are rounded before a product.
//
// An [Arena] lends scratch memory: only the first forward pass allocates.
//
// To exchange numbers with gonum: [FromGeneral] and [Tensor.General] share memory with its float32 matrices.
// [FromMatrix] and [Tensor.Dense] copy from and to its float64 matrices, such as *mat.Dense. [Tensor.Matrix]
// is a read-only view.
package tensor
