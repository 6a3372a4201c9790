// Package transformer is a guided tour; the code is in the packages below. Together they make a library
// of transformer building blocks in pure Go: small pieces that one can import, read and time alone, and
// that assemble into the decoders, encoders and encoder–decoders people run, with the numbers of the
// reference implementation and the speed of the machine.
//
// # From text to text
//
//	text ─ tokenizer ─→ ids ─ embedding ─→ x [T, Dim] ─ N × block ─→ x ─ norm, head ─→ logits [V] ─ sample ─→ id
//
// A [tokenizer.Tokenizer] cuts text into pieces and numbers them. An embedding turns each id into a row
// of Dim numbers, the residual stream. Each [block.Block] adds to the stream, first what attention
// gathers from other tokens, then what a feed-forward network makes of the token itself. The last row,
// normalised, is compared with every entry of the vocabulary: the logits. A [sample.Sampler] picks the
// next id, which is fed back.
//
// [model.OpenDecoder] does all of this for a checkpoint folder as Hugging Face publishes them:
//
//	d, err := model.OpenDecoder(os.DirFS("SmolLM2-135M-Instruct"), model.Options{})
//	s := d.NewSession(model.SessionOptions{})
//	for piece, err := range s.GenerateText(ctx, "The capital of France is", sample.Greedy(), model.GenerateOptions{}) {
//		fmt.Print(piece)
//	}
//
// An encoder reads a whole text at once, in both directions, and ends with hidden states or the scores of a
// task. An encoder–decoder is both: the decoder's blocks have a third residual, [attention.CrossAttention], which
// attends to what the encoder made of the source, a [model.Encoded]. Sessions are the same for both kinds of
// decoder, and generate greedily, by drawing, or with beams: [model.Session.Generate], [model.Session.BeamSearch].
//
// # The packages, bottom up
//
//   - [tensor]: dense float32 activations, weights in the type they are stored in, their product.
//   - [checkpoint]: where named weights come from: files, memory, formulas, random numbers. [safetensors] and [torch] are
//     file formats; programs can add others.
//   - [nn]: linear layers, norms, activations, embeddings, and the loader that binds weights to them.
//   - [attention]: scaled dot-product attention with masks, biases and grouped heads; rotary positions;
//     caches; the multi-head layer; cross-attention. Start at [attention.ScaledDotProduct].
//   - [block]: feed-forward networks, residuals with norms wherever an architecture has them.
//   - [arch]: decoders, encoders and encoder–decoders put together of these, without files or text.
//   - [hf] and [family]: a folder's weights, config.json read into typed structs, and a recipe for each family of models.
//   - [model]: opens checkpoints; sessions, batches, generation. [modeltest] has tests for families from outside.
//   - [task]: one call for each use: text in, answers out. [retrieval] compares and finds embeddings.
//   - [sample] and [tokenizer] stand alone: logits to id, text to ids and back. [beam], below sample, is beam search.
//
// Imports point down this list only.
//
// # One alphabet for shapes
//
// T tokens, S keys, H heads, Hkv key/value heads, D values of a head, Dim width of the stream, V
// vocabulary. Rows are tokens: activations are [T, Dim], heads are [T, H, D] views of the same memory,
// weights are [Out, In].
//
// # Promises
//
// Every family is checked against transformers, in float32, layer by layer; so is each option of a config
// that changes the arithmetic. What is not supported is refused by name when a model is opened.
//
// A token's numbers are the same, bit for bit, however its text is split into calls, whatever else is in
// the batch, and on any number of processors. They differ by rounding between instruction sets.
//
// Models are read-only and serve any number of goroutines; a [model.Session] is one text and belongs to
// one goroutine at a time. Generating a token allocates nothing.
//
// Files, configs, ids and texts are input: what is wrong with them is told by an error that names the
// culprit. Shapes are the programmer's: they panic, with both shapes in the message.
//
// # Processors
//
// Kernels are Go assembly for AVX-512 and AVX2, and plain Go elsewhere or with the build tag purego. The
// environment variable TRANSFORMER_SIMD restricts a process to the instruction sets that it names, and those
// that they build on: generic (none), avx2, avxvnni, avx512, avx512vnni, avx512bf16, or several joined by +.
package transformer

import (
	_ "github.com/seed2010d43f/transformer/attention"
	_ "github.com/seed2010d43f/transformer/block"
	_ "github.com/seed2010d43f/transformer/model"
	_ "github.com/seed2010d43f/transformer/model/arch"
	_ "github.com/seed2010d43f/transformer/model/family"
	_ "github.com/seed2010d43f/transformer/model/hf"
	_ "github.com/seed2010d43f/transformer/model/modeltest"
	_ "github.com/seed2010d43f/transformer/model/task"
	_ "github.com/seed2010d43f/transformer/retrieval"
	_ "github.com/seed2010d43f/transformer/sample"
	_ "github.com/seed2010d43f/transformer/sample/beam"
	_ "github.com/seed2010d43f/transformer/tensor"
	_ "github.com/seed2010d43f/transformer/tensor/checkpoint"
	_ "github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	_ "github.com/seed2010d43f/transformer/tensor/checkpoint/torch"
	_ "github.com/seed2010d43f/transformer/tensor/nn"
	_ "github.com/seed2010d43f/transformer/tokenizer"
)
