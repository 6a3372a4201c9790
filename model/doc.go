// Package model assembles whole models from the blocks below it, and runs them.
//
// A [Decoder] continues texts: GPT-2, LLaMA, Mistral, Qwen, Gemma, Phi-3. An [Encoder] reads them: BERT and
// its relatives, with the heads they are published with. An [EncoderDecoder] has one of each, and writes a
// text for the one that it reads: T5, BART, mBART, Marian, Pegasus, M2M-100 and NLLB. All share one trunk,
// [arch.Trunk]. [OpenDecoder], [OpenEncoder] and [OpenEncoderDecoder] make them from a folder as Hugging Face
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
// session of an encoder–decoder, [EncoderDecoder.NewSession], attends to an [Encoded] source that
// [EncoderDecoder.Encode] has read; it is a session like any other, and any number may share the source.
// What a checkpoint says of generating is its [hf.Generation]: lengths, end tokens, logits processors, beams.
//
// What a text's logits are does not depend, to the bit, on how it is fed, on what else is in a batch, or
// on the number of processors. (One exception is part of what the reference does: see
// [attention.NewRoPE] on dynamic NTK.)
//
// # Many texts at once
//
// Sessions in goroutines of their own do not disturb each other, and do not share the processors evenly either.
// The process has one pool of workers, as many as GOMAXPROCS, the caller included. It serves one step at a time: a
// matrix product, an attention, a norm of many rows. A step that finds the pool busy does not wait. It runs on its
// own goroutine alone. Two sessions at once are therefore one on all processors and one on a single processor, and
// they change places from step to step, by chance. The bits of the results are the same; the time of each is hard
// to tell. And each session reads all weights for itself, which is most of the time of a token.
//
// A server does better with one queue. One goroutine owns the model. It takes the texts that wait, and advances all of
// them together: [Decoder.AppendBatch] with the next token of each session, and with the prompts of new ones. The
// weights are then read once for all texts, on all processors. [Decoder.GenerateBatch] is this loop for a fixed set of
// texts. To give each of several tasks its own processors instead, run several processes, each with a smaller
// GOMAXPROCS. With GOMAXPROCS=1 every session runs on one processor, and the sessions of one process take turns.
//
// # Reading
//
// An Encoder takes any number of [arch.Sequence] values of different lengths, packed without padding, and gives
// [Encoder.Hidden] states, or what its head makes of each token or each sequence. Package task, below this
// one, does this with text.
//
// # Looking inside
//
// A function in [SessionOptions], or in an [attention.Pass], is asked at each point of a forward pass
// whether it wants to see it: the embedding, the stream after every residual, attention weights, the
// logits. Nothing is computed for points that nobody wants to see.
//
// # Memory
//
// A model takes the size of its weights, in the types in which they are kept. A session takes the bytes that
// [Session.CacheBytes] says, four for each token, and eight for each entry of the vocabulary.
//
// A call takes memory for the rows that it computes together, however long the text is: up to 512 tokens of a
// decoder, and of an encoder up to 1024 tokens of several texts, or one longer text. For each of these rows it takes
// up to 12 bytes for each output of the layer's products (queries, keys, values, gates and so on), and 32 for each value of
// the residual stream. Attention may take as much again as the layer's keys and values of one text, in float32.
// Logits take 4 bytes for each entry of the vocabulary and token that they are asked for.
//
// Calls leave this memory to those that follow. What two garbage collections in a row have found unused goes, all but
// about 10 MB: a process that is idle keeps its models and sessions, and no more.
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
// A family is a recipe of package family: the keys of its config, the names and shapes of its weights, its wiring.
// A program may bring its own, in [Options]; the guide of that package says how. Golden files in testdata/golden
// hold what the reference computes on small checkpoints whose weights are a formula; golden.py in that folder makes
// them. A family is done when each option that changes its arithmetic has one.
package model
