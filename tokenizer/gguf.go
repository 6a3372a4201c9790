package tokenizer

import "github.com/seed2010d43f/transformer/tokenizer/internal/gguf"

// GGUFMetadata are the values of a GGUF file by key, such as "tokenizer.ggml.tokens". The methods that return an error do so,
// and name the key, if there is no such value or if it is of another type. The metadata of package tensor/checkpoint/gguf
// are such values.
type GGUFMetadata interface {
	Has(key string) bool                  // whether there is a value
	Bool(key string) (bool, error)        // a truth value
	Int(key string) (int64, error)        // an integer of any size
	String(key string) (string, error)    // a text
	Ints(key string) ([]int64, error)     // integers of any size
	Floats(key string) ([]float64, error) // floating-point numbers of any size
	Strings(key string) ([]string, error) // texts, which are only read
}

// GGUFOptions say how metadata are read where they leave it open. The zero value takes the file as it is.
type GGUFOptions struct {
	// Pre is the name of a pre-tokenizer in llama.cpp, such as "qwen2". It takes the place of tokenizer.ggml.pre. A file of
	// GPT-2's kind that has none, or one that is not known, needs it.
	Pre string
}

// OpenGGUF returns the tokenizer that the metadata of a GGUF file describe. tokenizer.ggml.model names its kind:
//
//   - llama: SentencePiece's byte pairs. Scores order the merges; a list of merges takes their place.
//   - gpt2: byte pairs of bytes. tokenizer.ggml.pre names how texts are split.
//   - bert: WordPiece.
//   - t5: Unigram, as T5 and XLM-RoBERTa have it.
//   - gemma4: byte pairs of characters, with a list of merges.
//
// Ids are those of the Hugging Face tokenizer that the file was converted from, as far as the metadata keep it. They do not
// keep the normalizer, the decoder, and the flags of added tokens; each kind, and each name of a pre-tokenizer, stands for
// those of the model that it is from. A tokenizer.huggingface.json is used if its tokens have the ids of tokenizer.ggml.tokens.
// CLASSES.md says in full what is lost, and where llama.cpp gives other ids.
//
// An error names the key, and what is wrong with its value.
func OpenGGUF(m GGUFMetadata, o GGUFOptions) (*Tokenizer, error) {
	return finish(gguf.Open(m, gguf.Options(o)))
}
