package chat

import (
	"slices"
	"strings"
	"unicode"
)

// Piece is a part of an answer: one of the three is set.
type Piece struct {
	Content   string
	Reasoning string
	Call      *ToolCall
}

// Reader takes an answer in pieces, as a model writes it, and tells content, thoughts and calls apart. What is between
// the marks of a call and is no call is content, marks and all. Spaces around thoughts and calls are dropped.
//
// A Reader is for one answer, and for one goroutine at a time.
type Reader struct {
	format Format
	tools  []Tool
	buffer string
	in     *syntax // the call in hand
	think  *marks  // the thoughts in hand
	space  string  // at the end of what was handed out; it is dropped before a mark
	said   bool    // there was content
	fresh  bool    // spaces are dropped
	opened string  // the mark that the call in hand began with
}

// NewReader returns a reader for the answer to a prompt. The prompt may end within thoughts, which the answer then goes
// on with. Tools, if they are given, say which arguments are texts.
func (f Format) NewReader(prompt string, tools []Tool) *Reader {
	r := &Reader{format: f, tools: tools, fresh: true}
	for i := range f.thoughts {
		m := &f.thoughts[i]
		if at := strings.LastIndex(prompt, m.open); at >= 0 && strings.TrimSpace(prompt[at+len(m.open):]) == "" {
			r.think = m
		}
	}
	return r
}

// Parse returns a whole answer as a message.
func (f Format) Parse(prompt, answer string, tools []Tool) Message {
	r := f.NewReader(prompt, tools)
	m := Message{Role: "assistant"}
	for _, p := range append(r.Write(answer), r.Close()...) {
		m.Content += p.Content
		m.Reasoning += p.Reasoning
		if p.Call != nil {
			m.ToolCalls = append(m.ToolCalls, *p.Call)
		}
	}
	return m
}

// Write takes the next piece of the answer and returns what it completes.
func (r *Reader) Write(text string) []Piece {
	r.buffer += text
	var out []Piece
	for r.step(&out, false) {
	}
	return out
}

// Close ends the answer and returns what was held back.
func (r *Reader) Close() []Piece {
	var out []Piece
	for r.step(&out, true) {
	}
	if r.said && r.space != "" {
		out = append(out, Piece{Content: r.space})
		r.space = ""
	}
	return out
}

// step takes one part of the buffer; it returns false when it needs more text.
func (r *Reader) step(out *[]Piece, end bool) bool {
	switch {
	case r.buffer == "" && !(end && r.in != nil):
		return false
	case r.in != nil:
		return r.call(out, end)
	case r.think != nil:
		return r.thought(out, end)
	}
	if r.format.bare && !r.said && strings.HasPrefix(strings.TrimLeftFunc(r.buffer, unicode.IsSpace), "{") {
		r.in, r.opened = &syntax{read: objects}, ""
		return true
	}
	at, mark, held := r.next()
	if at < 0 {
		if !end && held > 0 {
			r.emit(out, r.buffer[:len(r.buffer)-held])
			r.buffer = r.buffer[len(r.buffer)-held:]
			return false
		}
		r.emit(out, r.buffer)
		r.buffer = ""
		return false
	}
	r.emit(out, r.buffer[:at])
	r.buffer = r.buffer[at+len(mark):]
	r.space, r.fresh = "", true
	for i := range r.format.thoughts {
		if r.format.thoughts[i].open == mark {
			r.think = &r.format.thoughts[i]
		}
	}
	for i := range r.format.calls {
		if r.format.calls[i].open == mark {
			r.in, r.opened = &r.format.calls[i], mark
		}
	}
	return true
}

// next returns the first mark in the buffer, the longest at its place, or −1 and how many bytes at the end may begin one.
func (r *Reader) next() (at int, mark string, held int) {
	at = -1
	each := func(m string) {
		if i := strings.Index(r.buffer, m); i >= 0 && (at < 0 || i < at || i == at && len(m) > len(mark)) {
			at, mark = i, m
		}
		held = max(held, begins(r.buffer, m))
	}
	for _, m := range r.format.thoughts {
		each(m.open)
		each(m.close) // of thoughts that are none: <think></think>
	}
	for _, s := range r.format.calls {
		each(s.open)
	}
	for _, m := range r.format.frames {
		each(m)
	}
	return at, mark, held
}

// begins returns how many bytes at the end of s are the beginning of a mark.
func begins(s, mark string) int {
	for n := min(len(mark)-1, len(s)); n > 0; n-- {
		if strings.HasSuffix(s, mark[:n]) {
			return n
		}
	}
	return 0
}

// emit hands out content, but for spaces at its end, which may stand before a mark.
func (r *Reader) emit(out *[]Piece, s string) {
	if r.fresh {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
	}
	text := strings.TrimRightFunc(s, unicode.IsSpace)
	if text == "" {
		r.space += s
		return
	}
	*out = append(*out, Piece{Content: r.space + text})
	r.space, r.said, r.fresh = s[len(text):], true, false
}

// thought hands out thoughts up to their end.
func (r *Reader) thought(out *[]Piece, end bool) bool {
	at := strings.Index(r.buffer, r.think.close)
	text := r.buffer
	if at >= 0 {
		text = r.buffer[:at]
	} else if !end {
		text = r.buffer[:len(r.buffer)-begins(r.buffer, r.think.close)]
	}
	shown := text
	if r.fresh {
		shown = strings.TrimLeftFunc(shown, unicode.IsSpace)
	}
	kept := strings.TrimRightFunc(shown, unicode.IsSpace)
	if kept != "" {
		*out = append(*out, Piece{Reasoning: r.space + kept})
		r.space, r.fresh = shown[len(kept):], false
	} else {
		r.space += shown
	}
	r.buffer = r.buffer[len(text):]
	if at < 0 {
		return false
	}
	r.buffer = r.buffer[len(r.think.close):]
	r.think, r.space, r.fresh = nil, "", true
	return true
}

// call reads the call in hand, when it has ended.
func (r *Reader) call(out *[]Piece, end bool) bool {
	at := -1
	if r.in.close != "" {
		at = strings.Index(r.buffer, r.in.close)
	}
	if at < 0 && !end {
		return false
	}
	body, close := r.buffer, ""
	if at >= 0 {
		body, close = r.buffer[:at], r.in.close
	}
	s := r.in
	r.in, r.buffer, r.fresh = nil, r.buffer[len(body)+len(close):], true
	calls := s.read(body)
	if calls == nil || slices.ContainsFunc(calls, func(w written) bool { return strings.TrimSpace(w.name) == "" }) {
		r.fresh = !r.said
		r.emit(out, r.opened+body+close)
		return true
	}
	for i := range calls {
		c := calls[i].call(r.tools)
		*out = append(*out, Piece{Call: &c})
	}
	return true
}
