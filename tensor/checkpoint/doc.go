// Package checkpoint reads named weights from files and other places.
//
// A [Source] gives tensors by name: types and shapes at once, bytes on request. These exist:
//
//   - Files, in packages of their formats: safetensors.Open, gguf.Open and torch.Open, and OpenIndex of
//     safetensors and torch for files listed in an index. OpenWeights of package model/hf finds the weights
//     in a folder.
//   - [Memory] holds tensors that the program made.
//   - [Formula] computes each element from the tensor's name and the element's index. A test then needs no
//     file, and other languages can compute the same weights.
//   - [Random] and [Zeros] make any tensor they are asked for, at the speed of a copy: for benchmarks.
//   - [Rename] shows another Source under other names; [Join] shows several as one.
//   - [FP8.Dequantize], [GPTQ.Dequantize], [AWQ.Dequantize], [Compressed.Dequantize] and [JoinMXFP4] show quantised
//     weights as the tensors that they stand for. They compute while they are read. A scale that is NaN or infinite is an
//     error then, [ErrScale]; a NaN that is a weight of FP8 stays one.
//
// safetensors.Write and gguf.Write write any of them to a file.
//
// # Other formats
//
// A [Format] is a function that reads the description of the tensors in a file: their names, types, shapes
// and places. [OpenFile] makes a Source from it. Mapping, reading in pieces, strides and checks are the same
// for all formats. If weights are not stored as they are, but compressed for instance, write a Source of your
// own. Package checkpointtest tests both.
//
// # Memory
//
// Files opened from [os.DirFS] are mapped into memory where the system can do that. [Source.Bytes] is then a
// view of the page cache, without a copy. Pages that were read stay resident until they are released. So a
// loader that packs weights into another layout either calls [Source.Release] after each tensor, or reads
// with [Source.Chunks], which gives a large tensor in pieces and releases each before the next. File systems
// without mapping, such as an [embed.FS], are read tensor by tensor.
//
// A tensor may also be multiplied where it lies, for as long as the Source is open: see [InPlace].
//
// # Trust
//
// Files need not be trusted. Nothing in them makes this package panic or hang. Every length is checked
// against the size of the file before it is used. Opening takes at most about 50 bytes of memory for each
// byte of a header, an index or a pickle, and none for what a file only claims.
//
// Errors are an [*Error] with the file, the tensor and a [Kind] for [errors.Is].
package checkpoint
