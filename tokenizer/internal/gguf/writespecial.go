package gguf

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
)

// processor is a post-processor of a tokenizer.json.
type processor struct {
	Type         string
	Processors   []processor
	Single, Pair []item
	CLS, Sep     []json.RawMessage
}

// item is a token, or a text, of a template.
type item struct {
	SpecialToken, Sequence *struct{ ID string }
}

func (i item) token() string {
	if i.SpecialToken == nil {
		return ""
	}
	return i.SpecialToken.ID
}

func (i item) text() string {
	if i.Sequence == nil {
		return ""
	}
	return i.Sequence.ID
}

// parts are the parts that tokens play, as configs call them, and as keys of files do.
var parts = [...]struct{ config, key string }{
	{"bos", "bos"}, {"eos", "eos"}, {"unk", "unknown"}, {"sep", "seperator"}, {"pad", "padding"}, {"cls", "cls"}, {"mask", "mask"}, {"eot", "eot"},
}

// special takes the tokens that play a part, and which of them go around texts. It decides as llama.cpp's converter does.
func (s *source) special() error {
	names := map[string]string{}
	for _, p := range parts[:7] {
		names[p.config] = s.named(p.config + "_token")
	}
	if s.has && s.config != nil {
		if names["bos"] == "" {
			names["bos"] = names["cls"]
		}
		if names["eos"] == "" {
			names["eos"] = names["sep"]
		}
	}
	if s.has {
		s.around(names)
		s.normalizer()
	}
	for _, p := range parts {
		key := "add_" + p.config + "_token"
		if b, ok := boolean(s.config[key]); ok && p.config != "eot" {
			if _, set := s.v.Flags[key]; !set && (p.config == "bos" || p.config == "eos" || p.config == "sep") {
				s.v.Flags[key] = b
			}
		}
		if text := names[p.config]; text != "" && s.config != nil {
			for _, a := range s.file.Added {
				if a.Content == text {
					s.v.IDs[p.key] = a.ID
					break
				}
			}
		}
		if id, ok := s.o.IDs[p.config]; ok && s.v.IDs[p.key] == 0 && !s.hasID(p.key) {
			s.v.IDs[p.key] = id
		}
	}
	for key, id := range s.v.IDs {
		if id < 0 || id >= len(s.v.Tokens) {
			return fmt.Errorf("the token that is %s has id %d; there are %d tokens", key, id, len(s.v.Tokens))
		}
	}
	return nil
}

func (s *source) hasID(key string) bool {
	_, ok := s.v.IDs[key]
	return ok
}

// named returns the text of a token that tokenizer_config.json names, or "".
func (s *source) named(key string) string {
	var text string
	if json.Unmarshal(s.config[key], &text) == nil {
		return text
	}
	var object struct{ Content string }
	if json.Unmarshal(s.config[key], &object) != nil {
		return ""
	}
	return object.Content
}

// around takes what the post-processor puts around texts.
func (s *source) around(names map[string]string) {
	if s.file.Post == nil {
		return
	}
	list := s.file.Post.Processors
	if list == nil {
		list = []processor{*s.file.Post}
	}
	flags := s.v.Flags
	unless := func(key string) {
		if _, set := flags[key]; !set {
			flags[key] = false
		}
	}
	for _, p := range list {
		switch p.Type {
		case "ByteLevel":
			unless("add_bos_token")
			unless("add_eos_token")
		case "RobertaProcessing":
			flags["add_bos_token"], flags["add_eos_token"], flags["add_sep_token"] = true, true, true
		case "TemplateProcessing":
			s.template(p, names)
		}
	}
}

// template reads a template as far as llama.cpp's converter does: one token at each end, and one or two between two texts.
func (s *source) template(p processor, names map[string]string) {
	flags := s.v.Flags
	first, last := "", ""
	if len(p.Single) > 1 {
		if first = p.Single[0].token(); first != "" {
			if s.config == nil {
				names["bos"] = first
			} else if first != names["bos"] && first != names["cls"] {
				if names["bos"] == "" {
					names["bos"] = first
				}
				if names["cls"] == "" {
					names["cls"] = first
				}
			}
			flags["add_bos_token"] = first == names["bos"] || first == names["cls"]
		}
		if last = p.Single[len(p.Single)-1].token(); last != "" {
			if s.config != nil && last != names["eos"] {
				names["eot"] = names["eos"]
			}
			names["eos"], flags["add_eos_token"] = last, true
		}
	}
	pair := p.Pair
	if len(pair) > 0 && first != "" && pair[0].token() == first {
		pair = pair[1:]
	}
	if len(pair) > 0 && last != "" && pair[len(pair)-1].token() == last {
		pair = pair[:len(pair)-1]
	}
	if len(pair) < 3 || pair[0].text() != "A" || pair[len(pair)-1].text() != "B" {
		return
	}
	between := pair[1 : len(pair)-1]
	ends := func(token string) bool { return token != "" && (token == names["sep"] || token == names["eos"]) }
	add := ends(between[0].token()) && last == "" || len(between) == 2 && ends(between[1].token())
	if flags["add_sep_token"] = add; add && names["sep"] == "" {
		names["sep"] = names["eos"]
	}
}

// normalizer takes whether letters become small and lose their accents.
func (s *source) normalizer() {
	s.file.Normalizer.each(func(t *stage) bool {
		switch t.Type {
		case "Lowercase":
			s.v.Flags["normalizer.lowercase"] = true
		case "StripAccents":
			s.v.Flags["normalizer.strip_accents"] = true
		case "BertNormalizer":
			if t.Lowercase != nil {
				s.v.Flags["normalizer.lowercase"] = *t.Lowercase
			}
			if t.StripAccents != nil {
				s.v.Flags["normalizer.strip_accents"] = *t.StripAccents
			}
		}
		return true
	})
}

// templates takes the chat templates: by name, the usual one under "".
func (s *source) templates(fsys fs.FS) error {
	raw := s.config["chat_template"]
	var list []struct{ Name, Template string }
	var one string
	switch {
	case raw != nil && json.Unmarshal(raw, &one) == nil:
		s.v.ChatTemplates[""] = one
	case raw != nil && json.Unmarshal(raw, &list) == nil:
		for _, t := range list {
			if t.Name == "default" {
				t.Name = ""
			}
			s.v.ChatTemplates[t.Name] = t.Template
		}
	case sidefile.Exists(fsys, "chat_template.jinja"):
		return s.jinja(fsys)
	case sidefile.Exists(fsys, "chat_template.json"):
		var file struct {
			Template string `json:"chat_template"`
		}
		if err := readJSON(fsys, "chat_template.json", sidefile.MaxConfig, &file); err != nil {
			return err
		}
		s.v.ChatTemplates[""] = file.Template
	}
	if s.v.ChatTemplates[""] == "" {
		delete(s.v.ChatTemplates, "")
	}
	return nil
}

// jinja reads templates from files of their own.
func (s *source) jinja(fsys fs.FS) error {
	const folder = "additional_chat_templates"
	names := []string{"chat_template.jinja"}
	for _, e := range sidefile.List(fsys, folder) {
		if path.Ext(e.Name()) == ".jinja" {
			names = append(names, path.Join(folder, e.Name()))
		}
	}
	slices.Sort(names[1:])
	for i, name := range names {
		text, err := sidefile.Read(fsys, name, sidefile.MaxConfig)
		if err != nil {
			return err
		}
		key := strings.TrimSuffix(path.Base(name), ".jinja")
		if i == 0 {
			key = ""
		}
		s.v.ChatTemplates[key] = string(text)
	}
	return nil
}
