// Package tiny holds the models that the examples run when they are given none: a decoder of LLaMA's form
// that was trained on little stories, an encoder of BERT's form, one trunk with several heads, and an
// encoder–decoder of T5's form that translates between English and French. train/
// has the grammars their texts come from, and the training scripts.
package tiny

import (
	"embed"
	"fmt"
	"io/fs"
	"os"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tokenizer"
)

//go:embed decoder encoder classifier embedder tagger translator
var files embed.FS

// Open returns the decoder in a folder, or the tiny one if folder is empty. Progress is shown on the
// standard error stream.
func Open(folder string) (*model.Decoder, error) {
	if folder == "" {
		fsys, err := fs.Sub(files, "decoder")
		if err != nil {
			return nil, err
		}
		return model.OpenDecoder(fsys, model.Options{})
	}
	d, err := opened(folder, model.OpenDecoder)
	if err != nil {
		return nil, err
	}
	if d.Tokenizer == nil {
		return nil, fmt.Errorf("-model %s: the folder has no tokenizer (tokenizer.json, tokenizer.model, or vocab.json and merges.txt)", folder)
	}
	return d, nil
}

// Task returns what open makes of the folder that -model names, or what fresh makes of the tiny encoder
// with one of its heads if folder is empty: see [Encoder].
func Task[T any](folder, head string, fresh func(*model.Encoder) (*T, error), open func(fs.FS, model.Options) (*T, error)) (*T, error) {
	if folder == "" {
		e, err := Encoder(head)
		if err != nil {
			return nil, err
		}
		return fresh(e)
	}
	return opened(folder, open)
}

// opened returns what open makes of the folder that -model names.
func opened[T any](folder string, open func(fs.FS, model.Options) (*T, error)) (*T, error) {
	if err := check(folder); err != nil {
		return nil, err
	}
	t, err := open(os.DirFS(folder), model.Options{Progress: progress()})
	if err != nil {
		return nil, fmt.Errorf("-model %s: %w", folder, err)
	}
	return t, nil
}

// The head of the tiny translator that shows which words belong together: it was trained to.
const AlignmentLayer, AlignmentHead = 1, 0

// Translator returns what writes with the encoder–decoder in a folder, or with the tiny one if folder is
// empty.
func Translator(folder string) (*task.TextToText, error) {
	if folder == "" {
		fsys, err := fs.Sub(files, "translator")
		if err != nil {
			return nil, err
		}
		return task.OpenTextToText(fsys, model.Options{})
	}
	return opened(folder, task.OpenTextToText)
}

func exists(file string) bool {
	_, err := fs.Stat(files, file)
	return err == nil
}

func check(folder string) error {
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		return fmt.Errorf("-model: %w", err)
	case !info.IsDir():
		return fmt.Errorf("-model: %s is a file; give the folder with config.json, weights and tokenizer", folder)
	}
	return nil
}

// Encoder returns the tiny encoder with one of its heads: encoder, for masked words, tagger, classifier or
// embedder. The head's folder has a config and the head's weights, if it has any; the trunk's are in
// encoder.
func Encoder(head string) (*model.Encoder, error) {
	trunk, err := checkpoint.OpenFile(files, "encoder/model.safetensors")
	if err != nil {
		return nil, err
	}
	sources := []checkpoint.Source{trunk}
	if weights := head + "/model.safetensors"; head != "encoder" && exists(weights) {
		own, err := checkpoint.OpenFile(files, weights)
		if err != nil {
			return nil, err
		}
		sources = append(sources, own)
	}
	src, err := checkpoint.Join(sources...)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	config, err := files.ReadFile(head + "/config.json")
	if err != nil {
		return nil, err
	}
	e, err := model.NewEncoder(config, src, model.Options{})
	if err != nil {
		return nil, err
	}
	vocabulary, err := fs.Sub(files, "encoder")
	if err != nil {
		return nil, err
	}
	e.Tokenizer, err = tokenizer.Open(vocabulary)
	return e, err
}

// progress returns a function that shows how much has been read, and clears its line at the end, if the
// standard error stream is a terminal.
func progress() func(done, total int64) {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	last := -1
	return func(done, total int64) {
		percent := int(100 * done / max(total, 1))
		if percent == last {
			return
		}
		last = percent
		fmt.Fprintf(os.Stderr, "\rreading weights: %d %%", percent)
		if done == total {
			fmt.Fprint(os.Stderr, "\r\033[K")
		}
	}
}

// Text returns what a token stands for.
func Text(d *model.Decoder, id int) string {
	if s, err := d.Tokenizer.Decode([]int{id}, false); err == nil && s != "" {
		return s
	}
	s, _ := d.Tokenizer.Token(id)
	return s
}
