package chat_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/tokenizer/chat"
)

// notParsed are published templates whose models mark calls in ways that are not read, and why.
var notParsed = map[string]string{
	"muse-glimmer":                    "each call is a message of its own, whose header names the tool",
	"llama-cpp-rwkv-world":            "it writes no calls",
	"microsoft-Phi-3.5-mini-instruct": "it writes no calls",
}

// What published templates make of calls reads back as the calls, whole and cut into pieces anywhere.
func TestFormats(t *testing.T) {
	folder := os.Getenv("TRANSFORMER_FIXTURES")
	if folder == "" {
		t.Skip("TRANSFORMER_FIXTURES is not set: it names a folder with published chat templates")
	}
	files, err := filepath.Glob(filepath.Join(folder, "chat", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	read := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			if why, ok := notParsed[name]; ok {
				t.Skip(why)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var f struct {
				Template string
				Cases    []struct {
					Name, Text string
					Variables  map[string]json.RawMessage
				}
			}
			if err := json.Unmarshal(raw, &f); err != nil {
				t.Fatal(err)
			}
			templates, err := chat.New(map[string]string{"": f.Template}, nil, chat.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range f.Cases {
				if c.Name == "two calls" && (name == "GigaChat3.1-10B-A1.8B" || name == "NVIDIA-Nemotron-Nano-v2") {
					continue // the first writes one call alone; the second puts content among thoughts, and ends the turn after it
				}
				if c.Text != "" && strings.Contains(string(c.Variables["messages"]), "tool_calls") {
					read++
					checkCalls(t, templates, c.Name, c.Variables)
				}
			}
		})
	}
	if read < 50 {
		t.Errorf("%d conversations with calls", read)
	}
}

func checkCalls(t *testing.T, templates *chat.Templates, name string, variables map[string]json.RawMessage) {
	t.Helper()
	messages, err := chat.ParseMessages(variables["messages"])
	if err != nil {
		t.Fatal(err)
	}
	o := chat.Options{Now: func() time.Time { return time.Date(2026, 11, 27, 13, 45, 0, 0, time.UTC) }}
	var tools []json.RawMessage
	if err := json.Unmarshal(variables["tools"], &tools); err != nil {
		t.Fatal(err)
	}
	for _, raw := range tools {
		o.Tools = append(o.Tools, chat.Tool{Raw: raw})
	}
	for _, known := range []string{"messages", "tools", "documents", "add_generation_prompt"} {
		delete(variables, known)
	}
	if o.Variables, err = json.Marshal(variables); err != nil {
		t.Fatal(err)
	}
	at := 0
	for messages[at].ToolCalls == nil {
		at++
	}
	show := func(messages []chat.Message, prompt bool) string {
		o.GenerationPrompt = prompt
		text, err := templates.Render(messages, o)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	prompt, whole := show(messages[:at], true), show(messages[:at+1], false)
	n := 0
	for n < len(prompt) && n < len(whole) && prompt[n] == whole[n] {
		n++
	}
	if open := strings.LastIndexAny(whole[:n], "<[{"); open > strings.LastIndexAny(whole[:n], ">]}") {
		n = open // not within a mark
	}
	const word = "unlikely"
	plain := show(append(append([]chat.Message{}, messages[:at]...), chat.Message{Role: "assistant", Content: word}), false)
	_, end, _ := strings.Cut(plain, word)
	prompt, answer := whole[:n], strings.TrimSuffix(whole[n:], end)
	format, err := templates.Format("")
	if err != nil {
		t.Fatal(err)
	}
	want := messages[at]
	for _, size := range []int{len(answer), 1, 2, 3, 7} {
		r := format.NewReader(prompt, o.Tools)
		var got chat.Message
		add := func(pieces []chat.Piece) {
			for _, p := range pieces {
				got.Content += p.Content
				if p.Call != nil {
					got.ToolCalls = append(got.ToolCalls, *p.Call)
				}
			}
		}
		for rest := answer; rest != ""; {
			cut := min(size, len(rest))
			add(r.Write(rest[:cut]))
			rest = rest[cut:]
		}
		add(r.Close())
		if len(got.ToolCalls) != len(want.ToolCalls) {
			t.Errorf("%s in pieces of %d: %d calls of %d in %q: %+v", name, size, len(got.ToolCalls), len(want.ToolCalls), answer, got)
			return
		}
		for i, c := range got.ToolCalls {
			if w := want.ToolCalls[i]; c.Name != w.Name || !sameJSON(t, c.Arguments, w.Arguments) {
				t.Errorf("%s: call %s(%s) of %q, want %s(%s)", name, c.Name, c.Arguments, answer, w.Name, w.Arguments)
			}
		}
		// What ends the turn may follow: the model's last token is none of the answer.
		if strings.Contains(whole[n:], want.Content) && !strings.HasPrefix(got.Content, want.Content) && !strings.HasSuffix(got.Content, want.Content) {
			t.Errorf("%s: content %q of %q, want %q", name, got.Content, answer, want.Content)
		}
	}
}

func sameJSON(t *testing.T, a, b json.RawMessage) bool {
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Errorf("%s: %v", a, err)
		return false
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

// Answers in the forms of models, read as messages.
func TestAnswers(t *testing.T) {
	const think = "<think>\n</think>"
	const tag = "<tool_call>"
	tools := []chat.Tool{{Name: "f", Parameters: json.RawMessage(`{"type":"object","properties":{"s":{"type":"string"},"n":{"type":"integer"}}}`)}}
	for _, c := range []struct {
		template, prompt, answer string
		content, reasoning       string
		calls                    []string // NAME ARGUMENTS
	}{
		{"", "", "Hello <tool_call>", "Hello <tool_call>", "", nil},
		{think, "", "<think>\nhm\n</think>\n\nYes.", "Yes.", "hm", nil},
		{think, "assistant\n<think>\n", "hm\n</think>\n\nYes.", "Yes.", "hm", nil},
		{think, "<think>\n\n</think>\n\n", "Yes.", "Yes.", "", nil},
		{think, "", "<think>never ends ", "", "never ends", nil},
		{think, "", "a < b <thin ice", "a < b <thin ice", "", nil},
		{tag, "", "Let me.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"s\": \"1\"}}\n</tool_call>", "Let me.", "", []string{`f {"s": "1"}`}},
		{tag, "", "<tool_call>{\"name\": \"f\", \"arguments\": {}}", "", "", []string{`f {}`}}, // the end of the text closes it
		{tag, "", "<tool_call>not a call</tool_call> end", "<tool_call>not a call</tool_call> end", "", nil},
		{tag, "", "<tool_call>{\"name\": 3}</tool_call>", "<tool_call>{\"name\": 3}</tool_call>", "", nil},
		{tag, "", "x <tool_call>f<arg_key>s</arg_key><arg_value>12</arg_value><arg_key>n</arg_key><arg_value>12</arg_value></tool_call>", "x", "", []string{`f {"s": "12", "n": 12}`}},
		{tag, "", "<tool_call>\n<function=f>\n<parameter=s>\ntwo\nlines\n</parameter>\n<parameter=n>\n3\n</parameter>\n</function>\n</tool_call>", "", "", []string{`f {"s": "two\nlines", "n": 3}`}},
		{"<|start_header_id|>", "", "{\"name\": \"f\", \"parameters\": {\"n\": 1}}", "", "", []string{`f {"n": 1}`}},
		{"<|start_header_id|>", "", "{\"a\": [1, 2]}", "{\"a\": [1, 2]}", "", nil},
		{"[TOOL_CALLS]", "", "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {}, \"id\": \"1\"}, {\"name\": \"g\", \"arguments\": {\"x\": null}}]", "", "", []string{`f {}`, `g {"x": null}`}},
		{"[TOOL_CALLS]", "", "Hm.[TOOL_CALLS]f[ARGS]{\"n\": 1}[TOOL_CALLS]g[CALL_ID]9[ARGS]{}", "Hm.", "", []string{`f {"n": 1}`, `g {}`}},
		{"<|tool_call_start|>", "", "<|tool_call_start|>[f(s='it\\'s', n=-2), g(x=[1, {'q': None}], y=True,)]<|tool_call_end|>ok", "ok", "", []string{`f {"s": "it's", "n": -2}`, `g {"x": [1, {"q": null}], "y": true}`}},
		{"<|channel|>commentary <|channel|>analysis", "<|start|>assistant", "<|channel|>analysis<|message|>think<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"n\": 1}<|call|>", "", "think", []string{`f {"n": 1}`}},
		{"<|channel|>commentary <|channel|>analysis", "<|start|>assistant", " to=functions.f<|channel|>commentary json<|message|>{\"n\": 1}<|call|>", "", "", []string{`f {"n": 1}`}},
		{"<|channel|>commentary <|channel|>analysis", "<|start|>assistant", "<|channel|>final<|message|>Yes.<|return|>", "Yes.", "", nil},
		{"<|tool_call>", "", "<|tool_call>call:f{s:<|\"|>a, \"b\"<|\"|>,n:1}<tool_call|>", "", "", []string{`f {"s": "a, \"b\"", "n": 1}`}},
		{"<｜tool▁calls▁begin｜>", "", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"n\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "", "", []string{`f {"n": 1}`}},
	} {
		templates, err := chat.New(map[string]string{"": "{# " + strings.ReplaceAll(c.template, "#", "") + " #}"}, nil, chat.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		format, err := templates.Format("")
		if err != nil {
			t.Fatal(err)
		}
		m := format.Parse(c.prompt, c.answer, tools)
		var calls []string
		for _, x := range m.ToolCalls {
			calls = append(calls, x.Name+" "+string(x.Arguments))
		}
		if m.Content != c.content || m.Reasoning != c.reasoning || strings.Join(calls, "|") != strings.Join(c.calls, "|") {
			t.Errorf("%q: content %q, reasoning %q, calls %q; want %q, %q, %q", c.answer, m.Content, m.Reasoning, calls, c.content, c.reasoning, c.calls)
		}
	}
}

// Any answer in any pieces gives the same message, and no panic.
func FuzzReader(f *testing.F) {
	source := "{# </think><tool_call><|start_header_id|>[TOOL_CALLS]<|tool_call_start|><|tool_call>｜DSML｜<function name=\"<|open|><|channel|>commentary <|channel|>analysis <｜tool▁calls▁begin｜><|START_ACTION|> #}"
	templates, err := chat.New(map[string]string{"": source}, nil, chat.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	format, err := templates.Format("")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"<think>a</think> b<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>", "[TOOL_CALLS]f[ARGS]{}", "<|tool_call_start|>[f(a=1)]<|tool_call_end|>", "{\"name\": \"x\", \"parameters\": {}}"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, answer string, size int) {
		whole := format.Parse("", answer, nil)
		r := format.NewReader("", nil)
		cut := chat.Message{Role: "assistant"}
		add := func(pieces []chat.Piece) {
			for _, p := range pieces {
				cut.Content += p.Content
				cut.Reasoning += p.Reasoning
				if p.Call != nil {
					cut.ToolCalls = append(cut.ToolCalls, *p.Call)
				}
			}
		}
		for rest := answer; rest != ""; {
			n := min(max(size, 1), len(rest))
			add(r.Write(rest[:n]))
			rest = rest[n:]
		}
		add(r.Close())
		if whole.Content != cut.Content || whole.Reasoning != cut.Reasoning || len(whole.ToolCalls) != len(cut.ToolCalls) {
			t.Errorf("%q in pieces of %d: %+v, whole %+v", answer, size, cut, whole)
		}
		for _, c := range whole.ToolCalls {
			if !json.Valid(c.Arguments) || c.Name == "" {
				t.Errorf("%q: %q(%s)", answer, c.Name, c.Arguments)
			}
		}
	})
}
