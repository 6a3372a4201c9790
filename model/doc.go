// Package model opens whole models and runs them.
//
// A [Decoder] continues texts: GPT-2, LLaMA, Mistral, Qwen, Gemma, Phi-3 and others. An [Encoder] reads
// texts: BERT and its relatives, with their heads. An [EncoderDecoder] reads one text and writes another: T5,
// BART, mBART, Marian, Pegasus, M2M-100 and NLLB. All are built on [arch.Trunk]. [ImageEncoder], [ImageText] and
// [ImageToText] see pictures.
//
// [OpenDecoder], [OpenEncoder], [OpenEncoderDecoder] and their like for pictures open a folder as Hugging Face publishes it.
// [NewDecoder], [NewEncoder] and [NewEncoderDecoder] take weights from any source. A program may also fill
// the fields of a model itself.
//
// # Generating
//
// A [Session] is one text: the tokens so far, with their keys and values cached. [Session.Append] appends
// tokens and computes the logits after the last one. [Session.Generate] and [Session.GenerateText] continue
// the text, [Session.BeamSearch] searches for the best continuations. [Session.Rewind] goes back;
// [Session.Fork] continues one text in two ways. Checkpoints come with generation settings, [hf.Generation]:
// lengths, end tokens, logits processors, beams.
//
// With an encoder–decoder, [EncoderDecoder.Encode] reads a source and [EncoderDecoder.NewSession] returns a
// session for its target. Any number of sessions may share a source. With an image-to-text model these are
// [ImageToText.Look] and [ImageToText.NewSession]; [ImageToText.LookedAt] tells where it looked for each token.
//
// The logits of a text have the same bits however its tokens are split into calls, whatever else is in a
// batch, and on any number of processors. The one exception is dynamic NTK, as in transformers: see
// [attention.NewRoPE].
//
// # Many texts at once
//
// Sessions may run at the same time over the same weights, each in its own goroutine. They do not share
// processors evenly. The process has one pool of GOMAXPROCS workers, the caller included, and it serves one
// step at a time: a matrix product, an attention, a norm of many rows. A step that finds the pool busy runs
// on its own goroutine alone. So of two sessions one runs on all processors and the other on one, and from
// step to step they change places at random. Results are the same, but times vary. Each session also reads
// all weights by itself, which is most of the time of a token.
//
// A server does better with one queue: one goroutine owns the model and advances all texts together.
// [Decoder.AppendBatch] takes the next token of each session and the prompts of new ones, and reads the
// weights once for all. [Decoder.GenerateBatch] and [Decoder.BeamSearchBatch] do this for a fixed set of
// texts.
//
// To give each task its own processors, run several processes with a smaller GOMAXPROCS each. With
// GOMAXPROCS=1 the sessions of a process take turns on one processor.
//
// # Reading
//
// An Encoder takes any number of [arch.Sequence] values of different lengths, packed without padding.
// [Encoder.Hidden] returns hidden states, [Encoder.TokenScores] and [Encoder.SequenceScores] return what the
// head computes from them. Package task does this with text.
//
// # Pictures
//
// A picture is a tensor, [3, height, width]. The Processor of a model makes it of a picture that package vision has read, and
// [Picture] gives it the shape. The pictures of a call may have different sizes if the model's positions allow it.
//
// There are three kinds of models. An [ImageEncoder] is one tower: ViT, DeiT, DINOv2, or that of a CLIP alone. It gives
// hidden states of patches, and one row for a picture: a vector, or the scores of a classifier. An [ImageText] has two
// towers, which put pictures and texts into one space: CLIP, OpenCLIP, SigLIP. [ImageText.ImageFeatures] and
// [ImageText.TextFeatures] are vectors, and the Logits of them say what belongs together. [Encoder.HiddenSkip] of its
// [ImageText.TextEncoder] gives what diffusion models read. An [ImageToText] writes about pictures, or says how well texts
// fit them: BLIP, BLIP-2, InstructBLIP. [ImageToText.Look] reads pictures once, for any number of texts.
//
// Package task has what programs want most: labels for pictures, search, captions, answers.
//
// # Looking inside
//
// An observer in [SessionOptions], or in an [attention.Pass], is called at each point of a forward pass: the
// embedding, the stream after each residual, attention weights, logits. It returns a function for the tensors
// it wants to see. Nothing is computed for the others.
//
// # Arithmetic
//
// Matrices are kept as they are stored. Those of block types, of 8 bits or fewer as in GGUF files, are multiplied fast:
// activations are rounded to 8 bits, in blocks of 32, and products within a block are exact integers. All others are
// multiplied by float32 activations, and so are blocks with nn.Exact in [Options]: the numbers are then the
// reference's for the values of the file. The method Arithmetic of a model tells which types it has and what is done.
// In both, no bit depends on how a text was split, on a batch or on the number of processors. One kind of matrix
// has float32 activations whatever its type is: those of single heads in latent attention, such as k_b and v_b of DeepSeek in
// GGUF files.
//
// # Memory
//
// A model takes the size of its weights, in the types in which they are kept. A session takes
// [Session.CacheBytes], 4 bytes for each token, and 8 bytes for each entry of the vocabulary.
//
// A call computes up to 512 rows at a time in a decoder. In an encoder it computes up to 1024 rows of several
// texts, or one longer text. Each row takes up to 12 bytes for each output of a layer's products (queries,
// keys, values, gates and so on) and 32 bytes for each value of the residual stream. Attention may take the
// size of one layer's keys and values of one text, in float32. Logits take 4 bytes for each entry of the
// vocabulary, for each token whose logits are computed.
//
// Later calls reuse this memory. If two garbage collections in a row find it unused, all but about 10 MB of
// it is freed. An idle process keeps its models and sessions only.
//
// # Experts that stay in the files
//
// A mixture of experts may be larger than memory, since each token uses few of its experts. With [Options.Experts]
// they are not packed: each product reads them from the mapped safetensors files, and the system keeps in its cache
// those that were used last. Everything else is in memory as always.
//
//	d, err := model.OpenDecoder(os.DirFS(dir), model.Options{Experts: nn.Mapped})
//	...
//	defer d.Close()
//
// Answers have the same bits. A token takes up to twice as long as with packed experts if those that it needs are in the
// system's cache; otherwise it waits for the disk. Pages of the files count as resident memory of the process, but
// the system takes them back when it needs the room.
//
// While the model is open, do not change its files: rename new ones over them. A file that becomes shorter or is written to is
// an error of the call that meets it, which names the file, and the session cannot go on. After Close, calls that compute
// return an error that matches checkpoint.ErrClosed.
//
// # Adapters
//
// [Options.Adapters] are folders of LoRA adapters, which are merged into the weights while these are read: see package lora.
// An adapter that brings the head of a classifier makes the base a classifier.
//
// # Folders that you do not trust
//
// Opening a folder runs nothing in it. It gives a model, or an error that names the file and what is wrong
// there. It takes at most 100 bytes of memory for each byte of the files that are read, and 64 MB besides,
// whatever the files say; a published model takes about the size of its weights. Only regular files are read,
// no pipes or devices. A configuration may have 16 MB, a vocabulary 128 MB, an index 64 MB. Weights have no
// limit: check the size of the file first. The size counts even if the file has holes that take no room on
// the disk.
//
// A folder may hold links. [os.DirFS] follows them anywhere; an [os.Root] only within its folder:
//
//	cache, err := os.OpenRoot("/home/me/.cache/huggingface/hub/models--org--name")
//	...
//	folder, err := fs.Sub(cache.FS(), "snapshots/0a1b2c")
//	...
//	d, err := model.OpenDecoder(folder, model.Options{})
//
// In this cache the files of a snapshot are links to ../../blobs, so the root must be the folder that holds
// both.
//
// # Adding a family
//
// A family is a recipe: its config keys, the names and shapes of its weights, and how its layers are
// connected. The guide of package family says how to write one. A program may use its own recipe with
// [Options].Families.
//
// Tests compare each family with transformers on small checkpoints with computed weights. The golden files
// are in testdata/golden, made by golden.py there. A family is done when each option that changes its
// arithmetic has a golden file.
package model
