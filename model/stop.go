package model

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tokenizer"
)

// stopper finds the token that completes a stop string.
type stopper struct {
	tokens *tokenizer.Stream // special tokens are text here, as in the reference
	known  func(id int) (token string, ok bool)
	stop   [][]byte
	tail   []byte // of the text: where a stop string can begin
}

// stopStrings returns those of the options, or else those of the checkpoint.
func (s *Session) stopStrings(opt GenerateOptions) []string {
	stop := opt.Stop
	if stop == nil {
		stop = s.d.Generation.StopStrings
	}
	return slices.DeleteFunc(slices.Clone(stop), func(x string) bool { return x == "" })
}

// newStopper returns a stopper of a text that begins with the prompt, or nil if nothing stops it.
func newStopper(t *tokenizer.Tokenizer, prompt []int, stop []string) (*stopper, error) {
	if len(stop) == 0 {
		return nil, nil
	}
	if t == nil {
		return nil, errors.New("model: stop strings need a tokenizer, and the checkpoint has none; set GenerateOptions.Stop to an empty slice to generate without")
	}
	s := &stopper{tokens: t.NewStream(false), known: t.Token}
	for _, x := range stop {
		s.stop = append(s.stop, []byte(x))
	}
	for _, id := range prompt {
		if _, err := s.push(id); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// push takes the next token and reports whether it completes a stop string.
func (s *stopper) push(id int) (bool, error) {
	if _, ok := s.known(id); !ok { // models have ids beyond those of their tokenizers, which stand for nothing
		return false, nil
	}
	piece, err := s.tokens.Push(id)
	if err != nil {
		return false, fmt.Errorf("model: %w", err)
	}
	s.tail = append(s.tail, piece...)
	longest, over := 0, false
	for _, x := range s.stop {
		over = over || bytes.Contains(s.tail, x)
		longest = max(longest, len(x))
	}
	s.tail = append(s.tail[:0], s.tail[max(0, len(s.tail)-longest+1):]...)
	return over, nil
}
