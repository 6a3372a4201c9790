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

// GenerateOptions say when generation ends and which tokens may be generated. The zero value takes the
// settings of the checkpoint.
type GenerateOptions struct {
	// MaxTokens is the largest number of tokens to generate. 0 takes max_new_tokens or max_length of the
	// checkpoint. If it has neither, generation ends when the text is as long as the model can read, and
	// [Session.Generate] returns [ErrLength]; transformers stops after 20 tokens instead. An encoder–decoder
	// whose length has no limit stops after 512 tokens.
	MaxTokens int

	// EOS are the tokens that end the text; the end token is part of the text. nil takes those of the
	// checkpoint; an empty slice means that no token ends it.
	EOS []int

	// Processors change the logits before a token is chosen: penalties, forbidden words and so on. nil takes
	// those of the checkpoint. To add to these, copy [hf.Generation].Processors and change the copy.
	Processors *sample.LogitsProcessors

	// Stop are strings that end a text; nil takes the checkpoint's (stop_strings), and an empty slice has none. The last
	// token is the one that completes a string, which may begin in the prompt; [Session.GenerateText] leaves the string
	// itself out. Special tokens count as their text. It needs the checkpoint's tokenizer, and a beam search
	// refuses it.
	Stop []string
}

// ErrLength is the error when a text has become as long as its model can read.
var ErrLength = errors.New("model: the text is as long as the model can read")

// Generate appends the prompt and yields the generated tokens one by one. sm chooses each token; a nil sm is
// greedy. With an empty prompt it continues the session; an empty session of an encoder–decoder then begins
// with the start token.
//
// The loop ends after an end token or after MaxTokens. It yields an error if ctx is cancelled, or [ErrLength]
// if the text becomes too long. The yielded tokens belong to the session, so a program can append to them.
// Processors of logits treat all tokens before the first generated one as the prompt.
func (s *Session) Generate(ctx context.Context, prompt []int, sm *sample.Sampler, opt GenerateOptions) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		c, err := s.generation(prompt, sm, opt)
		for err == nil && !c.over {
			if err = ctx.Err(); err == nil {
				if err = s.computePending(nil); err == nil {
					err = c.choose()
				}
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

// GenerateBatch is [Session.Generate] for several sessions of the model at once: the weights are read once
// for all. samplers has one sampler for each session; nil is greedy. It returns the generated tokens of each
// session: the same as for the session alone. If one text reaches its limit, the others go on and the error
// at the end is [ErrLength]. After any error it returns the tokens generated so far.
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
		if err := b.run(d, live...); err != nil {
			return err
		}
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
	c := &generation{s: s, sm: sm, start: len(s.ids), left: s.budget(prompt, opt.MaxTokens), processors: s.processors(opt)}
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
func (s *Session) budget(ids []int, asked int) int {
	g, prompt := &s.d.Generation, len(ids)
	if s.counts {
		prompt = len(s.ids)
	}
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
	if t.EncoderIDs = slices.Clip(ids); s.encoded != nil && !s.encoded.prompted {
		t.EncoderIDs = s.encoded.IDs
	}
	return t
}

// GenerateText appends the prompt and yields the generated text, in pieces of whole characters. Special
// tokens spelled out in the prompt count as such. If the session is empty, the prompt gets the special tokens
// that the model expects around a text. For an encoder–decoder the prompt is the beginning of the target and
// may be "".
//
// It ends as [Session.Generate] does. A stop string is not yielded.
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
