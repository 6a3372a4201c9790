package model

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// GenerateOptions say when generation ends, and what may be generated. The zero value is what the
// checkpoint says.
type GenerateOptions struct {
	// MaxTokens is the most tokens to generate; 0 takes the checkpoint's max_new_tokens or max_length,
	// or else goes on until the text is as long as the model can read, which is an error for
	// [Session.Generate]. The target of an encoder–decoder that has no such length ends after 512
	// tokens. (The reference stops after 20 where the checkpoint says nothing.)
	MaxTokens int

	// EOS are the tokens that end the text, themselves included; nil takes the checkpoint's, and an
	// empty slice has none.
	EOS []int

	// Processors change the logits before a token is chosen: penalties, words that may not occur, and so on.
	// nil takes the checkpoint's. To add to these, copy [hf.Generation].Processors and change the copy.
	Processors *sample.LogitsProcessors

	// Stop are strings that end a text; nil takes the checkpoint's (stop_strings), and an empty slice has none. The last
	// token is the one that completes a string, which may begin in the prompt; [Session.GenerateText] leaves the string
	// itself out. Special tokens count as their text. It needs the checkpoint's tokenizer, and a beam search
	// refuses it.
	Stop []string
}

// ErrLength is the error of a text that has become as long as its model can read.
var ErrLength = errors.New("model: the text is as long as the model can read")

// Generate appends the prompt and yields one token after the other as sm chooses it; a nil sm is greedy. An
// empty prompt goes on from what the session has; an empty session for an encoder–decoder begins with the
// start token then. For the processors of logits, the prompt is every token that the session has before the first
// that is generated. The loop ends after an end token or the last of
// MaxTokens, with the error of the context as soon as it is cancelled, or with [ErrLength]. The tokens yielded
// belong to the session, which can be appended to.
func (s *Session) Generate(ctx context.Context, prompt []int, sm *sample.Sampler, opt GenerateOptions) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		c, err := s.generation(prompt, sm, opt)
		for err == nil && !c.over {
			if err = ctx.Err(); err == nil {
				s.computePending(nil)
				err = c.choose()
			}
			if err == nil && !yield(s.ids[len(s.ids)-1], nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

// GenerateBatch is [Session.Generate] for several sessions of the model, whose tokens are computed
// together: weights are read once for all. samplers has one for each session, or is nil. It returns the tokens that
// each has generated, those that the session alone would give, bit for bit. After an error it returns what
// there is; [ErrLength] is that of any of them, and ends it alone.
func (d *Decoder) GenerateBatch(ctx context.Context, batch []Input, samplers []*sample.Sampler, opt GenerateOptions) ([][]int, error) {
	if samplers == nil {
		samplers = make([]*sample.Sampler, len(batch))
	}
	if len(samplers) != len(batch) {
		return nil, fmt.Errorf("model: %d samplers for %d sessions", len(samplers), len(batch))
	}
	all := make([]*generation, len(batch))
	for i, in := range batch {
		var err error
		if err = d.checkBatch(batch[:i+1]); err == nil {
			all[i], err = in.Session.generation(in.IDs, samplers[i], opt)
		}
		if err != nil {
			return nil, fmt.Errorf("%w (session %d of the batch)", err, i)
		}
	}
	err := generateAll(ctx, d, all)
	out := make([][]int, len(batch))
	for i, c := range all {
		out[i] = append(out[i], c.s.ids[c.start:]...)
	}
	return out, err
}

func generateAll(ctx context.Context, d *Decoder, all []*generation) error {
	b := batchers.Get()
	err := b.generateAll(ctx, d, all)
	b.put()
	return err
}

func (b *batcher) generateAll(ctx context.Context, d *Decoder, all []*generation) (tooLong error) {
	var live []*Session
	for {
		live = live[:0]
		for _, c := range all {
			if !c.over {
				live = append(live, c.s)
			}
		}
		if len(live) == 0 {
			return tooLong
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		b.run(d, live...)
		for _, c := range all {
			if c.over {
				continue
			}
			switch err := c.choose(); {
			case err == ErrLength:
				tooLong = err
			case err != nil:
				return err
			}
		}
	}
}

// generation is a text that a sampler continues.
type generation struct {
	s          *Session
	sm         *sample.Sampler
	processors sample.LogitsProcessors
	text       sample.Text
	start      int      // tokens before those that are generated
	left       int      // tokens to come, negative for no limit
	stop       *stopper // nil if no string ends the text
	over       bool
}

// generation appends the prompt.
func (s *Session) generation(prompt []int, sm *sample.Sampler, opt GenerateOptions) (*generation, error) {
	prompt, err := s.begin(prompt)
	if err != nil {
		return nil, err
	}
	if sm == nil {
		sm = sample.Greedy()
	}
	c := &generation{s: s, sm: sm, start: len(s.ids), left: s.budget(len(prompt), opt.MaxTokens), processors: s.processors(opt)}
	c.text = s.prompt(opt, c.left)
	if err := c.processors.Validate(c.text); err != nil {
		return nil, err
	}
	c.stop, err = newStopper(s.d.Tokenizer, c.text.IDs, s.stopStrings(opt))
	return c, err
}

// choose appends a token to a session that has computed all it has. The token is computed when its logits
// are needed: not after the last.
func (c *generation) choose() error {
	s := c.s
	if len(s.ids) >= s.d.MaxLen {
		c.over = true
		return ErrLength
	}
	logits := s.logits
	if c.text.IDs = s.tokens(); c.processors.Active(c.text) {
		s.changed = append(s.changed[:0], logits...)
		logits = s.changed
		c.processors.Apply(logits, c.text)
	}
	id, err := c.sm.Next(logits)
	if err != nil {
		return err
	}
	s.ids = append(s.ids, id)
	c.left--
	c.over = c.left == 0 || slices.Contains(c.text.EOS, id)
	if c.stop != nil && !c.over {
		c.over, err = c.stop.push(id)
	}
	return err
}

// begin appends the prompt, and returns it: with the start token if there is nothing else. It is computed
// with the first token, for a batch together.
func (s *Session) begin(prompt []int) ([]int, error) {
	if len(prompt)+len(s.ids) == 0 {
		start := s.d.Generation.Start
		if s.encoded == nil || start == nil {
			return nil, errors.New("model: nothing to continue: prompt and session are empty; begin with the model's BOS token, if it has one")
		}
		prompt = []int{*start}
	}
	return prompt, s.accept(prompt, tensor.Tensor{})
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
	case s.encoded != nil && s.d.MaxLen == hf.MaxLength:
		return longTarget
	}
	return -1
}

const longTarget = 512 // tokens, of a target to which nothing sets a limit

// processors returns those of the options, or else those of the checkpoint.
func (s *Session) processors(opt GenerateOptions) sample.LogitsProcessors {
	if opt.Processors != nil {
		return *opt.Processors
	}
	return s.d.Generation.Processors
}

// prompt returns the text so far as processors see it: a prompt, and where the text ends if it goes on for up to left
// tokens; a negative left is no limit. Rows that were given in the place of tokens are not part of it.
func (s *Session) prompt(opt GenerateOptions, left int) sample.Text {
	ids := s.tokens()
	t := sample.Text{IDs: ids, PromptLen: len(ids), EOS: opt.EOS, VocabSize: s.d.Vocab}
	if t.EOS == nil {
		t.EOS = s.d.Generation.EOS
	}
	most := s.d.MaxLen - len(s.ids)
	if left >= 0 {
		most = min(most, left)
	}
	t.MaxLength = len(ids) + most
	// As in the reference, the prompt stands for what an encoder has read where there is no encoder.
	if t.EncoderIDs = slices.Clip(ids); s.encoded != nil {
		t.EncoderIDs = s.encoded.IDs
	}
	return t
}

// GenerateText continues a prompt with text, yielded in pieces of whole characters as soon as they are
// certain. The prompt is encoded with the special tokens that the model expects around a text if the
// session is empty; for an encoder–decoder it is what the target begins with, and may be "". Special
// tokens that are spelled out in it count as such. It ends as [Session.Generate] does; a stop
// string is not yielded.
func (s *Session) GenerateText(ctx context.Context, prompt string, sm *sample.Sampler, opt GenerateOptions) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		t := s.d.Tokenizer
		if t == nil {
			yield("", errors.New("model: the checkpoint has no tokenizer"))
			return
		}
		var ids []int
		if start := s.d.Generation.Start; s.encoded != nil && s.Len() == 0 && start != nil {
			ids = append(ids, *start)
		}
		ids, err := t.AppendEncode(ids, prompt, tokenizer.Options{AddSpecial: s.encoded == nil && s.Len() == 0, ParseSpecial: true})
		if err != nil {
			yield("", err)
			return
		}
		text := newTextStream(t, ids, s.stopStrings(opt))
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
