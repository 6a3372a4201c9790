package task

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/vision"
)

// ImageEmbedder computes vectors of pictures and of texts in one space: a picture lies near the texts that say what it
// shows (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021). It may be used
// from several goroutines once its fields are set.
type ImageEmbedder struct {
	Model     *model.ImageText
	Processor *vision.Processor

	// Decode says how files are read. OpenImageEmbedder leaves it as it is, as the reference reads files; photos want
	// Decode.Orient.
	Decode vision.DecodeOptions

	// Fingerprint tells the model from others, in files of an [ImageIndex].
	Fingerprint string

	// Progress, if not nil, is called with the number of pictures done and in all. Calls come from several goroutines,
	// one at a time.
	Progress func(done, total int)
}

// OpenImageEmbedder opens a model of two towers, such as CLIP or SigLIP, from a folder as Hugging Face, OpenCLIP or
// sentence-transformers (0_CLIPModel) publish it. Vectors are normalised; those of sentence-transformers' CLIPModel are
// not, and point the same way.
func OpenImageEmbedder(fsys fs.FS, opt model.Options) (*ImageEmbedder, error) {
	fsys, err := imageTextFolder(fsys)
	if err != nil {
		return nil, err
	}
	m, err := model.OpenImageText(fsys, opt)
	if err != nil {
		return nil, err
	}
	p, err := model.OpenProcessor(fsys, m.Family)
	if err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	e, err := NewImageEmbedder(m, p)
	if err != nil {
		return nil, err
	}
	e.Fingerprint, err = fingerprint(fsys)
	return e, err
}

// NewImageEmbedder uses an open model, which must have its tokenizer, and the processor of its pictures.
func NewImageEmbedder(m *model.ImageText, p *vision.Processor) (*ImageEmbedder, error) {
	switch {
	case p == nil:
		return nil, errors.New("task: an ImageEmbedder needs the processor of the model's pictures")
	case m.Tokenizer == nil:
		return nil, errNoTokenizer
	}
	return &ImageEmbedder{Model: m, Processor: p}, nil
}

// imageTextFolder returns the folder with the model: that of the module CLIPModel if modules.json names one.
func imageTextFolder(fsys fs.FS) (fs.FS, error) {
	modules, err := readModules(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		return fsys, nil
	}
	if err != nil {
		return nil, err
	}
	for i, m := range modules {
		switch kind := m.kind(); {
		case i == 0 && (kind == "CLIPModel" || kind == "Transformer"):
		case i > 0 && kind == "Normalize":
		default:
			return nil, fmt.Errorf("task: modules.json: module %d is %.200q; for pictures the first is a CLIPModel, and a Normalize may follow", i, m.Type)
		}
	}
	if len(modules) == 0 {
		return nil, errors.New("task: modules.json names no module")
	}
	sub, err := modules[0].folder(fsys)
	if err != nil {
		return nil, fmt.Errorf("task: modules.json: module 0: %w", err)
	}
	return sub, nil
}

// Dim returns the width of the vectors.
func (e *ImageEmbedder) Dim() int { return e.Model.Width() }

// Images returns the normalised vectors of pictures, [N, Dim]. It works on all processors.
func (e *ImageEmbedder) Images(pictures ...*vision.Image) (tensor.Tensor, error) {
	return e.images(context.Background(), len(pictures), func(i int) (vision.Pixels, error) {
		px, err := e.Processor.Process(nil, pictures[i])
		if err != nil {
			err = fmt.Errorf("picture %d: %w", i, err)
		}
		return px, err
	})
}

// Files returns the normalised vectors of the pictures in files, [N, Dim]. It decodes and computes on all processors.
// The error names the first file that fails.
func (e *ImageEmbedder) Files(ctx context.Context, fsys fs.FS, names ...string) (tensor.Tensor, error) {
	return e.images(ctx, len(names), func(i int) (vision.Pixels, error) { return e.file(fsys, names[i]) })
}

// file returns the pixels of the picture in a file.
func (e *ImageEmbedder) file(fsys fs.FS, name string) (vision.Pixels, error) {
	m, err := vision.DecodeFile(fsys, name, e.Decode)
	if err != nil {
		return vision.Pixels{}, fmt.Errorf("%s: %w", name, err)
	}
	px, err := e.Processor.Process(nil, m)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return px, err
}

// groupSize is the number of pictures that one goroutine loads and computes together.
const groupSize = 8

// images returns the vectors of the pictures that load gives; one without pixels gets zeros.
func (e *ImageEmbedder) images(ctx context.Context, n int, load func(i int) (vision.Pixels, error)) (tensor.Tensor, error) {
	out := tensor.New(n, e.Dim())
	report := e.reporter(n)
	_, err := parallel.Each((n+groupSize-1)/groupSize, func(g int) error {
		var rows []int
		var pixels []tensor.Tensor
		first, end := g*groupSize, min((g+1)*groupSize, n)
		for i := first; i < end; i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			px, err := load(i)
			if err != nil {
				return err
			}
			if px.Data != nil {
				rows, pixels = append(rows, i), append(pixels, tensor.From(px.Data, px.Channels, px.Height, px.Width))
			}
		}
		if len(rows) > 0 {
			x, err := e.Model.ImageFeatures(pixels)
			if err != nil {
				return err
			}
			for k, i := range rows {
				copy(out.Row(i), x.Row(k))
			}
		}
		report(end - first)
		return nil
	})
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("task: %w", err)
	}
	retrieval.Normalize(out)
	return out, nil
}

// reporter returns a function that counts and tells Progress.
func (e *ImageEmbedder) reporter(total int) func(more int) {
	var done atomic.Int64
	turn := make(chan struct{}, 1)
	return func(more int) {
		if e.Progress == nil {
			return
		}
		turn <- struct{}{}
		defer func() { <-turn }()
		e.Progress(int(done.Add(int64(more))), total)
	}
}

// Texts returns the normalised vectors of texts, [N, Dim]. A text that is longer than the model reads is cut at its end.
func (e *ImageEmbedder) Texts(texts ...string) (tensor.Tensor, error) {
	if len(texts) == 0 {
		return tensor.New(0, e.Dim()), nil
	}
	batch, err := e.Model.Sequences(texts)
	if err != nil {
		return tensor.Tensor{}, err
	}
	x, err := e.Model.TextFeatures(batch)
	if err != nil {
		return tensor.Tensor{}, err
	}
	retrieval.Normalize(x)
	return x, nil
}

// fingerprint sums up the files of a folder: their names and sizes, and of each its beginning and its end.
func fingerprint(fsys fs.FS) (string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return "", fmt.Errorf("task: %w", err)
	}
	sum := sha256.New()
	for _, entry := range entries {
		switch strings.ToLower(path.Ext(entry.Name())) {
		case ".safetensors", ".bin", ".json", ".txt", ".model":
			if err := addEnds(sum, fsys, entry.Name()); err != nil {
				return "", fmt.Errorf("task: %w", err)
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// endBytes of each end of a file go into a fingerprint.
const endBytes = 1 << 16

func addEnds(w io.Writer, fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	fmt.Fprintf(w, "%q %d ", name, info.Size())
	if _, err := io.CopyN(w, f, endBytes); err == io.EOF {
		return nil
	} else if err != nil {
		return err
	}
	if s, ok := f.(io.Seeker); ok {
		if _, err := s.Seek(max(endBytes, info.Size()-endBytes), io.SeekStart); err != nil {
			return err
		}
	}
	_, err = io.CopyN(w, f, endBytes)
	if err == io.EOF {
		err = nil
	}
	return err
}

// isPicture reports whether a file's name ends as those of pictures that package vision reads do.
func isPicture(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"}, strings.ToLower(path.Ext(name)))
}
