package model

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// FindGGUF returns the name of the GGUF file that is opened of a folder, or "" where none is: the one that [Options.GGUF]
// names; else none of a folder that has config.json with weights of Hugging Face's kind; else the only one there is. Of a
// model in several files it is the first that is there. Files with mmproj in their name, which hold the part of a model that
// reads pictures, do not count beside others. Several models are an error that lists them.
func FindGGUF(fsys fs.FS, opt Options) (string, error) {
	if opt.GGUF != "" {
		return opt.GGUF, nil
	}
	names := ggufFiles(fsys)
	switch {
	case len(names) == 0 || sidefile.Exists(fsys, "config.json") && hf.HasWeights(fsys):
		return "", nil
	case len(names) > 1:
		const most = 50
		list, more := names, ""
		if len(list) > most {
			list, more = list[:most], fmt.Sprintf(" and %d more", len(names)-most)
		}
		return "", fmt.Errorf("model: the folder has %d models in GGUF, %.5000s%s: name one in Options.GGUF",
			len(names), strings.Trim(fmt.Sprintf("%q", list), "[]"), more)
	}
	return names[0], nil
}

// ggufFiles returns the files of a folder that are models, and of a model in parts the first.
func ggufFiles(fsys fs.FS) []string {
	var names []string
	seen := map[string]bool{}
	for _, e := range sidefile.List(fsys, ".") {
		name := e.Name()
		if path.Ext(name) != ".gguf" || e.IsDir() || seen[gguf.ModelName(name)] {
			continue
		}
		seen[gguf.ModelName(name)] = true
		names = append(names, name)
	}
	isPictures := func(name string) bool { return strings.Contains(strings.ToLower(name), "mmproj") }
	if models := slices.DeleteFunc(slices.Clone(names), isPictures); len(models) > 0 {
		return models
	}
	return names
}

// openGGUF reads a GGUF of a folder.
func openGGUF(fsys fs.FS, name string, opt Options) (*folder, error) {
	file, err := gguf.Open(fsys, name)
	if err != nil {
		return nil, err
	}
	f, err := newGGUF(file, name, opt)
	if err != nil {
		file.Close()
	}
	return f, err
}

func newGGUF(file *gguf.File, name string, opt Options) (*folder, error) {
	m, err := llamacpp.Open(file.Metadata(), file)
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", name, err)
	}
	f, err := parseFolder(name, m.Config, m.Weights, opt)
	if err != nil {
		return nil, err
	}
	f.metadata, f.chats, f.pre, f.own = file.Metadata(), m.ChatTemplates, opt.PreTokenizer, true
	return f, f.prepare(opt)
}

// ggufTokenizer opens the tokenizer of a GGUF, or returns nil if it has none.
func (f *folder) ggufTokenizer() (*tokenizer.Tokenizer, error) {
	const key = "tokenizer.ggml.model"
	if !f.metadata.Has(key) {
		return nil, nil
	}
	if kind, err := f.metadata.String(key); err == nil && (kind == "none" || kind == "no_vocab") {
		return nil, nil
	}
	t, err := tokenizer.OpenGGUF(f.metadata, tokenizer.GGUFOptions{Pre: f.pre})
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", f.config.Path(), err)
	}
	return t, nil
}
