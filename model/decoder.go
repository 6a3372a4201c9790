package model

import (
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// Decoder is a model that continues texts, with its tokenizer and generation settings. [OpenDecoder] makes
// one from a checkpoint; a program may also fill the fields itself. Computing does not change a Decoder: any
// number of sessions may use it at once.
type Decoder struct {
	*arch.Decoder
	Family string // model_type: "llama"

	// Tokenizer and Generation come from the checkpoint; a Decoder works without them.
	Tokenizer  *tokenizer.Tokenizer
	Generation hf.Generation

	files *files // that it reads in place, or nil
}

// Close closes the files of a model that was opened with mapped experts; see [Options]. Passes that are under way, and
// later ones, end with an error that matches [checkpoint.ErrClosed]; sessions cannot go on. It waits until nothing reads
// the files any more. Closing again, and closing another model, does nothing. The source of [NewDecoder] is its caller's
// to close. Close may be called from any goroutine.
func (d *Decoder) Close() error { return d.files.close() }
