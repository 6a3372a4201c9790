package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// ConvertGGUF returns the metadata and the tensors of the GGUF file that llama.cpp's converter makes of a Hugging Face folder,
// with its tokenizer and chat templates. Give them to [gguf.Write], or the tensors to package quantize before. Close the
// tensors afterwards. name becomes general.name, if it is not "".
//
// [llamacpp.Writable] lists the model_types, and tokenizer.ReadGGUFVocabulary says which tokenizers are written;
// [Options.PreTokenizer] names what a tokenizer does not say. What a file cannot say is an error that names it. A folder
// without a tokenizer becomes a file without one.
func ConvertGGUF(fsys fs.FS, name string, opt Options) (*gguf.Metadata, checkpoint.Source, error) {
	if !sidefile.Exists(fsys, "config.json") {
		return nil, nil, errors.New("model: no config.json here: a Hugging Face folder becomes a GGUF file")
	}
	data, err := sidefile.Read(fsys, "config.json", sidefile.MaxConfig)
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	f, err := newFolder(data, nil, opt)
	if err != nil {
		return nil, nil, err
	}
	f.fsys = fsys
	if f.config, err = f.config.WithQuantization(fsys); err != nil {
		return nil, nil, err
	}
	if f.src, err = hf.OpenWeights(fsys); err != nil {
		return nil, nil, err
	}
	meta, src, err := f.toGGUF(name, opt)
	if err != nil {
		return nil, nil, errors.Join(err, f.src.Close())
	}
	return meta, src, nil
}

func (f *folder) toGGUF(name string, opt Options) (*gguf.Metadata, checkpoint.Source, error) {
	if err := f.prepare(opt); err != nil {
		return nil, nil, err
	}
	meta, src, err := llamacpp.Convert(f.config, f.src)
	if err != nil {
		return nil, nil, err
	}
	if name != "" {
		meta.Set("general.name", gguf.Of(name))
	}
	const generation = "generation_config.json"
	if sidefile.Exists(f.fsys, generation) {
		data, err := sidefile.Read(f.fsys, generation, sidefile.MaxConfig)
		if err != nil {
			return nil, nil, fmt.Errorf("model: %w", err)
		}
		c, err := hf.ParseConfig(generation, data)
		if err == nil {
			err = llamacpp.SetSampling(meta, c)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	for _, file := range []string{"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"} {
		if sidefile.Exists(f.fsys, file) {
			return meta, src, f.vocabulary(meta, src, opt)
		}
	}
	meta.Set("tokenizer.ggml.model", gguf.Of("no_vocab"))
	return meta, src, nil
}

// vocabulary writes the tokenizer.
func (f *folder) vocabulary(meta *gguf.Metadata, src checkpoint.Source, opt Options) error {
	info, _ := src.Lookup("token_embd.weight")
	o := tokenizer.GGUFWriteOptions{Pre: opt.PreTokenizer, Size: info.Shape[0], IDs: map[string]int{}}
	for _, part := range []string{"bos", "eos", "unk", "sep", "pad", "cls", "mask"} {
		var id int // a list of several is left out, as llama.cpp's converter does
		if json.Unmarshal(f.config.Raw(part+"_token_id"), &id) == nil && f.config.Has(part+"_token_id") && id >= 0 && id < o.Size {
			o.IDs[part] = id
		}
	}
	v, err := tokenizer.ReadGGUFVocabulary(f.fsys, o)
	if err != nil {
		return err
	}
	const key = "tokenizer.ggml."
	meta.Set(key+"model", gguf.Of(v.Model))
	meta.Set(key+"pre", gguf.Of(v.Pre))
	meta.Set(key+"tokens", gguf.ArrayOf(v.Tokens))
	if v.Scores != nil {
		meta.Set(key+"scores", gguf.ArrayOf(v.Scores))
	}
	meta.Set(key+"token_type", gguf.ArrayOf(v.Types))
	if v.Merges != nil {
		meta.Set(key+"merges", gguf.ArrayOf(v.Merges))
	}
	for _, part := range slices.Sorted(maps.Keys(v.IDs)) {
		meta.Set(key+part+"_token_id", gguf.Of(uint32(v.IDs[part])))
	}
	for _, flag := range slices.Sorted(maps.Keys(v.Flags)) {
		meta.Set(key+flag, gguf.Of(v.Flags[flag]))
	}
	var others []string
	for _, name := range slices.Sorted(maps.Keys(v.ChatTemplates)) {
		at := "tokenizer.chat_template"
		if name != "" {
			at, others = at+"."+name, append(others, name)
		}
		meta.Set(at, gguf.Of(v.ChatTemplates[name]))
	}
	if others != nil {
		meta.Set("tokenizer.chat_templates", gguf.ArrayOf(others))
	}
	return nil
}
