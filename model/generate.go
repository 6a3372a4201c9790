package model

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// GenerateOptions say when generation ends. The zero value ends at the checkpoint's end tokens, or at
// the number of tokens it names, if any.
type GenerateOptions struct {
	// MaxTokens is the most tokens to generate; 0 takes the checkpoint's max_new_tokens or max_length,
	// or else goes on until the text is as long as the model can read, which is an error. (The
	// reference stops after 20 tokens then.)
	MaxTokens int

	// End are the tokens that end the text, themselves included; nil takes the checkpoint's, and an
	// empty slice has none.
	End []int

	// Stop are strings that end a text, themselves left out. [Session.Generate] does not look at them.
	Stop []string
}

// ErrLength is the error of a text that has become as long as its model can read.
var ErrLength = errors.New("model: the text is as long as the model can read")

// Generate feeds the prompt and yields one token after the other as sm chooses it. Penalties of sm see
// the prompt of this call; what the session had before, its caller can tell sm. The loop ends after an
// end token or the last of MaxTokens, with the error of the context as soon as it is cancelled, or with
// [ErrLength]. The tokens yielded belong to the session, which can be fed further.
func (s *Session) Generate(ctx context.Context, prompt []int, sm *sample.Sampler, opt GenerateOptions) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		if err := s.begin(prompt, sm); err != nil {
			yield(0, err)
			return
		}
		end := opt.End
		if end == nil {
			end = s.d.Generation.EOS
		}
		left := s.budget(len(prompt), opt.MaxTokens)
		for ; left != 0; left-- {
			id, err := s.next(ctx, sm)
			if err != nil {
				yield(0, err)
				return
			}
			if !yield(id, nil) || slices.Contains(end, id) {
				return
			}
		}
	}
}

// begin feeds the prompt.
func (s *Session) begin(prompt []int, sm *sample.Sampler) error {
	if len(prompt)+len(s.ids) == 0 {
		return errors.New("model: nothing to continue: prompt and session are empty; begin with the model's BOS token, if it has one")
	}
	if err := s.Feed(prompt...); err != nil {
		return err
	}
	return sm.Prompt(prompt...)
}

// budget returns the number of tokens to generate, negative for no limit.
func (s *Session) budget(prompt, asked int) int {
	g := &s.d.Generation
	switch {
	case asked > 0:
		return asked
	case g.MaxNewTokens > 0:
		return g.MaxNewTokens
	case g.MaxLength > prompt:
		return g.MaxLength - prompt
	}
	return -1
}

// next chooses a token and appends it. It is computed when its logits are needed: not after the last.
func (s *Session) next(ctx context.Context, sm *sample.Sampler) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := s.catchUp(); err != nil {
		return 0, err
	}
	if len(s.ids) >= s.d.MaxLen {
		return 0, ErrLength
	}
	id, err := sm.Next(s.logits)
	if err != nil {
		return 0, err
	}
	s.ids = append(s.ids, id)
	return id, sm.Accept(id)
}

// GenerateText continues a prompt with text, yielded in pieces of whole characters as soon as they are
// certain. The prompt is encoded with the special tokens that the model expects around a text if the
// session is empty; special tokens that are spelled out in it count as such. It ends as
// [Session.Generate] does, or at one of opt.Stop, which is not yielded.
func (s *Session) GenerateText(ctx context.Context, prompt string, sm *sample.Sampler, opt GenerateOptions) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		t := s.d.Tokenizer
		if t == nil {
			yield("", errors.New("model: the checkpoint has no tokenizer"))
			return
		}
		ids, err := t.AppendEncode(nil, prompt, tokenizer.Options{AddSpecial: s.Len() == 0, ParseSpecial: true})
		if err != nil {
			yield("", err)
			return
		}
		text := newTextStream(t, ids, opt.Stop)
		for id, err := range s.Generate(ctx, ids, sm, opt) {
			if err != nil {
				yield("", err)
				return
			}
			piece, done, err := text.push(id)
			if (piece != "" || err != nil) && !yield(piece, err) || done || err != nil {
				return
			}
		}
		if piece, err := text.flush(); piece != "" || err != nil {
			yield(piece, err)
		}
	}
}

// textStream turns tokens into text, and holds back what may be the beginning of a stop string.
type textStream struct {
	tokens *tokenizer.Stream
	stop   []string
	held   string
	err    error
}

// newTextStream returns a stream of what follows the prompt: whether its first word begins with a space
// depends on there being something before it.
func newTextStream(t *tokenizer.Tokenizer, prompt []int, stop []string) *textStream {
	s := &textStream{tokens: t.NewStream(true)}
	for _, id := range prompt {
		if _, err := s.tokens.Push(id); err != nil && s.err == nil {
			s.err = fmt.Errorf("model: %w", err)
		}
	}
	for _, x := range stop {
		if x != "" {
			s.stop = append(s.stop, x)
		}
	}
	return s
}

func (s *textStream) push(id int) (piece string, done bool, err error) {
	if s.err != nil {
		return "", true, s.err
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
