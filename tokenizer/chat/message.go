package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jinja"
)

// Message is one turn of a conversation. Fields that are empty are left out, but for Role and Content.
type Message struct {
	Role      string     // "system", "user", "assistant", "tool", or another that the template knows
	Content   string     // its text
	Parts     []Part     // in the place of Content: a list of parts
	Reasoning string     // what the assistant thought before it answered (reasoning_content, thinking)
	ToolCalls []ToolCall // what the assistant asks for

	ToolCallID string // of a result: the call that it answers
	Name       string // of a result: the tool; of others: who speaks

	Extra json.RawMessage // an object with further fields that a template reads
}

// Part is a part of a message's content. Templates write a mark in the place of a part that is no text.
type Part struct {
	Type string // "text", "image", ...; "" means "text"
	Text string
}

// ToolCall is a call of a tool that an assistant asks for.
type ToolCall struct {
	ID        string
	Name      string
	Arguments json.RawMessage // an object; nil means one without fields
}

// Tool is a function that the model may ask to be called.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // a JSON Schema of type object; nil means no parameters

	// Raw, if not nil, is the whole description as an object, in the place of the other fields.
	Raw json.RawMessage
}

// Document is a text that the model may quote.
type Document struct {
	Title, Text string
	Extra       json.RawMessage // an object with further fields
}

// object reads an object, in which all text must be UTF-8.
func object(what string, raw json.RawMessage) (*jinja.Dict, error) {
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("chat: %s: not UTF-8", what)
	}
	v, err := jinja.FromJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("chat: %s: %w", what, err)
	}
	d, ok := v.(*jinja.Dict)
	if !ok {
		return nil, fmt.Errorf("chat: %s: %.40q is no JSON object", what, raw)
	}
	return d, nil
}

// builder makes a dict; it keeps the first error.
type builder struct {
	*jinja.Dict
	what string
	err  error
}

func newBuilder(format string, args ...int) *builder {
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a
	}
	return &builder{Dict: &jinja.Dict{}, what: fmt.Sprintf(format, values...)}
}

func (b *builder) text(key, s string) {
	if !utf8.ValidString(s) && b.err == nil {
		b.err = fmt.Errorf("chat: %s: %s is not UTF-8", b.what, key)
	}
	b.Set(jinja.Str(key), jinja.Str(s))
}

// some sets a text that is not empty.
func (b *builder) some(key, s string) {
	if s != "" {
		b.text(key, s)
	}
}

// extra sets the fields of an object, without those that are null.
func (b *builder) extra(key string, raw json.RawMessage) {
	if raw == nil || b.err != nil {
		return
	}
	d, err := object(b.what+": "+key, raw)
	if err != nil {
		b.err = err
		return
	}
	for k, v := range d.All {
		if _, null := v.(jinja.None); !null {
			b.Set(k, v)
		}
	}
}

// value returns a message as a template sees it.
func (m *Message) value(i int) (*jinja.Dict, error) {
	b := newBuilder("message %d", i)
	if m.Role == "" {
		return nil, fmt.Errorf("chat: %s has no role; it may be system, user, assistant or tool", b.what)
	}
	if m.Content != "" && m.Parts != nil {
		return nil, fmt.Errorf("chat: %s has both content and parts", b.what)
	}
	if m.Reasoning != "" {
		b.text("thinking", m.Reasoning) // gpt-oss's name for it
	}
	b.text("role", m.Role)
	switch {
	case m.Parts != nil:
		parts := jinja.NewList()
		for _, p := range m.Parts {
			part := newBuilder("message %d: a part", i)
			if p.Type == "" {
				p.Type = "text"
			}
			part.text("type", p.Type)
			if p.Type == "text" {
				part.text("text", p.Text)
			}
			if part.err != nil {
				return nil, part.err
			}
			parts.Items = append(parts.Items, part.Dict)
		}
		b.Set(jinja.Str("content"), parts)
	default:
		b.text("content", m.Content)
	}
	if err := b.calls(m.ToolCalls, i); err != nil {
		return nil, err
	}
	b.some("tool_call_id", m.ToolCallID)
	b.some("name", m.Name)
	b.extra("Extra", m.Extra)
	if m.Reasoning != "" {
		b.text("reasoning_content", m.Reasoning)
	}
	return alias(b.Dict), b.err
}

// calls sets the tool calls of message i.
func (b *builder) calls(calls []ToolCall, i int) error {
	if calls == nil {
		return nil
	}
	list := jinja.NewList()
	for j, c := range calls {
		function := newBuilder("message %d, call %d", i, j)
		if c.Name == "" {
			return fmt.Errorf("chat: %s has no name", function.what)
		}
		function.text("name", c.Name)
		arguments := &jinja.Dict{}
		if c.Arguments != nil {
			var err error
			if arguments, err = object(function.what+": the arguments", c.Arguments); err != nil {
				return err
			}
		}
		function.Set(jinja.Str("arguments"), arguments)
		call := newBuilder("message %d, call %d", i, j)
		call.some("id", c.ID)
		call.text("type", "function")
		call.Set(jinja.Str("function"), function.Dict)
		if call.err != nil || function.err != nil {
			return fmt.Errorf("%s is not UTF-8", call.what)
		}
		list.Items = append(list.Items, call.Dict)
	}
	b.Set(jinja.Str("tool_calls"), list)
	return nil
}

// reasoningFields are the names of what a message's author thought, the usual one first.
var reasoningFields = []string{"reasoning_content", "thinking", "reasoning"}

// alias gives a message that has reasoning under one name the other names that templates read.
func alias(m *jinja.Dict) *jinja.Dict {
	for _, name := range reasoningFields {
		v, ok := m.Get(jinja.Str(name))
		if _, none := v.(jinja.None); !ok || none {
			continue
		}
		c := &jinja.Dict{}
		c.Set(jinja.Str("thinking"), v)
		for k, x := range m.All {
			c.Set(k, x)
		}
		c.Set(jinja.Str("reasoning_content"), v)
		return c
	}
	return m
}

func (t *Tool) value(i int) (jinja.Value, error) {
	b := newBuilder("tool %d", i)
	if t.Raw != nil {
		return object(b.what, t.Raw)
	}
	if t.Name == "" {
		return nil, fmt.Errorf("chat: tool %d has no name", i)
	}
	b.text("name", t.Name)
	b.text("description", t.Description)
	parameters := &jinja.Dict{}
	if t.Parameters != nil {
		var err error
		if parameters, err = object(b.what+": parameters", t.Parameters); err != nil {
			return nil, err
		}
	} else {
		parameters.Set(jinja.Str("type"), jinja.Str("object"))
		parameters.Set(jinja.Str("properties"), &jinja.Dict{})
	}
	b.Set(jinja.Str("parameters"), parameters)
	whole := &jinja.Dict{}
	whole.Set(jinja.Str("type"), jinja.Str("function"))
	whole.Set(jinja.Str("function"), b.Dict)
	return whole, b.err
}

func (d *Document) value(i int) (jinja.Value, error) {
	b := newBuilder("document %d", i)
	b.text("title", d.Title)
	b.text("text", d.Text)
	b.extra("Extra", d.Extra)
	return b.Dict, b.err
}

// ParseMessages reads a list of messages in JSON, in the form of OpenAI's API: role, content as a text or as parts,
// reasoning_content, tool_calls, whose arguments are an object or a text that holds one, tool_call_id and name. Other
// fields go to [Message.Extra]; fields that are null are left out.
func ParseMessages(data []byte) ([]Message, error) {
	var raw []map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("chat: messages: %w", err)
	}
	messages := make([]Message, len(raw))
	for i, fields := range raw {
		if err := messages[i].parse(fields); err != nil {
			return nil, fmt.Errorf("chat: message %d: %w", i, err)
		}
	}
	return messages, nil
}

func (m *Message) parse(fields map[string]json.RawMessage) error {
	texts := map[string]*string{"role": &m.Role, "tool_call_id": &m.ToolCallID, "name": &m.Name, "reasoning_content": &m.Reasoning}
	extra := map[string]json.RawMessage{}
	for key, raw := range fields {
		if string(raw) == "null" {
			continue
		}
		var err error
		switch to := texts[key]; {
		case to != nil:
			err = json.Unmarshal(raw, to)
		case key == "content" && raw[0] == '[':
			err = json.Unmarshal(raw, &m.Parts)
		case key == "content":
			err = json.Unmarshal(raw, &m.Content)
		case key == "tool_calls":
			m.ToolCalls, err = parseCalls(raw)
		default:
			extra[key] = raw
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if len(extra) > 0 {
		var err error
		m.Extra, err = json.Marshal(extra)
		return err
	}
	return nil
}

func parseCalls(raw json.RawMessage) ([]ToolCall, error) {
	var calls []struct {
		ID       string
		Function struct {
			Name      string
			Arguments json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &calls); err != nil {
		return nil, err
	}
	out := make([]ToolCall, len(calls))
	for i, c := range calls {
		out[i] = ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments}
		if text := strings.TrimSpace(string(c.Function.Arguments)); strings.HasPrefix(text, `"`) {
			var inner string
			if err := json.Unmarshal(c.Function.Arguments, &inner); err != nil {
				return nil, err
			}
			out[i].Arguments = json.RawMessage(inner)
		}
	}
	return out, nil
}
