// Package task puts models to use: texts and pictures in, answers out.
//
//	f, err := task.OpenFillMask(os.DirFS("models/bert-base-uncased"), model.Options{})
//	masks, err := f.Fill("The [MASK] sat on the mat.", 5)
//
// There is a type for each task: [FillMask], [Classifier], [ZeroShot], [Reranker], [LMReranker], [Tagger], [Answerer],
// [NextSentence], [MultipleChoice], [Embedder], and [M3] for BGE-M3. [TextToText] translates, summarises and answers
// with an encoder–decoder. [MeasurePerplexity] says how well a decoder foretells a text. Open functions take a folder as Hugging Face or sentence-transformers publish it; New functions
// take an open model.
//
// The type and the stored tensors decide which head is opened: a [Classifier] takes the classifier of a checkpoint,
// whatever class its config.json names, and an [Embedder] takes none. A head that is not stored is an error that names
// those that are. Encoders and decoders classify and make embeddings; encoder–decoders such as BART classify.
//
// On pictures, [ImageEmbedder] makes vectors of pictures and of texts in one space, as CLIP does. On it stand
// [ZeroShotImages], which gives a picture labels that are chosen at the call, and [ImageIndex], which finds the pictures of
// a folder by a text or by another picture, and is kept in a file. A [Captioner] writes captions and answers; an
// [ImageMatcher] says how well texts fit a picture. The pictures are those of package vision.
//
//	z, err := task.OpenZeroShotImages(os.DirFS("models/clip-vit-base-patch32"), model.Options{})
//	labels, err := z.Classify(picture, "cat", "dog", "car") // [{cat 0 0.92} …]
//
// Each step can be used alone. A [Preprocessor] turns texts into sequences, [model.Encoder] computes scores,
// and [Aggregate], [Pooling] and others turn scores into answers. Package retrieval compares embeddings and
// finds the nearest of many.
//
// # Many texts
//
// A method that takes several texts tokenizes them in several goroutines, computes texts of similar length
// together without padding, and returns results in the order of the texts. The result for a text does not
// depend on the others. All types may be used from several goroutines once their fields are set.
// Preprocessor.Progress reports how far a call is.
//
// # 8 bits
//
// With model.Options{Convert: quantize.W8A8} (package quantize) any of these computes with weights and activations of
// 8 bits, which takes about a third of the time of float32, and a quarter of the memory. Results move a little: embeddings
// of all-MiniLM-L6-v2 by 2.9e-3, root mean square of the elements; by 1.6e-3 with quantize.Encoder8, which is slower.
//
// # Long texts and odd texts
//
// A model reads a limited number of tokens, Preprocessor.MaxTokens. Opening a checkpoint sets it to the
// number of positions of the model, or to model_max_length of tokenizer_config.json if that is less; for
// embedders to their max_seq_length.
//
// A longer text is cut at the end. Of a pair, the longer text is cut, token by token, until both fit. With
// Preprocessor.Strict, which TextToText sets, a text that is too long gives an error that wraps [ErrTooLong].
// An Answerer, and a Tagger with a Stride, read the whole text in overlapping windows.
//
// An empty text consists of the special tokens alone and gets a result like any other, except as question or
// context of an Answerer. Invalid UTF-8 is read as U+FFFD. Special tokens spelled out in a text, such as
// "[SEP]", count as such, as in transformers.
//
// # Reference
//
// Results are those of the pipelines of Hugging Face transformers 5.24 and of sentence-transformers 6.2, in
// float32. Question answering follows transformers 4.57, the last version that has it. Offsets count bytes,
// not characters.
package task
