package model

import (
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Decoder is a model that continues texts, with its tokenizer and its way of generating. [OpenDecoder] makes
// one from a checkpoint; a program may also fill the fields itself. It is read-only, so that any number of
// sessions may run on it at once.
type Decoder struct {
	*arch.Decoder
	Family string // model_type: "llama"

	// Tokenizer and Generation come from the checkpoint; a Decoder works without them.
	Tokenizer  *tokenizer.Tokenizer
	Generation hf.Generation
}
