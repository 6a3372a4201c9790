// Package tiny holds the models that the examples run without -model. The decoder has LLaMA's form and was trained on
// little stories. The encoder has BERT's form: one trunk with several heads. The encoder–decoder has T5's form and
// translates between English and French. The CLIP and the BLIP see pictures of package scene. train/ has the training scripts, and the grammars that their texts come from.
package tiny

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tokenizer"
)

//go:embed decoder encoder classifier embedder tagger translator clip blip
var files embed.FS

// Open returns the decoder in a folder or a GGUF file, with its tokenizer, or the tiny one if folder is empty. It shows
// progress on the standard error stream.
func Open(folder string) (*model.Decoder, error) { return Decoder(folder, model.Options{}) }

// Decoder is [Open] with options; Progress is told of what the standard error stream shows.
func Decoder(folder string, opt model.Options) (*model.Decoder, error) {
	if folder == "" {
		fsys, err := fs.Sub(files, "decoder")
		if err != nil {
			return nil, err
		}
		return model.OpenDecoder(fsys, opt)
	}
	d, err := opened(folder, func(fsys fs.FS, shown model.Options) (*model.Decoder, error) {
		own := opt
		own.GGUF = shown.GGUF
		own.Progress = func(done, total int64) {
			for _, f := range []func(done, total int64){opt.Progress, shown.Progress} {
				if f != nil {
					f(done, total)
				}
			}
		}
		return model.OpenDecoder(fsys, own)
	})
	if err != nil {
		return nil, err
	}
	if d.Tokenizer == nil {
		return nil, fmt.Errorf("-model %s: the folder has no tokenizer (tokenizer.json, tokenizer.model, or vocab.json and merges.txt)", folder)
	}
	return d, nil
}

// Task opens the model of a task with open, from the folder that -model names. If folder is empty, it makes one with
// fresh, from the tiny encoder with one of its heads: see [Encoder].
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

// opened opens the folder, or the GGUF file, that -model names with open.
func opened[T any](given string, open func(fs.FS, model.Options) (*T, error)) (*T, error) {
	folder, opt := given, model.Options{Progress: progress()}
	if dir, name := filepath.Split(given); filepath.Ext(name) == ".gguf" {
		folder, opt.GGUF = cmp.Or(dir, "."), name
	}
	if err := check(folder); err != nil {
		return nil, err
	}
	t, err := open(os.DirFS(folder), opt)
	if err != nil {
		return nil, fmt.Errorf("-model %s: %w", given, err)
	}
	return t, nil
}

// AlignmentLayer and AlignmentHead name the head of the tiny translator that was trained to look at the word that is
// being translated.
const AlignmentLayer, AlignmentHead = 1, 0

// Translator returns the encoder–decoder in a folder, with its tasks, or the tiny one if folder is empty.
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

// ImageEmbedder returns the model of two towers in a folder, or the tiny CLIP if folder is empty.
func ImageEmbedder(folder string) (*task.ImageEmbedder, error) {
	return seeing(folder, "clip", task.OpenImageEmbedder)
}

// ZeroShotImages is [ImageEmbedder] with templates for labels.
func ZeroShotImages(folder string) (*task.ZeroShotImages, error) {
	return seeing(folder, "clip", task.OpenZeroShotImages)
}

// Captioner returns the model that writes about pictures in a folder, or the tiny BLIP if folder is empty.
func Captioner(folder string) (*task.Captioner, error) {
	return seeing(folder, "blip", task.OpenCaptioner)
}

// seeing opens the folder that -model names, or the tiny model of that name, with open.
func seeing[T any](folder, own string, open func(fs.FS, model.Options) (*T, error)) (*T, error) {
	if folder != "" {
		return opened(folder, open)
	}
	fsys, err := fs.Sub(files, own)
	if err != nil {
		return nil, err
	}
	return open(fsys, model.Options{})
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
		return fmt.Errorf("-model: %s is a file; give the folder with config.json, weights and tokenizer, or a GGUF file", folder)
	}
	return nil
}

// Encoder returns the tiny encoder with one of its heads: "encoder", which fills masks, "tagger", "classifier" or
// "embedder". A head's folder has a config and the weights of the head, if it has any. The weights of the trunk are in
// encoder.
func Encoder(head string) (*model.Encoder, error) {
	trunk, err := safetensors.Open(files, "encoder/model.safetensors")
	if err != nil {
		return nil, err
	}
	sources := []checkpoint.Source{trunk}
	if weights := head + "/model.safetensors"; head != "encoder" && exists(weights) {
		own, err := safetensors.Open(files, weights)
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

// progress returns a function that shows how much has been read, and clears its line at the end. It returns nil if the
// standard error stream is no terminal.
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

// Text returns the text of a token, with its space, or its name if it has no text.
func Text(d *model.Decoder, id int) string {
	name, _ := d.Tokenizer.Token(id)
	if strings.HasPrefix(name, "▁") { // SentencePiece's space, which Decode drops at the beginning of a text
		return strings.ReplaceAll(name, "▁", " ")
	}
	if s, err := d.Tokenizer.Decode([]int{id}, false); err == nil && s != "" {
		return s
	}
	return name
}
