// Package tokenizer turns text into the token ids of a language model and back, with the ids that the model was
// trained on: those of GPT-2, RoBERTa, LLaMA 1 to 4, Mistral, Qwen 2 to 3.5, Gemma 1 to 4, Phi-3, GPT-NeoX, Cohere, Kimi
// K2, DeepSeek V3, BLOOM, Falcon, Whisper, CLIP, BERT, ALBERT, DeBERTa, MPNet, XLM-RoBERTa, CamemBERT, T5, BART, mBART,
// NLLB, M2M-100, Marian, Pegasus, and of every other model that comes with a tokenizer.json or one of six kinds of
// vocabulary.
//
//	t, err := tokenizer.Open(os.DirFS("models/smollm2"))
//	ids, err := t.Encode("The cat sat on")
//	text, err := t.Decode(ids, true)
//
// [Open] reads a model folder, and [OpenGGUF] the metadata of a GGUF file. [ParseJSON], [ParseSentencePiece],
// [ParseVocabMerges] and [ParseVocabText] read one vocabulary from memory, for instance with go:embed. The file CLASSES.md
// lists what each tokenizer class of Hugging Face does here, the files that it reads, and where this package decides for
// itself.
//
// # The pipeline
//
// A text goes through five stages. A file may leave out any of them.
//
//  1. Added tokens, such as <|im_end|>, are found in the text. The other stages get the text between them.
//  2. The normalizer rewrites the text: Unicode forms, lower case, spaces as ▁, SentencePiece's precompiled maps.
//  3. The pre-tokenizer splits it into words.
//  4. The model turns each word into tokens: byte-pair encoding, WordPiece, Unigram, or one token for each word.
//  5. The post-processor puts special tokens around one text, or around each of two.
//
// The decoder turns tokens back into text. [Tokenizer.Decode] takes all ids at once. A [Stream] takes them one by
// one, as a model generates them, and returns whole characters only.
//
// # Translation
//
// Tokenizers of translation models know languages. [Tokenizer.Languages] lists their codes. [Tokenizer.WithSource]
// sets the language of the source texts. [Tokenizer.Language] returns the token that tells the model which language
// to write. [Tokenizer.Target] returns the tokenizer of target texts, for training; decoding works with any of them.
//
// # Text that you do not trust
//
// With the zero [Options], a special token spelled out in a text is ordinary text. Encode text from others in this
// way, piece by piece, and add the special tokens by their ids ([Tokenizer.TokenID], [Tokenizer.Special]).
//
// Vocabulary files need not be trusted either. A malformed file, or one that needs something this package does not
// do, gives an error that names the part. The work that a file can cause is bounded, far above what published files
// need:
//
//   - The normalizer and the pre-tokenizer may make 32 bytes from each byte of a text, and 64 KiB more. The model may
//     make as many tokens.
//   - A decoder may make 64 bytes from each byte of its tokens, and 64 from each token.
//   - The regular expressions of one call may take 16 million steps, and 256 more for each byte that they search. A text
//     that is too slow is too slow on every machine.
//   - A text passes through at most 256 stages of each kind.
//
// Anything beyond gives an error, never a panic or a lack of memory.
//
// # Speed and memory
//
// Words that are one token are looked up whole. Other words are merged once and kept in a cache of 896 KiB. Calls
// that run at the same time have separate caches; later calls reuse them. The splits of GPT-2, LLaMA 3 and 4,
// Qwen, DeepSeek V3, Kimi K2, BLOOM, CLIP and Mistral's tekken are hand-written. Other patterns use a regular-expression
// engine, which is slower. A word of n bytes takes O(n log n).
//
// # Reference
//
// Ids and decoded text are those of Hugging Face tokenizers 0.23 as set up by transformers 5.24. Offsets count bytes,
// not characters. Where the normalizer joins or removes characters, a token's offsets cover all characters that it
// stands for; there Hugging Face gives only a part of them.
//
// Ids differ in few places, which CLASSES.md lists. NLLB from a SentencePiece model alone has its languages, which transformers leaves out.
// Without ParseSpecial, Marian's >>fra<< is text, and so are special tokens in a Unigram vocabulary, such as T5's
// </s>. A SentencePiece model without a class does what the SentencePiece library does, and a list of tokens in
// tiktoken's form what tiktoken does with the pattern that its family publishes.
package tokenizer
