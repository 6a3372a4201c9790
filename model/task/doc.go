// Package task is what models are used for: text in, answers out.
//
//	f, err := task.OpenFillMask(os.DirFS("models/bert-base-uncased"), model.Options{})
//	masks, err := f.Fill("The [MASK] sat on the mat.", 5)
//
// There is a type for each task: [FillMask], [Classifier], [ZeroShot], [Reranker], [LMReranker], [Tagger], [Answerer],
// [NextSentence], [MultipleChoice], [Embedder] and, for BGE-M3, [M3]; [TextToText] translates,
// summarises and answers with an encoder–decoder. Open functions take a folder as
// Hugging Face or sentence-transformers publish it, New functions a model that is open.
//
// The type and the tensors that are stored decide which head is opened: a [Classifier] takes the classifier of a
// checkpoint, whatever class its config.json names, and an [Embedder] takes none. A head that is not stored is refused,
// and the error says which there are. Encoders and decoders classify and make embeddings, encoder–decoders such as BART
// classify. The pieces are there to be used alone: a [Preprocessor] makes sequences
// of texts, the methods and heads of [model.Encoder] make scores of them, and [Aggregate], [Pooling] and
// others make answers of those. Package retrieval compares embeddings, and finds the nearest of many.
//
// # Many texts
//
// Every method that takes several texts tokenizes them in several goroutines, computes those of like
// length together, without padding, and returns results in the order of the texts. What a text gets does
// not depend on the others. All types may be used from several goroutines once their fields are set;
// [Preprocessor.Progress] is told how far a call is.
//
// # Long texts, and odd ones
//
// A model reads a limited number of tokens: [Preprocessor.MaxTokens], which opening sets to what the model has
// positions for, or to model_max_length of tokenizer_config.json if that is less, or for embedders to
// their max_seq_length. A longer text is cut there, and of a pair the longer text is, token by token,
// until both fit, or at the beginning with [Preprocessor.CutLeft]; with [Preprocessor.Strict], which TextToText sets, it is an error that wraps [ErrTooLong]. A [Tagger] with a Stride
// and an [Answerer] read the whole text in windows that overlap.
//
// Empty text is the special tokens alone, and gets an answer like any other, except as question or
// context of an Answerer. Bytes that are no UTF-8 are read as U+FFFD. Special tokens spelled out in a text,
// "[SEP]" for instance, stand for themselves, as in the reference.
//
// # Reference
//
// The pipelines of Hugging Face transformers 5.24, that for question answering of 4.57, which was the
// last to have it, and sentence-transformers 6.2, all in float32. Offsets count bytes, not characters.
package task
