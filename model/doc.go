// Package model assembles whole models from the blocks below it, and runs them.
//
// A [Decoder] continues texts: GPT-2, LLaMA, Mistral, Qwen, Gemma, Phi-3. An [Encoder] reads them: BERT and
// its relatives, with the heads they are published with. An [EncoderDecoder] has one of each, and writes a
// text for the one that it reads: T5, BART, mBART, Marian, Pegasus, M2M-100 and NLLB. All share one trunk,
// [Stack]. [OpenDecoder], [OpenEncoder] and [OpenEncoderDecoder] make them from a folder as Hugging Face
// publishes it; [NewDecoder], [NewEncoder] and [NewEncoderDecoder] take weights from anywhere, random ones
// too, and the fields are there for programs that assemble their own.
//
// # Generating
//
// A [Session] is one text: the tokens so far, with their keys and values cached. [Session.Append] appends
// tokens and computes the logits after the last, [Session.Generate] and [Session.GenerateText] go on from
// there. [Session.Rewind] goes back; [Session.Fork] branches, and shares what was read. Many sessions run
// at the same time over the same weights, each in a goroutine of its own, or together in one pass with
// [Decoder.AppendBatch], [Decoder.GenerateBatch] and [Decoder.BeamSearchBatch].
//
// [Session.BeamSearch] is beam search, for every decoder: its running texts are forks of the session. The
// session of an encoder–decoder, [EncoderDecoder.NewSession], attends to a [Source] that
// [EncoderDecoder.Encode] has read; it is a session like any other, and any number may share the source.
// What a checkpoint says of generating is its [hf.Generation]: lengths, end tokens, logits processors, beams.
//
// What a text's logits are does not depend, to the bit, on how it is fed, on what else is in a batch, or
// on the number of processors. (One exception is part of what the reference does: see
// [attention.NewRoPE] on dynamic NTK.)
//
// # Reading
//
// An Encoder takes any number of [Sequence] values of different lengths, packed without padding, and gives
// [Encoder.Hidden] states, or what its head makes of each token or each sequence. Package task, below this
// one, does this with text.
//
// # Looking inside
//
// A function in [SessionOptions], or in an [attention.Pass], is asked at each point of a forward pass
// whether it wants to see it: the embedding, the stream after every residual, attention weights, the
// logits. Nothing is computed for points that nobody wants to see.
//
// # Folders from strangers
//
// A folder may hold anything. Opening it runs nothing in it, and gives a model, or an error that names the file
// and what is wrong there. Opening takes at most 100 bytes of memory for each byte of the files that it reads,
// and 64 MB besides, whatever the files say. A published model takes about the size of its weights. Only
// regular files are read, no pipes and devices, and those beside the weights have limits: 16 MB for a
// configuration, 128 MB for a vocabulary, 64 MB for an index. Weights have none: look at the size of the
// file first. It counts even where the file has holes and takes no room on the disk.
//
// A folder may also hold links. [os.DirFS] follows them wherever they lead; an [os.Root] does not let them out:
//
//	cache, err := os.OpenRoot("/home/me/.cache/huggingface/hub/models--org--name")
//	...
//	folder, err := fs.Sub(cache.FS(), "snapshots/0a1b2c")
//	...
//	d, err := model.OpenDecoder(folder, model.Options{})
//
// In this cache the files of a snapshot are links to ../../blobs, so the root is the folder that holds both.
//
// # Adding a family
//
// A family is one file: the keys of its config with their defaults, the names and shapes of its weights,
// its wiring, top to bottom. A relative is a diff on it: qwen.go and gemma.go on llama.go, electra.go on
// bert.go, the functions at the end of t5.go and bart.go on what is above them. families.go lists which function serves which model_type. Golden files in testdata/golden hold what
// the reference computes on small checkpoints whose weights are a formula; golden.py in that folder makes
// them. A family is done when each option that changes its arithmetic has one.
package model
