package chat

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jinja"
)

// tag stands at the end of a message that is to be continued, so that its place in the text can be found.
const tag = "CONTINUE_FINAL_MESSAGE_TAG "

// continuation is how the last message is left open; the zero value leaves it closed.
type continuation struct {
	last string // the text to go on with
	open bool
}

// openEnd puts the tag at the end of the last message.
func openEnd(t *jinja.Template, messages *jinja.List, o *Options) (*continuation, error) {
	if o.GenerationPrompt {
		return nil, errors.New("chat: Options.Continue goes on with the last message, Options.GenerationPrompt begins a new one: set one of them")
	}
	field := cmp.Or(o.ContinueField, "content")
	m := messages.Items[len(messages.Items)-1].(*jinja.Dict)
	last, ok := m.Get(jinja.Str(field))
	if !ok {
		return nil, fmt.Errorf("chat: the last message has no %q to go on with", field)
	}
	fields := []string{field}
	if slices.Contains(reasoningFields, field) {
		fields = slices.DeleteFunc(slices.Clone(reasoningFields), func(name string) bool {
			v, ok := m.Get(jinja.Str(name))
			return !ok || v != last
		})
	}
	if !slices.ContainsFunc(fields, func(name string) bool { return strings.Contains(t.Source(), name) }) {
		return nil, fmt.Errorf("chat: the template does not read the field %q that Options.ContinueField names", field)
	}
	switch v := last.(type) {
	case jinja.Str:
		for _, name := range fields {
			m.Set(jinja.Str(name), v+tag)
		}
		return &continuation{string(v), true}, nil
	case *jinja.List:
		for _, part := range slices.Backward(v.Items) {
			if p, ok := part.(*jinja.Dict); ok {
				if text, ok := p.Get(jinja.Str("text")); ok {
					s := text.(jinja.Str)
					p.Set(jinja.Str("text"), s+tag)
					return &continuation{string(s), true}, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("chat: the last message's %q has no text to go on with", field)
}

// cut removes what follows the message that is to be continued.
func (c *continuation) cut(text string) (string, error) {
	if !c.open {
		return text, nil
	}
	bare := strings.TrimSpace(tag)
	at := strings.LastIndex(text, bare)
	if at < 0 || !strings.Contains(text, strings.TrimSpace(c.last)) {
		return "", errors.New("chat: the template does not write the last message as it is, so it cannot be continued")
	}
	if strings.HasPrefix(text[at:], tag) {
		return text[:at], nil
	}
	return strings.TrimRightFunc(text[:at], unicode.IsSpace), nil
}
