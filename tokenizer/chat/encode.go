package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/seed2010d43f/transformer/tokenizer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jinja"
)

// Control tokens in text that is not the template's stand between these characters of a private area.
const begin, end = "\U000f0000", "\U000f0001"

// Encode returns the ids of the conversation. Special tokens come from the template alone: where a message spells one
// out, and through whatever the template does with it, it has the ids of plain text. An error of the template is an
// [*Error].
func (c *Templates) Encode(messages []Message, o Options) ([]int, error) {
	if c.vocab == nil {
		return nil, errors.New("chat: the templates were made without a tokenizer")
	}
	t, err := c.choose(&o)
	if err != nil {
		return nil, err
	}
	if o.SpecialTokens {
		text, err := c.render(t, messages, &o, nil)
		if err != nil {
			return nil, err
		}
		return c.vocab.AppendEncode(nil, text, tokenizer.Options{ParseSpecial: true})
	}
	control := newControl(controlTokens(c.vocab, t))
	text, err := c.render(t, messages, &o, control.markAll)
	if err != nil {
		return nil, err
	}
	return encodeMarked(c.vocab, text)
}

// controlTokens returns the added tokens that text of users must not become: the special ones, and those that the
// template writes.
func controlTokens(v *tokenizer.Tokenizer, t *jinja.Template) []string {
	var all []string
	for _, a := range v.AddedTokens() {
		written := func() bool {
			return slices.ContainsFunc(t.Literals(), func(s string) bool { return strings.Contains(s, a.Content) }) &&
				strings.TrimFunc(a.Content, unicode.IsSpace) != ""
		}
		if a.Content != "" && (a.Special || written()) {
			all = append(all, a.Content)
		}
	}
	return all
}

// control finds tokens in text, by their first byte, the longer ones first.
type control struct{ from [256][]string }

func newControl(tokens []string) *control {
	c := &control{}
	for _, t := range tokens {
		c.from[t[0]] = append(c.from[t[0]], t)
	}
	for _, list := range c.from {
		slices.SortStableFunc(list, func(a, b string) int { return len(b) - len(a) })
	}
	return c
}

// find returns the first token in s, and where it begins, or −1.
func (c *control) find(s string) (at int, token string) {
	for i := range len(s) {
		for _, t := range c.from[s[i]] {
			if strings.HasPrefix(s[i:], t) {
				return i, t
			}
		}
	}
	return -1, ""
}

// mark puts the marks around each token in s. Marks that s has itself are dropped.
func (c *control) mark(s string) string {
	if strings.Contains(s, begin) || strings.Contains(s, end) {
		s = strings.NewReplacer(begin, "", end, "").Replace(s)
	}
	var b strings.Builder
	for {
		at, token := c.find(s)
		if at < 0 {
			break
		}
		b.WriteString(s[:at] + begin + token + end)
		s = s[at+len(token):]
	}
	if b.Len() == 0 {
		return s
	}
	return b.String() + s
}

// markAll is mark for all texts in a value but keys.
func (c *control) markAll(v jinja.Value) jinja.Value {
	switch v := v.(type) {
	case jinja.Str:
		return jinja.Str(c.mark(string(v)))
	case *jinja.List:
		l := jinja.NewList()
		for _, x := range v.Items {
			l.Items = append(l.Items, c.markAll(x))
		}
		return l
	case *jinja.Dict:
		d := &jinja.Dict{}
		for k, x := range v.All {
			d.Set(k, c.markAll(x))
		}
		return d
	}
	return v
}

// encodeMarked encodes text in which tokens of users are marked. A mark whose other half is lost is dropped, but no
// token reaches over it.
func encodeMarked(v *tokenizer.Tokenizer, text string) ([]int, error) {
	if !strings.Contains(text, begin) && !strings.Contains(text, end) {
		return v.AppendEncode(nil, text, tokenizer.Options{ParseSpecial: true})
	}
	var tokens []string
	for _, a := range v.AddedTokens() {
		if a.Content != "" {
			tokens = append(tokens, a.Content)
		}
	}
	all := newControl(tokens)
	newline, err := v.AppendEncode(nil, "\n", tokenizer.Options{ParseSpecial: true})
	if err != nil {
		return nil, err
	}
	var ids []int
	inside := false // not at the beginning of the text
	piece := func(s string, o tokenizer.Options) ([]int, error) {
		if !inside || s == "" {
			return v.AppendEncode(nil, s, o)
		}
		// After a line break SentencePiece puts no space before the text.
		with, err := v.AppendEncode(nil, "\n"+s, o)
		if err == nil && len(with) >= len(newline) && slices.Equal(with[:len(newline)], newline) {
			return with[len(newline):], nil
		}
		return v.AppendEncode(nil, s, o)
	}
	for text != "" || !inside {
		at := strings.IndexAny(text, begin+end)
		if at < 0 {
			at = len(text)
		}
		more, err := piece(text[:at], tokenizer.Options{ParseSpecial: true})
		if err != nil {
			return nil, err
		}
		ids, text, inside = append(ids, more...), text[at:], true
		if text == "" {
			break
		}
		mark := text[:len(begin)]
		text = text[len(begin):]
		token := all.marked(mark, text)
		if token == "" {
			continue
		}
		if more, err = piece(token, tokenizer.Options{IgnoreAdded: true}); err != nil {
			return nil, err
		}
		if id, ok := v.TokenID(token); ok && slices.Contains(more, id) {
			return nil, fmt.Errorf("chat: %q cannot be plain text: the tokenizer makes the token of it all the same", token)
		}
		ids, text = append(ids, more...), text[len(token)+len(end):]
	}
	return ids, nil
}

// marked returns the token that text begins with, if a mark stands before it and one after it.
func (c *control) marked(mark, text string) string {
	if mark != begin || text == "" {
		return ""
	}
	for _, t := range c.from[text[0]] {
		if strings.HasPrefix(text, t) && strings.HasPrefix(text[len(t):], end) {
			return t
		}
	}
	return ""
}
