// Package checkpoint is where named weights come from.
//
// A [Source] gives tensors by name: their type and shape at once, their bytes on request. There are
// these:
//
//   - Files, in packages of their formats: safetensors.Open, torch.Open, and OpenIndex of each for files that an index
//     names. OpenWeights of package model/hf finds the weights in a folder.
//   - [Memory] holds tensors that the program made.
//   - [Formula] computes each element from the tensor's name and its index, so that a test needs no
//     file and another language can compute the same weights.
//   - [Random] and [Zeros] make whatever they are asked for, at the speed of a copy: for benchmarks.
//   - [Rename] shows another Source under other names, [Join] several as one.
//
// safetensors.Write stores any of them.
//
// # Other formats
//
// A [Format] is a function that reads what a file says of its tensors: their names, types, shapes, and where each
// lies. [OpenFile] makes a Source of it; mapping, reading in pieces, strides and checks are the same for all formats.
// Weights that do not lie in a file as they are, compressed ones for instance, are a Source of their own.
// Package checkpointtest tests both.
//
// # Memory
//
// Files opened from [os.DirFS] are mapped where the system can: [Source.Bytes] is then a view of the
// page cache, and no copy of the weights is made. Pages that were touched count as resident until
// they are released, so a loader that packs weights into a layout of its own either calls
// [Source.Release] after each tensor, or reads with [Source.Chunks], which gives a large tensor in
// pieces and lets each go before the next. File systems without a mapping (an [embed.FS], for
// instance) are read tensor by tensor.
//
// # Trust
//
// Files are input. Nothing in them makes this package panic or hang. Every length is checked against the
// size of the file before it is used, so that opening takes memory in proportion: up to some 50 bytes for
// each byte of a header, an index or a pickle, and none for what a file only claims.
//
// What is wrong is told by an [*Error] with the file, the tensor and a [Kind] to test for with
// [errors.Is].
package checkpoint
