package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tokenizer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/jinja"
)

// Limits bound what a template may use. A zero field means a default that is far above what published templates need.
type Limits = jinja.Limits

// An Error is what a template failed with: its kind, such as "TemplateError" for what the template itself raised, its
// message and the line.
type Error = jinja.Error

// Templates are the chat templates of a model, by name; most models have one.
type Templates struct {
	named  map[string]*jinja.Template
	tokens *jinja.Dict // bos_token and its like
	vocab  *tokenizer.Tokenizer
}

// ErrNone is the error for a model without a chat template.
var ErrNone = errors.New("chat: the model has no chat template")

// defaultName is the name of the template that is used where none is asked for.
const defaultName = "default"

// Open reads the templates of a model folder: chat_template.jinja and the files of additional_chat_templates, or
// chat_template of tokenizer_config.json, a text or a list of named ones, or chat_template.json. It returns [ErrNone] if
// there is none. t is the tokenizer of the folder.
func Open(fsys fs.FS, t *tokenizer.Tokenizer) (*Templates, error) {
	sources, err := Sources(fsys)
	if err != nil {
		return nil, err
	}
	return New(sources, t, Limits{})
}

// New parses templates by name; "" and "default" name the one that is used where none is asked for.
func New(sources map[string]string, t *tokenizer.Tokenizer, limits Limits) (*Templates, error) {
	if len(sources) == 0 {
		return nil, ErrNone
	}
	c := &Templates{named: map[string]*jinja.Template{}, tokens: &jinja.Dict{}, vocab: t}
	for name, source := range sources {
		if name == "" {
			name = defaultName
		}
		parsed, err := jinja.Parse(source, limits)
		if err != nil {
			return nil, fmt.Errorf("chat: template %s: %w", name, err)
		}
		c.named[name] = parsed
	}
	if t != nil {
		s := t.Special()
		for _, x := range []struct {
			key string
			id  int
		}{{"bos_token", s.BOS}, {"eos_token", s.EOS}, {"unk_token", s.UNK}, {"sep_token", s.SEP}, {"pad_token", s.PAD}, {"cls_token", s.CLS}, {"mask_token", s.Mask}} {
			if text, ok := t.Token(x.id); ok && x.id >= 0 {
				c.tokens.Set(jinja.Str(x.key), jinja.Str(text))
			}
		}
	}
	return c, nil
}

// Sources returns the text of the templates of a folder by name, for [New]; there may be none.
func Sources(fsys fs.FS) (map[string]string, error) {
	sources := map[string]string{}
	add := func(name, file string) error {
		data, err := sidefile.Read(fsys, file, sidefile.MaxConfig)
		if err == nil {
			sources[name] = string(data)
		}
		return err
	}
	if sidefile.Exists(fsys, "chat_template.jinja") {
		if err := add(defaultName, "chat_template.jinja"); err != nil {
			return nil, err
		}
	}
	const folder = "additional_chat_templates"
	entries, err := fs.ReadDir(fsys, folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("chat: %w", err)
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".jinja"); ok {
			if err := add(name, path.Join(folder, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	for _, file := range []string{"tokenizer_config.json", "chat_template.json"} {
		if len(sources) == 0 && sidefile.Exists(fsys, file) {
			if err := readConfig(fsys, file, sources); err != nil {
				return nil, err
			}
		}
	}
	return sources, nil
}

// readConfig adds the templates that a JSON file has under chat_template.
func readConfig(fsys fs.FS, file string, sources map[string]string) error {
	data, err := sidefile.Read(fsys, file, sidefile.MaxConfig)
	if err != nil {
		return err
	}
	var c struct {
		Template json.RawMessage `json:"chat_template"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("chat: %s: %w", file, err)
	}
	if c.Template == nil || string(c.Template) == "null" {
		return nil
	}
	var one string
	if json.Unmarshal(c.Template, &one) == nil {
		sources[defaultName] = one
		return nil
	}
	var list []struct{ Name, Template string }
	if err := json.Unmarshal(c.Template, &list); err == nil {
		for _, t := range list {
			sources[t.Name] = t.Template
		}
		return nil
	}
	if err := json.Unmarshal(c.Template, &sources); err != nil {
		return fmt.Errorf("chat: %s: chat_template is no text, and no list of name and template", file)
	}
	return nil
}

// Names returns the names of the templates, sorted.
func (c *Templates) Names() []string { return slices.Sorted(maps.Keys(c.named)) }

// choose returns the template that is asked for, or the usual one.
func (c *Templates) choose(o *Options) (*jinja.Template, error) {
	name := o.Template
	if name == "" {
		name = defaultName
		if _, ok := c.named["tool_use"]; ok && o.Tools != nil {
			name = "tool_use"
		}
	}
	if t, ok := c.named[name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("chat: the model has no template %q; Options.Template may be one of %q", name, c.Names())
}

// Options say how a conversation is written.
type Options struct {
	// GenerationPrompt adds the beginning of the assistant's next message, so that the model writes that message.
	GenerationPrompt bool

	// Continue leaves the last message open, so that the model goes on with it. It cannot be set with GenerationPrompt.
	Continue bool
	// ContinueField is the field that Continue goes on with; "" means content. "reasoning_content" is another.
	ContinueField string

	Tools     []Tool
	Documents []Document

	// Thinking, if not nil, tells templates of models that think whether to (the variable enable_thinking).
	Thinking *bool

	// Variables is an object with further variables for the template, such as {"reasoning_effort": "low"}.
	Variables json.RawMessage

	// Template names the template, for models with several. "" is the one for tools if there is such a one, and tools are
	// given, or else the usual one.
	Template string

	// SpecialTokens lets the text of messages, tools, documents and variables spell out special tokens.
	SpecialTokens bool

	// Now is the clock of templates that write the date; nil means time.Now.
	Now func() time.Time
}

// Render returns the conversation as text. An error of the template is an [*Error].
func (c *Templates) Render(messages []Message, o Options) (string, error) {
	t, err := c.choose(&o)
	if err != nil {
		return "", err
	}
	return c.render(t, messages, &o, nil)
}

// render renders a template; mark, if not nil, is applied to each text that is not the template's.
func (c *Templates) render(t *jinja.Template, messages []Message, o *Options, mark func(jinja.Value) jinja.Value) (string, error) {
	if mark == nil {
		mark = func(v jinja.Value) jinja.Value { return v }
	}
	if len(messages) == 0 {
		return "", errors.New("chat: the conversation has no messages")
	}
	list := jinja.NewList()
	for i := range messages {
		m, err := messages[i].value(i)
		if err == nil {
			err = known(t, i, messages[i].Role)
		}
		if err != nil {
			return "", err
		}
		list.Items = append(list.Items, mark(m))
	}
	variables := &jinja.Dict{}
	for k, v := range c.tokens.All {
		variables.Set(k, v)
	}
	if err := o.variables(variables, mark); err != nil {
		return "", err
	}
	variables.Set(jinja.Str("messages"), list)
	end := &continuation{}
	if o.Continue {
		var err error
		if end, err = openEnd(t, list, o); err != nil {
			return "", err
		}
	}
	text, err := t.Render(jinja.Context{Variables: variables, Now: o.Now})
	if err != nil {
		return "", fmt.Errorf("chat: %w", err)
	}
	return end.cut(text)
}

// roles are those that templates treat, each in its own way.
var roles = []string{"system", "developer", "user", "assistant", "tool", "function", "ipython", "model"}

// known returns an error for a role that no template knows and this one does not name: it would be dropped in silence,
// or taken for another.
func known(t *jinja.Template, i int, role string) error {
	if slices.Contains(roles, role) {
		return nil
	}
	for _, text := range t.Literals() {
		if strings.Contains(text, role) {
			return nil
		}
	}
	return fmt.Errorf("chat: message %d: the template does not know the role %.100q; use system, user, assistant or tool", i, role)
}

// variables sets what the options hand to a template.
func (o *Options) variables(to *jinja.Dict, mark func(jinja.Value) jinja.Value) error {
	if o.Variables != nil {
		d, err := object("variables", o.Variables)
		if err != nil {
			return err
		}
		for k, v := range d.All {
			to.Set(k, mark(v))
		}
	}
	if o.Thinking != nil {
		to.Set(jinja.Str("enable_thinking"), jinja.Bool(*o.Thinking))
	}
	set := func(name string, n int, value func(i int) (jinja.Value, error)) error {
		list := jinja.NewList()
		for i := range n {
			v, err := value(i)
			if err != nil {
				return err
			}
			list.Items = append(list.Items, mark(v))
		}
		to.Set(jinja.Str(name), jinja.None{})
		if n > 0 {
			to.Set(jinja.Str(name), list)
		}
		return nil
	}
	to.Set(jinja.Str("add_generation_prompt"), jinja.Bool(o.GenerationPrompt))
	return errors.Join(set("tools", len(o.Tools), func(i int) (jinja.Value, error) { return o.Tools[i].value(i) }),
		set("documents", len(o.Documents), func(i int) (jinja.Value, error) { return o.Documents[i].value(i) }))
}
