package model

import (
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tokenizer"
	"github.com/seed2010d43f/transformer/tokenizer/chat"
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

	chats   map[string]string // the sources of its chat templates
	chatErr error             // of reading them
}

// ChatTemplates returns the chat templates that came with the model, in its folder or its GGUF. It returns [chat.ErrNone]
// if there are none, and an error if one of them cannot be read or parsed.
func (d *Decoder) ChatTemplates() (*chat.Templates, error) {
	if d.chatErr != nil {
		return nil, d.chatErr
	}
	return chat.New(d.chats, d.Tokenizer, chat.Limits{})
}

// Close closes the files of a model that was opened with mapped experts; see [Options]. Passes that are under way, and
// later ones, end with an error that matches [checkpoint.ErrClosed]; sessions cannot go on. It waits until nothing reads
// the files any more. Closing again, and closing another model, does nothing. The source of [NewDecoder] is its caller's
// to close. Close may be called from any goroutine.
func (d *Decoder) Close() error { return d.files.close() }
