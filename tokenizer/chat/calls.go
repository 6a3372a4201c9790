package chat

import (
	"encoding/json"
	"regexp"
	"strings"
)

// written is a call as a model wrote it: its arguments whole, or one by one.
type written struct {
	id, name  string
	arguments string // an object
	fields    []field
}

// field is an argument.
type field struct {
	name, value string
	kind        string // "text" or "value" where the model says which it is
}

// call returns the call with its arguments as an object. What stands in a field is a text if the tool's schema says
// so, or the model, or if it is no value.
func (w *written) call(tools []Tool) ToolCall {
	c := ToolCall{ID: w.id, Name: w.name, Arguments: json.RawMessage(w.arguments)}
	if w.arguments != "" {
		return c
	}
	texts := textsOf(tools, w.name)
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range w.fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(f.name) + ": ")
		value, rest, ok := literal(f.value)
		if !ok || strings.TrimSpace(rest) != "" || f.kind == "text" || f.kind == "" && texts[f.name] {
			value = quote(f.value)
		}
		b.WriteString(value)
	}
	b.WriteByte('}')
	c.Arguments = json.RawMessage(b.String())
	return c
}

// textsOf returns the parameters of a tool that are texts by its schema.
func textsOf(tools []Tool, name string) map[string]bool {
	type schema struct {
		Name       string
		Properties map[string]struct{ Type json.RawMessage }
		Parameters *schema
		Function   *schema
	}
	texts := map[string]bool{}
	for _, t := range tools {
		s := schema{Name: t.Name, Parameters: &schema{}}
		raw := t.Parameters
		if t.Raw != nil {
			raw = nil
			if json.Unmarshal(t.Raw, &s) == nil && s.Function != nil {
				s = *s.Function
			}
		}
		if s.Name != name || s.Parameters == nil || raw != nil && json.Unmarshal(raw, s.Parameters) != nil {
			continue
		}
		for p, x := range s.Parameters.Properties {
			texts[p] = string(x.Type) == `"string"`
		}
	}
	return texts
}

// objects reads {"name": …, "arguments": …}, one or several, or a list of them, or {"NAME": ARGUMENTS}.
func objects(body string) []written {
	var all []written
	for body = strings.TrimSpace(body); body != ""; body = strings.TrimLeft(body, " \n\r\t,;") {
		text, rest, ok := literal(body)
		if !ok {
			return nil
		}
		body = rest
		list := []json.RawMessage{json.RawMessage(text)}
		if strings.HasPrefix(text, "[") {
			if list = nil; json.Unmarshal([]byte(text), &list) != nil {
				return nil
			}
		}
		for _, raw := range list {
			w, ok := object1(raw)
			if !ok {
				return nil
			}
			all = append(all, w)
		}
	}
	return all
}

func object1(raw json.RawMessage) (written, bool) {
	type form struct {
		ID         string `json:"id"`
		CallID     string `json:"tool_call_id"`
		Name       string `json:"name"`
		ToolName   string `json:"tool_name"`
		Arguments  json.RawMessage
		Parameters json.RawMessage
		Function   *form
	}
	var f form
	if json.Unmarshal(raw, &f) != nil {
		return written{}, false
	}
	if f.Function != nil {
		f.Name, f.Arguments = f.Function.Name, f.Function.Arguments
	}
	w := written{id: f.ID + f.CallID, name: f.Name + f.ToolName, arguments: "{}"}
	for _, a := range []json.RawMessage{f.Arguments, f.Parameters} {
		if a == nil {
			continue
		}
		var inner string
		if w.arguments = string(a); json.Unmarshal(a, &inner) == nil {
			w.arguments = inner
		}
	}
	if w.name == "" {
		var keyed map[string]json.RawMessage
		if json.Unmarshal(raw, &keyed) != nil || len(keyed) != 1 {
			return w, false
		}
		for name, arguments := range keyed {
			w.name, w.arguments = name, string(arguments)
		}
	}
	return w, isObject(w.arguments)
}

func isObject(s string) bool {
	return strings.HasPrefix(strings.TrimSpace(s), "{") && json.Valid([]byte(s))
}

var (
	function  = regexp.MustCompile(`(?s)<function=([^>\n]+)>(.*?)</function>`)
	parameter = regexp.MustCompile(`(?s)<parameter=([^>\n]+)>\n?(.*?)\n?</parameter>`)
	argument  = regexp.MustCompile(`(?s)<arg_key(?::\w+)?>(.*?)</arg_key(?::\w+)?>\s*<arg_value(?::\w+)?>(.*?)</arg_value(?::\w+)?>`)
	separator = regexp.MustCompile(`<tool_sep(?::\w+)?>`)
	param     = regexp.MustCompile(`(?s)<param name="([^"]+)">(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?</param>`)
	openCall  = regexp.MustCompile(`(?s)<\|open\|>call tool="([^"]+)"[^<]*<\|sep\|>(.*?)<\|close\|>call<\|sep\|>`)
	openArg   = regexp.MustCompile(`(?s)<\|open\|>argument key="([^"]+)" type="(\w+)"<\|sep\|>(.*?)<\|close\|>argument<\|sep\|>`)
	section   = regexp.MustCompile(`(?s)<\|tool_call_begin\|>\s*(?:functions\.)?([^<:]+):?\d*\s*<\|tool_call_argument_begin\|>(.*?)<\|tool_call_end\|>`)
	deepCall  = regexp.MustCompile("(?s)<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?([^<\n]+?)(?:<｜tool▁sep｜>|\n)(?:```json\n)?(.*?)(?:\n```)?<｜tool▁call▁end｜>")
	bracket   = regexp.MustCompile(`(?s)^([^\[{]*)(?:\[CALL_ID\](.*?))?\[ARGS\](.*)$`)
	channel   = regexp.MustCompile(`(?s)^([^\s<]+)\s*(?:<\|channel\|>commentary)?\s*(?:<\|constrain\|>)?\w*\s*<\|message\|>(.*)$`)
	callee    = regexp.MustCompile(`^\s*([\w.-]+)\(`)
)

// tagged reads what stands in <tool_call>: an object, functions, or a name with <arg_key> and <arg_value>.
func tagged(body string) []written {
	body = strings.TrimSpace(body)
	switch {
	case strings.HasPrefix(body, "{"), strings.HasPrefix(body, "["):
		return objects(body)
	case strings.HasPrefix(body, "<function="):
		var all []written
		for _, m := range function.FindAllStringSubmatch(body, -1) {
			all = append(all, written{name: m[1], fields: fieldsOf(parameter, m[2])})
		}
		return all
	}
	name, _, _ := strings.Cut(body, "<arg_key")
	name = strings.TrimSpace(separator.ReplaceAllString(name, ""))
	if name == "" || strings.ContainsAny(name, " \n<{") {
		return nil
	}
	return []written{{name: name, fields: fieldsOf(argument, body)}}
}

// fieldsOf returns the names and values that a pattern finds.
func fieldsOf(pattern *regexp.Regexp, s string) []field {
	var all []field
	for _, m := range pattern.FindAllStringSubmatch(s, -1) {
		all = append(all, field{name: strings.TrimSpace(m[1]), value: m[2]})
	}
	return all
}

// invoked reads <invoke name="…"> with <parameter name="…">, behind a prefix.
func invoked(prefix string) func(body string) []written {
	p := regexp.QuoteMeta(prefix)
	call := regexp.MustCompile(`(?s)<` + p + `invoke name="([^"]+)">(.*?)</` + p + `invoke>`)
	parameter := regexp.MustCompile(`(?s)<` + p + `parameter name="([^"]+)"(?: string="(\w+)")?>(.*?)</` + p + `parameter>`)
	return func(body string) []written {
		var all []written
		for _, m := range call.FindAllStringSubmatch(body, -1) {
			w := written{name: m[1]}
			for _, f := range parameter.FindAllStringSubmatch(m[2], -1) {
				w.fields = append(w.fields, field{f[1], f[3], map[string]string{"true": "text", "false": "value"}[f[2]]})
			}
			all = append(all, w)
		}
		return all
	}
}

// named reads what follows <function name=".
func named(body string) []written {
	name, rest, ok := strings.Cut(body, `">`)
	if !ok || name == "" {
		return nil
	}
	return []written{{name: name, fields: fieldsOf(param, rest)}}
}

// functions reads what follows <function=, where the arguments are an object.
func functions(body string) []written {
	name, arguments, _ := strings.Cut(body, ">")
	if arguments = strings.TrimSpace(arguments); name == "" || !isObject(arguments) {
		return nil
	}
	return []written{{name: name, arguments: arguments}}
}

// opened reads the calls of Kimi K3.
func opened(body string) []written {
	var all []written
	for _, m := range openCall.FindAllStringSubmatch(body, -1) {
		w := written{name: m[1]}
		for _, f := range openArg.FindAllStringSubmatch(m[2], -1) {
			kind := "value"
			if f[2] == "string" {
				kind = "text"
			}
			w.fields = append(w.fields, field{f[1], f[3], kind})
		}
		all = append(all, w)
	}
	return all
}

// pairs returns the calls that a pattern finds: a name, and an object.
func pairs(pattern *regexp.Regexp, body string) []written {
	var all []written
	for _, m := range pattern.FindAllStringSubmatch(body, -1) {
		if !isObject(m[2]) {
			return nil
		}
		all = append(all, written{name: strings.TrimSpace(m[1]), arguments: strings.TrimSpace(m[2])})
	}
	return all
}

// sectioned reads the calls of Kimi K2.
func sectioned(body string) []written { return pairs(section, body) }

// deepseek reads the calls of DeepSeek R1 and V3.1.
func deepseek(body string) []written { return pairs(deepCall, body) }

// harmony reads what follows "to=functions." in a message of gpt-oss.
func harmony(body string) []written { return pairs(channel, body) }

// mistral reads what follows [TOOL_CALLS]: a list of objects, or a name, an id and an object.
func mistral(body string) []written {
	var all []written
	for part := range strings.SplitSeq(body, "[TOOL_CALLS]") {
		part = strings.TrimSpace(part)
		if m := bracket.FindStringSubmatch(part); m != nil && isObject(m[3]) {
			all = append(all, written{id: m[2], name: strings.TrimSpace(m[1]), arguments: strings.TrimSpace(m[3])})
			continue
		}
		calls := objects(part)
		if calls == nil {
			return nil
		}
		all = append(all, calls...)
	}
	return all
}

// pythonic reads a list of calls in Python: [a(x=1), b()].
func pythonic(body string) []written {
	body = strings.TrimSpace(body)
	if !strings.HasPrefix(body, "[") || !strings.HasSuffix(body, "]") || len(body) < 2 {
		return nil
	}
	inner := body[1 : len(body)-1]
	var all []written
	for inner = strings.TrimSpace(inner); inner != ""; inner = strings.TrimLeft(inner, " \n,") {
		m := callee.FindStringSubmatch(inner)
		if m == nil {
			return nil
		}
		w := written{name: m[1], arguments: "{"}
		inner = strings.TrimSpace(inner[len(m[0]):])
		for !strings.HasPrefix(inner, ")") {
			name, rest, ok := strings.Cut(inner, "=")
			if !ok {
				return nil
			}
			value, rest, ok := literal(rest)
			if !ok {
				return nil
			}
			if len(w.arguments) > 1 {
				w.arguments += ", "
			}
			w.arguments += quote(strings.TrimSpace(name)) + ": " + value
			inner = strings.TrimLeft(rest, " \n,")
		}
		w.arguments += "}"
		inner = inner[1:]
		all = append(all, w)
	}
	return all
}

// gemma reads call:NAME{…}.
func gemma(body string) []written {
	rest, ok := strings.CutPrefix(strings.TrimSpace(body), "call:")
	at := strings.IndexByte(rest, '{')
	if !ok || at < 1 {
		return nil
	}
	value, end, ok := literal(rest[at:])
	if !ok || strings.TrimSpace(end) != "" {
		return nil
	}
	return []written{{name: strings.TrimSpace(rest[:at]), arguments: value}}
}
