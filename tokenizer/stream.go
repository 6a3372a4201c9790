package tokenizer

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tokenizer/internal/decode"
)

// Stream decodes tokens one by one. The pieces together are what Decode returns for all ids, and each piece has whole
// characters only. One goroutine at a time may use a Stream.
type Stream struct {
	t           *Tokenizer
	skipSpecial bool
	run         *decode.Run
}

// NewStream returns a new Stream. If skipSpecial is true, it leaves out special tokens.
func (t *Tokenizer) NewStream(skipSpecial bool) *Stream {
	if t.reads != nil {
		t = t.reads
	}
	return &Stream{t: t, skipSpecial: skipSpecial, run: t.decoder.NewRun()}
}

// Push takes the next id and returns the text that is now certain. It may be empty: a character may need more tokens,
// and some decoders wait for the next token. An id outside the vocabulary gives an error that names it, and leaves
// the stream as it was.
func (s *Stream) Push(id int) (string, error) {
	s.run.Begin()
	s.take(id)
	return string(s.run.Text), s.run.Err
}

// Flush returns the text still held back, with U+FFFD for an incomplete character, and resets the stream.
func (s *Stream) Flush() (string, error) {
	s.run.Begin()
	s.run.Flush()
	s.run.Reset(s.t.decoder)
	return string(s.run.Text), s.run.Err
}

func (s *Stream) take(id int) {
	part, special, ok := s.t.decodeBytes(id)
	if !ok {
		s.run.Err = fmt.Errorf("tokenizer: id %d is not in the vocabulary of %d", id, s.t.VocabSize())
		return
	}
	if !special || !s.skipSpecial {
		s.run.Push(part)
	}
}

// Decode returns the text of ids. If skipSpecial is true, it leaves out special tokens. Bytes that do not form a
// character become U+FFFD. It returns an error for an id outside the vocabulary, if the file's decoder makes more
// than 64 bytes from each byte of the tokens, or if its regular expressions take longer than they may when encoding.
func (t *Tokenizer) Decode(ids []int, skipSpecial bool) (string, error) {
	s := t.NewStream(skipSpecial)
	for _, id := range ids {
		if s.take(id); s.run.Err != nil {
			return "", s.run.Err
		}
	}
	s.run.Flush()
	return string(s.run.Text), s.run.Err
}

// decodeBytes returns what the decoder starts from: the bytes that a token in GPT-2's alphabet writes where the decoder
// is for that, else its text.
func (t *Tokenizer) decodeBytes(id int) (part []byte, special, ok bool) {
	if k, ok := t.added.Index(id); ok {
		return t.addedBytes[k], t.added.Tokens[k].Special, true
	}
	if t.byteLevel && t.decodesBytes && t.vocab.Contains(id) && t.foreign[id] == "" {
		return t.vocab.Bytes(id), false, true
	}
	s, ok := t.Token(id)
	return []byte(s), false, ok
}
