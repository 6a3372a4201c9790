package tokenizer

import (
	"io/fs"

	"github.com/seed2010d43f/transformer/tokenizer/internal/gguf"
)

// GGUFVocabulary is what a GGUF file says of a tokenizer: the values of tokenizer.ggml.* and the chat templates. Tokens, Scores
// and Types have an entry for each id. IDs are those of tokens that play a part, by what comes before _token_id in their
// key, such as "bos" and "padding". Flags are truth values by the rest of their key, such as "add_bos_token". The usual chat
// template has the name "".
type GGUFVocabulary gguf.Vocabulary

// GGUFWriteOptions say what the files of a tokenizer leave open: Size is the rows of the model's table of words, which tokens
// without a text fill up (0: as many as there are tokens); IDs are those of config.json, by what comes before _token_id in its
// keys; Pre names the pre-tokenizer where none that is known splits as the tokenizer does.
type GGUFWriteOptions gguf.WriteOptions

// ReadGGUFVocabulary returns what a GGUF file would say of the tokenizer in a Hugging Face folder, as llama.cpp's converter
// writes it. It is the other direction of [OpenGGUF], with the same names of pre-tokenizers.
//
// It reads a tokenizer.model of SentencePiece's byte pairs, and a tokenizer.json of byte-level pairs or WordPiece. Another kind
// is an error that says what it is, and so are byte-level pairs that no known pre-tokenizer splits alike.
func ReadGGUFVocabulary(fsys fs.FS, o GGUFWriteOptions) (*GGUFVocabulary, error) {
	v, err := gguf.FromFolder(fsys, gguf.WriteOptions(o))
	return (*GGUFVocabulary)(v), err
}
