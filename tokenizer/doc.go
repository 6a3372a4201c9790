// Package tokenizer turns text into the token ids of a language model and back, with the ids that the model was trained
// on: those of GPT-2, RoBERTa, LLaMA 1 to 3, Mistral, Qwen 2 and 3, Gemma 1 to 3, Phi-3, SmolLM2, Falcon, Whisper, CLIP,
// BERT, T5, BART, mBART, NLLB, M2M-100, Marian, Pegasus and whatever else comes as one of four kinds of file.
//
//	t, err := tokenizer.Open(os.DirFS("models/smollm2"))
//	ids, err := t.Encode("The cat sat on")
//	text, err := t.Decode(ids, true)
//
// [Open] reads a model folder. [ParseJSON], [ParseSentencePiece], [ParseVocabMerges] and [ParseVocabText] read one
// vocabulary from memory, as for go:embed.
//
// # The pipeline
//
// A text goes through five stages, each of which a file may leave out:
//
//  1. Added tokens, such as <|im_end|>, are found in the text and stand for themselves. What lies between them goes on.
//  2. The normalizer rewrites it: Unicode forms, lower case, spaces as ▁, SentencePiece's precompiled maps.
//  3. The pre-tokenizer splits it into words.
//  4. The model turns each word into tokens: byte-pair encoding, WordPiece, Unigram or one token a word.
//  5. The post-processor puts tokens around the text, or around each of two.
//
// Decoding undoes this with a decoder of its own. [Tokenizer.Decode] takes all ids at once; a [Stream] takes them one by
// one, as a model generates them, and gives out whole characters only.
//
// # Translation
//
// Tokenizers of models that translate know languages: [Tokenizer.Languages] lists their codes, [Tokenizer.WithSource]
// takes that of the texts to translate, and [Tokenizer.Language] gives the token that tells the model what to write.
// [Tokenizer.Target] encodes what the model is to write, for training; decoding reads that with any of them.
//
// # Text from others
//
// The zero [Options] encode what a text says and nothing more: a special token spelled out in it is ordinary text. A
// prompt put together from text of others should be encoded that way, piece by piece, with the special tokens added by
// their ids ([Tokenizer.TokenID], [Tokenizer.Special]).
//
// Vocabulary files may come from anywhere too. A file that is malformed, or asks for what this package does not do, is
// refused by an error that names the part. What a file may make of a text is bounded, far beyond what is published:
//
//   - The normalizer and the pre-tokenizer may make 32 bytes of each byte of a text, and 64 KiB more; the model as many
//     tokens.
//   - A decoder may make 64 bytes of each byte of its tokens, and of each token.
//   - The regular expressions of one call may take 16 million steps, and 256 more for each byte that they search. What
//     takes too long on one machine does so on all.
//   - A text passes through at most 256 stages of a kind.
//
// More than that is an error, and never a panic or a lack of memory.
//
// # Speed and memory
//
// Words that are one token are looked up whole; others are merged once and kept in a cache of 896 KiB, of which each
// call running at the same time has its own and hands it on to a later one. The splits of GPT-2, LLaMA 3, Qwen and CLIP
// are hand-written; other patterns go through a regular-expression engine, which is slower. A word of n bytes takes
// O(n log n).
//
// # Reference
//
// The reference is Hugging Face tokenizers 0.23 as transformers 5.24 sets it up. Ids and decoded text are the same.
// Offsets count bytes, not characters, and where the normalizer joins or removes characters a token's offsets cover all
// that it stands for, of which the reference gives a part.
//
// In two places ids differ. NLLB from a SentencePiece model alone has its languages, which the reference leaves out. And
// without ParseSpecial Marian's >>fra<< is text, as are special tokens that a Unigram vocabulary has among its own, such
// as T5's </s>.
package tokenizer
