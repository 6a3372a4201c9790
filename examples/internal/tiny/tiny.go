// Package tiny holds the model that the examples run when they are given none: a decoder of LLaMA's form
// that was trained on little stories; train/ has the grammar they come from and the training script.
package tiny

import (
	"embed"
	"fmt"
	"io/fs"
	"os"

	"github.com/seed2010d43f/transformer/model"
)

//go:embed decoder
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
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		return nil, fmt.Errorf("-model: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("-model: %s is a file; give the folder with config.json, weights and tokenizer", folder)
	}
	d, err := model.OpenDecoder(os.DirFS(folder), model.Options{Progress: progress()})
	if err != nil {
		return nil, fmt.Errorf("-model %s: %w", folder, err)
	}
	if d.Tokenizer == nil {
		return nil, fmt.Errorf("-model %s: the folder has no tokenizer (tokenizer.json, tokenizer.model, or vocab.json and merges.txt)", folder)
	}
	return d, nil
}

// progress returns a function that shows how much has been read, and clears its line at the end.
func progress() func(done, total int64) {
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
