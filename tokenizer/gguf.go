package tokenizer

import "github.com/seed2010d43f/transformer/tokenizer/internal/gguf"

// GGUFMetadata are the values of a GGUF file by key, such as "tokenizer.ggml.tokens". Has reports whether there is a value.
// The other methods return an error that names the key if there is none, or if it is of another type. Integers of any size
// are an Int if they fit.
type GGUFMetadata interface {
	Has(key string) bool
	Bool(key string) (bool, error)
	Int(key string) (int64, error)
	String(key string) (string, error)
	Ints(key string) ([]int64, error)
	Floats(key string) ([]float64, error)
	Strings(key string) ([]string, error)
}

// GGUFOptions say how metadata are read where they leave it open.
type GGUFOptions struct {
	// Pre is the name of a pre-tokenizer, such as "qwen2", in place of tokenizer.ggml.pre. A file of GPT-2's kind that names
	// none, or one that is not known, needs it.
	Pre string
}

// OpenGGUF makes the tokenizer that the metadata of a GGUF file describe.
func OpenGGUF(m GGUFMetadata, o GGUFOptions) (*Tokenizer, error) {
	return finish(gguf.Open(m, gguf.Options(o)))
}
