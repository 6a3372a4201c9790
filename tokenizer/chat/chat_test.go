package chat_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tokenizer"
	"github.com/seed2010d43f/transformer/tokenizer/chat"
)

// Text that spells out special tokens has the reference's ids, as plain text and as tokens, wherever a template moves it.
func TestIDs(t *testing.T) {
	var cases []struct {
		Folder, Template string
		Messages         json.RawMessage
		Tools            []json.RawMessage
		Documents        []chat.Document
		Plain, Tokens    []int
		PlainError       string `json:"plain_error"`
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "testdata/ids.json.gz"), &cases); err != nil || len(cases) < 300 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	folders := tensortest.Zip(t, "../testdata/classes/folders.zip.gz")
	vocabs := map[string]*tokenizer.Tokenizer{}
	for i, c := range cases {
		v := vocabs[c.Folder]
		if v == nil {
			sub, err := fs.Sub(folders, c.Folder)
			if err != nil {
				t.Fatal(err)
			}
			if v, err = tokenizer.Open(sub); err != nil {
				t.Fatal(err)
			}
			vocabs[c.Folder] = v
		}
		templates, err := chat.New(map[string]string{"": c.Template}, v, chat.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		messages, err := chat.ParseMessages(c.Messages)
		if err != nil {
			t.Fatal(err)
		}
		o := chat.Options{Documents: c.Documents}
		for _, raw := range c.Tools {
			o.Tools = append(o.Tools, chat.Tool{Raw: raw})
		}
		ids, err := templates.Encode(messages, o)
		if c.PlainError != "" {
			if err == nil || !strings.Contains(err.Error(), "cannot be plain text") {
				// Where the reference finds the token in its own plain text, this tokenizer need not: then the token is not there.
				for _, a := range v.AddedTokens() {
					if a.Special && a.ID != v.Special().UNK && slices.Contains(ids, a.ID) && !slices.Contains(c.Tokens, a.ID) {
						t.Errorf("case %d, %s: %v, %v; the reference: %s", i, c.Folder, ids, err, c.PlainError)
					}
				}
			}
		} else if err != nil || !slices.Equal(ids, c.Plain) {
			t.Errorf("case %d, %s, %s\n%s\n%v, %v, want\n%v", i, c.Folder, c.Template, c.Messages, ids, err, c.Plain)
		}
		o.SpecialTokens = true
		if ids, err = templates.Encode(messages, o); err != nil || !slices.Equal(ids, c.Tokens) {
			t.Errorf("case %d, %s, %s as tokens\n%s\n%v, %v, want\n%v", i, c.Folder, c.Template, c.Messages, ids, err, c.Tokens)
		}
	}
}

// Conversations of trained models have the reference's texts and ids.
func TestReal(t *testing.T) {
	root := os.Getenv("TRANSFORMER_REAL")
	if root == "" {
		t.Skip("TRANSFORMER_REAL is not set: it names a folder with real models")
	}
	for _, name := range []string{"smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"} {
		t.Run(name, func(t *testing.T) {
			fsys := os.DirFS(filepath.Join(root, name))
			v, err := tokenizer.Open(fsys)
			if err != nil {
				t.Fatal(err)
			}
			templates, err := chat.Open(fsys, v)
			if err != nil {
				t.Fatal(err)
			}
			data, err := fs.ReadFile(fsys, "chats.json")
			if err != nil {
				t.Fatal(err)
			}
			var cases []struct {
				Messages json.RawMessage
				Tools    []json.RawMessage
				Text     string
				IDs      []int
			}
			if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
				t.Fatalf("%d cases: %v", len(cases), err)
			}
			for _, c := range cases {
				messages, err := chat.ParseMessages(c.Messages)
				if err != nil {
					t.Fatal(err)
				}
				o := chat.Options{GenerationPrompt: true}
				for _, raw := range c.Tools {
					o.Tools = append(o.Tools, chat.Tool{Raw: raw})
				}
				if text, err := templates.Render(messages, o); err != nil || text != c.Text {
					t.Errorf("%q, %v, want\n%q", text, err, c.Text)
				}
				if ids, err := templates.Encode(messages, o); err != nil || !slices.Equal(ids, c.IDs) {
					t.Errorf("%v, %v, want\n%v", ids, err, c.IDs)
				}
			}
		})
	}
}

const roles = "{% for m in messages %}<{{ m.role }}>{{ m.reasoning_content }}{{ m.content }}{{ m.tool_calls | tojson if m.tool_calls }}</{{ m.role }}>{% endfor %}{{ '<assistant>' if add_generation_prompt }}"

func render(t *testing.T, source string, messages []chat.Message, o chat.Options) (string, error) {
	t.Helper()
	templates, err := chat.New(map[string]string{"default": source}, nil, chat.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return templates.Render(messages, o)
}

// The fields of messages, tools and documents arrive where templates look for them.
func TestFields(t *testing.T) {
	yes := true
	for _, c := range []struct {
		source   string
		messages []chat.Message
		o        chat.Options
		want     string
	}{
		{roles, []chat.Message{{Role: "user", Content: "a"}}, chat.Options{GenerationPrompt: true}, "<user>a</user><assistant>"},
		{roles, []chat.Message{{Role: "assistant", Reasoning: "hm ", ToolCalls: []chat.ToolCall{{ID: "1", Name: "f", Arguments: json.RawMessage(`{"b": 1, "a": [2.0, null]}`)}}}}, chat.Options{},
			`<assistant>hm [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"b": 1, "a": [2.0, null]}}}]</assistant>`},
		{"{{ messages[0].thinking }}{{ messages[0].content is defined }}", []chat.Message{{Role: "assistant", Reasoning: "x"}}, chat.Options{}, "xTrue"},
		{"{{ messages[0].a }}{{ messages[0].b is defined }}", []chat.Message{{Role: "user", Extra: json.RawMessage(`{"a":[1],"b":null}`)}}, chat.Options{}, "[1]False"},
		{"{{ messages[0].content }}", []chat.Message{{Role: "user", Parts: []chat.Part{{Text: "a"}, {Type: "image"}}}}, chat.Options{}, "[{'type': 'text', 'text': 'a'}, {'type': 'image'}]"},
		{"{{ tools | tojson }}{{ documents }}{{ x is defined }}", []chat.Message{{Role: "user"}}, chat.Options{Tools: []chat.Tool{{Name: "f", Description: "does", Parameters: json.RawMessage(`{"type":"object"}`)}}},
			`[{"type": "function", "function": {"name": "f", "description": "does", "parameters": {"type": "object"}}}]NoneFalse`},
		{"{{ enable_thinking }}{{ effort }}{{ documents[0].title }}{{ documents[0].n }}", []chat.Message{{Role: "user"}},
			chat.Options{Thinking: &yes, Variables: json.RawMessage(`{"effort":"low"}`), Documents: []chat.Document{{Title: "T", Extra: json.RawMessage(`{"n":3}`)}}}, "TruelowT3"},
		{roles, []chat.Message{{Role: "assistant", Content: "go "}}, chat.Options{Continue: true}, "<assistant>go "},
		{"{{ messages[-1].content | trim }}END", []chat.Message{{Role: "assistant", Content: "go "}}, chat.Options{Continue: true}, "go"},
		{roles, []chat.Message{{Role: "assistant", Reasoning: "so"}}, chat.Options{Continue: true, ContinueField: "reasoning_content"}, "<assistant>so"},
		{"{{ messages[0].content[-1].text }}END", []chat.Message{{Role: "assistant", Parts: []chat.Part{{Text: "a"}, {Type: "image"}, {Text: "b"}}}}, chat.Options{Continue: true}, "b"},
		{"[poet]{{ messages[0].role }}", []chat.Message{{Role: "poet"}}, chat.Options{}, "[poet]poet"},
	} {
		if got, err := render(t, c.source, c.messages, c.o); err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.source, got, err, c.want)
		}
	}
}

// What a conversation cannot be is an error that says where.
func TestRefused(t *testing.T) {
	user := []chat.Message{{Role: "user", Content: "a"}}
	for name, c := range map[string]struct {
		source   string
		messages []chat.Message
		o        chat.Options
		want     string
	}{
		"empty":            {roles, nil, chat.Options{}, "no messages"},
		"no role":          {roles, []chat.Message{{Content: "a"}}, chat.Options{}, "message 0 has no role"},
		"unknown role":     {roles, []chat.Message{{Role: "user"}, {Role: "poet"}}, chat.Options{}, `message 1: the template does not know the role "poet"`},
		"bytes":            {roles, []chat.Message{{Role: "user", Content: "a\xff"}}, chat.Options{}, "message 0: content is not UTF-8"},
		"bytes in a tool":  {roles, user, chat.Options{Tools: []chat.Tool{{Name: "\xff"}}}, "tool 0: name is not UTF-8"},
		"arguments":        {roles, []chat.Message{{Role: "assistant", ToolCalls: []chat.ToolCall{{Name: "f", Arguments: json.RawMessage(`[1]`)}}}}, chat.Options{}, "message 0, call 0: the arguments: \"[1]\" is no JSON object"},
		"schema":           {roles, user, chat.Options{Tools: []chat.Tool{{Name: "f", Parameters: json.RawMessage(`{`)}}}, "tool 0: parameters"},
		"two contents":     {roles, []chat.Message{{Role: "user", Content: "a", Parts: []chat.Part{{}}}}, chat.Options{}, "both content and parts"},
		"two ends":         {roles, user, chat.Options{Continue: true, GenerationPrompt: true}, "set one of them"},
		"nothing to go on": {roles, []chat.Message{{Role: "assistant"}}, chat.Options{Continue: true, ContinueField: "reasoning_content"}, "has no \"reasoning_content\""},
		"not shown":        {"{{ 'content' }}", user, chat.Options{Continue: true}, "cannot be continued"},
		"raised":           {"{{ raise_exception('no ' + messages[0].role) }}", user, chat.Options{}, "TemplateError: no user"},
		"template":         {roles, user, chat.Options{Template: "rag"}, `no template "rag"`},
		"variables":        {roles, user, chat.Options{Variables: json.RawMessage(`3`)}, "variables"},
		"growing":          {"{% set n = namespace(x=messages[0].content) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}", user, chat.Options{}, "LimitError"},
		"no tokenizer":     {roles, user, chat.Options{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "no tokenizer" {
				templates, err := chat.New(map[string]string{"": roles}, nil, chat.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := templates.Encode(user, c.o); err == nil {
					t.Error("ids without a tokenizer")
				}
				return
			}
			if _, err := render(t, c.source, c.messages, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// A folder's templates are read from wherever the reference reads them.
func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		names []string
		want  string
	}{
		"file":   {map[string]string{"chat_template.jinja": "A", "tokenizer_config.json": `{"chat_template": "B"}`}, []string{"default"}, "A"},
		"config": {map[string]string{"tokenizer_config.json": `{"chat_template": "B"}`}, []string{"default"}, "B"},
		"list":   {map[string]string{"tokenizer_config.json": `{"chat_template": [{"name": "default", "template": "C"}, {"name": "rag", "template": "D"}]}`}, []string{"default", "rag"}, "C"},
		"older":  {map[string]string{"chat_template.json": `{"chat_template": "E"}`, "tokenizer_config.json": `{}`}, []string{"default"}, "E"},
		"folder": {map[string]string{"chat_template.jinja": "F", "additional_chat_templates/tool_use.jinja": "G"}, []string{"default", "tool_use"}, "F"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for file, text := range c.files {
				fsys[file] = &fstest.MapFile{Data: []byte(text)}
			}
			templates, err := chat.Open(fsys, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(templates.Names(), c.names) {
				t.Errorf("%q, want %q", templates.Names(), c.names)
			}
			if got, err := templates.Render([]chat.Message{{Role: "user"}}, chat.Options{}); err != nil || got != c.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	if _, err := chat.Open(fstest.MapFS{"tokenizer_config.json": &fstest.MapFile{Data: []byte(`{}`)}}, nil); !errors.Is(err, chat.ErrNone) {
		t.Errorf("without a template: %v", err)
	}
	for _, bad := range []string{`{"chat_template": 3}`, `{"chat_template": "{{"}`, `[`} {
		if _, err := chat.Open(fstest.MapFS{"tokenizer_config.json": &fstest.MapFile{Data: []byte(bad)}}, nil); err == nil || errors.Is(err, chat.ErrNone) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
