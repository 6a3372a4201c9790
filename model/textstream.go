package model

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer"
)

// textStream turns tokens into text, and holds back what may be the beginning of a stop string.
type textStream struct {
	tokens *tokenizer.Stream
	known  func(id int) (token string, ok bool)
	stop   []string
	held   string
	err    error
}

// newTextStream returns a stream of what follows the prompt: whether its first word begins with a space
// depends on there being something before it. No stop string may be empty.
func newTextStream(t *tokenizer.Tokenizer, prompt []int, stop []string) *textStream {
	s := &textStream{tokens: t.NewStream(true), known: t.Token, stop: stop}
	for _, id := range prompt {
		if _, ok := s.known(id); !ok {
			continue // such as the token with which BLIP's texts start
		}
		if _, err := s.tokens.Push(id); err != nil && s.err == nil {
			s.err = fmt.Errorf("model: %w", err)
		}
	}
	return s
}

func (s *textStream) push(id int) (piece string, done bool, err error) {
	if s.err != nil {
		return "", true, s.err
	}
	if _, ok := s.known(id); !ok { // models have ids beyond those of their tokenizers, which stand for nothing
		return "", false, nil
	}
	piece, err = s.tokens.Push(id)
	if err != nil {
		return "", true, err
	}
	s.held += piece
	for _, x := range s.stop {
		if i := strings.Index(s.held, x); i >= 0 {
			s.held, done = s.held[:i], true
		}
	}
	if done {
		return s.held, true, nil
	}
	n := len(s.held) - s.suspicious()
	piece, s.held = s.held[:n], s.held[n:]
	return piece, false, nil
}

// suspicious returns the length of the longest end of the text held that begins a stop string.
func (s *textStream) suspicious() int {
	for i := range len(s.held) {
		for _, x := range s.stop {
			if strings.HasPrefix(x, s.held[i:]) {
				return len(s.held) - i
			}
		}
	}
	return 0
}

func (s *textStream) flush() (string, error) {
	if s.err != nil {
		return "", s.err
	}
	rest, err := s.tokens.Flush()
	text := s.held + rest
	for _, x := range s.stop {
		if i := strings.Index(text, x); i >= 0 {
			text = text[:i]
		}
	}
	return text, err
}
