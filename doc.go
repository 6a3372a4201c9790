// Package transformer is a guided tour; the code is in the packages below. They are a library of transformer
// building blocks in pure Go. Each piece can be imported, read and measured alone. Together they form the
// decoders, encoders and encoder–decoders that people run, with the numbers of the reference implementation
// (Hugging Face transformers) and the speed of the machine.
//
// # From text to text
//
//	text ─ tokenizer ─→ ids ─ embedding ─→ x [T, Dim] ─ N × block ─→ x ─ norm, head ─→ logits [V] ─ sample ─→ id
//
// A [tokenizer.Tokenizer] cuts text into tokens and numbers them. An embedding turns each id into a row of
// Dim numbers: the residual stream. Each [block.Block] adds to the stream: first attention, which gathers
// from other tokens, then a feed-forward network, which looks at each token alone. The last row is normalised
// and compared with every entry of the vocabulary; the results are the logits. A [sample.Sampler] picks the
// next id from them, and the id is fed back.
//
// [model.OpenDecoder] does all of this for a checkpoint folder as Hugging Face publishes it:
//
//	d, err := model.OpenDecoder(os.DirFS("SmolLM2-135M-Instruct"), model.Options{})
//	s := d.NewSession(model.SessionOptions{})
//	for piece, err := range s.GenerateText(ctx, "The capital of France is", sample.Greedy(), model.GenerateOptions{}) {
//		fmt.Print(piece)
//	}
//
// An encoder reads a whole text at once, in both directions, and returns hidden states or the scores of a
// task. An encoder–decoder has one of each. Its decoder blocks have a third residual,
// [attention.CrossAttention], which attends to the encoder's output, a [model.Encoded]. Sessions work in the
// same way for both kinds of decoder: [model.Session.Generate] is greedy or samples,
// [model.Session.BeamSearch] searches with beams.
//
// # The packages, bottom up
//
//   - [tensor]: dense float32 activations, weights in the type they are stored in, their product.
//   - [checkpoint]: sources of named weights: files, memory, formulas, random numbers. [safetensors], [gguf] and
//     [torch] are file formats; programs can add others.
//   - [nn]: linear layers, norms, activations, embeddings, and the loader that reads them from a checkpoint.
//   - [attention]: scaled dot-product attention with masks, biases and grouped heads; rotary positions;
//     caches; multi-head attention; cross-attention. Start at [attention.ScaledDotProduct].
//   - [block]: feed-forward networks, and residuals with norms where an architecture has them.
//   - [moe]: mixtures of experts, which stand where a feed-forward network does: routers, the layer, what they choose.
//   - [arch]: decoders, encoders and encoder–decoders built from these, without files or text.
//   - [hf] and [family]: the weights and the config.json of a folder, and a recipe for each family of models.
//   - [llamacpp]: what a GGUF file of llama.cpp holds, as Hugging Face has it. [quantize]: which matrices are kept in
//     how many bits.
//   - [model]: opens checkpoints; sessions, batches, generation. [modeltest] has tests for families that you
//     add.
//   - [cost]: what a model costs, from its config alone: parameters, operations, memory, time.
//   - [task]: one call for each use: texts or pictures in, answers out. [retrieval] compares embeddings and finds the
//     nearest.
//   - [sample] and [tokenizer] stand alone: logits to id, text to ids and back. [beam], below sample, is beam
//     search.
//
// A package imports only packages above it in this list; model and the packages below it also import sample
// and tokenizer.
//
// # Letters in shapes
//
// T tokens, S keys, H heads, Hkv key/value heads, D width of a head, Dim width of the stream, V vocabulary.
// Rows are tokens: activations are [T, Dim], heads are [T, H, D] views of the same memory, weights are
// [Out, In].
//
// # Promises
//
// Every family is compared with transformers in float32, layer by layer, and so is each config option that
// changes the arithmetic. An option that is not supported gives an error that names it when a model is
// opened.
//
// A token has the same numbers, bit for bit, however its text is split into calls, whatever else is in the
// batch, and on any number of processors. Instruction sets differ by rounding.
//
// Matrices of few bits, as GGUF files have them, are multiplied by activations in 8 bits unless [nn.Exact] is asked for;
// the method Arithmetic of a model tells what it does.
//
// Computing does not change a model, and any number of goroutines may use it. A [model.Session] is one text,
// for one goroutine at a time. Generating a token allocates nothing.
//
// Wrong files, configs, ids and texts give errors that name what is wrong. Wrong shapes are mistakes of the
// programmer: they panic, with both shapes in the message.
//
// # Processors
//
// Kernels are Go assembly for AVX-512 and AVX2, and plain Go elsewhere or with the build tag purego. The
// environment variable TRANSFORMER_SIMD restricts a process to the named instruction sets and those that they
// build on: generic (none), avx2, avxvnni, avx512, avx512vnni, avx512bf16, or several joined by +.
package transformer

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/family"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/model/modeltest"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/sample/beam"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/torch"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Links in the documentation above need imports under their own names, and imports need a use.
var (
	_ attention.Op
	_ block.Block
	_ cost.Model
	_ model.Options
	_ arch.Sequence
	_ family.Recipe
	_ hf.Generation
	_ = llamacpp.Open
	_ = modeltest.TestOp
	_ = quantize.Q4_K_M
	_ task.Pair
	_ moe.Router
	_ retrieval.Hit
	_ sample.Config
	_ beam.Options
	_ tensor.Tensor
	_ checkpoint.Source
	_ = gguf.Open
	_ = safetensors.Open
	_ = torch.Open
	_ nn.Linear
	_ *tokenizer.Tokenizer
)
