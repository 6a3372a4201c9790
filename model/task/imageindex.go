package task

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/vision"
)

// ImageIndex finds the pictures of a folder by texts and by other pictures. [ImageIndex.Update] brings it up to date with
// the folder; [ImageIndex.WriteTo] and [ImageEmbedder.ReadIndex] keep it in a file. Searches may run in several
// goroutines, but not beside Update.
type ImageIndex struct {
	Embedder  *ImageEmbedder
	Catalogue *retrieval.Catalogue // of the files, by their paths
}

// NewIndex returns an empty index.
func (e *ImageEmbedder) NewIndex() *ImageIndex {
	return &ImageIndex{e, retrieval.NewCatalogue(e.Fingerprint, e.Dim())}
}

// ReadIndex reads what [ImageIndex.WriteTo] wrote. An index that another model made gives an error.
func (e *ImageEmbedder) ReadIndex(r io.Reader) (*ImageIndex, error) {
	c, err := retrieval.ReadCatalogue(r)
	if err != nil {
		return nil, err
	}
	if c.Model != e.Fingerprint || c.Dim() != e.Dim() {
		return nil, fmt.Errorf("task: the index has vectors of %d numbers of the model %.100q; this is %q with %d: make the index anew", c.Dim(), c.Model, e.Fingerprint, e.Dim())
	}
	return &ImageIndex{e, c}, nil
}

// WriteTo writes the index in the form that [retrieval.Catalogue.WriteTo] describes.
func (x *ImageIndex) WriteTo(w io.Writer) (int64, error) { return x.Catalogue.WriteTo(w) }

// Update is what an update of an index did.
type Update struct {
	Added, Changed, Kept, Removed int

	// Failed are the pictures that could not be read, each with an error that names its file. They are not in the index.
	Failed []error
}

// updateFiles is the number of pictures after which an update that is cancelled loses no more of its work.
const updateFiles = 128

// Update computes vectors for the pictures of a folder and those below it that are new or have changed, and forgets those
// that are gone. A file is a picture if its name says so, .png for one, and is not hidden; it counts as changed if its
// size or time does, or where files have no times, its bytes. If ctx ends, Update returns its error, and the index has what
// was computed until then.
func (x *ImageIndex) Update(ctx context.Context, fsys fs.FS) (Update, error) {
	var u Update
	files, err := pictureFiles(ctx, fsys, &u)
	if err != nil {
		return u, err
	}
	next := x.Embedder.NewIndex().Catalogue
	var fresh []retrieval.Entry
	row := tensor.New(1, x.Embedder.Dim())
	for _, f := range files {
		at, known := x.Catalogue.Find(f.Name)
		if !known || x.Catalogue.Entry(at).Stamp != f.Stamp {
			fresh = append(fresh, f)
			continue
		}
		x.Catalogue.Vector(row.Data, at)
		if err := next.Add([]retrieval.Entry{f}, row); err != nil {
			return u, err
		}
		u.Kept++
	}
	before := x.Catalogue
	x.Catalogue = next
	err = x.add(ctx, fsys, fresh, before, &u)
	u.Removed = before.Len() - u.Kept - u.Changed
	return u, err
}

// add computes and adds the vectors of files.
func (x *ImageIndex) add(ctx context.Context, fsys fs.FS, files []retrieval.Entry, before *retrieval.Catalogue, u *Update) error {
	report := x.Embedder.reporter(len(files))
	quiet := *x.Embedder
	quiet.Progress = nil
	for first := 0; first < len(files); first += updateFiles {
		part := files[first:min(first+updateFiles, len(files))]
		failures := make([]error, len(part))
		vectors, err := quiet.images(ctx, len(part), func(i int) (px vision.Pixels, _ error) {
			px, failures[i] = quiet.file(fsys, part[i].Name)
			return px, nil
		})
		if err != nil {
			return err
		}
		for i, f := range part {
			if failures[i] != nil {
				u.Failed = append(u.Failed, failures[i])
				continue
			}
			if err := x.Catalogue.Add([]retrieval.Entry{f}, vectors.Slice(i, i+1)); err != nil {
				u.Failed = append(u.Failed, err)
				continue
			}
			if _, known := before.Find(f.Name); known {
				u.Changed++
			} else {
				u.Added++
			}
		}
		report(len(part))
	}
	return nil
}

// pictureFiles lists the pictures of a folder with their stamps.
func pictureFiles(ctx context.Context, fsys fs.FS, u *Update) ([]retrieval.Entry, error) {
	var files []retrieval.Entry
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(path.Base(name), ".")
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && name == ".":
			return err
		case err != nil:
			u.Failed = append(u.Failed, err)
			return nil
		case d.IsDir() && hidden:
			return fs.SkipDir
		case d.IsDir() || hidden || !isPicture(name):
			return nil
		}
		stamp, err := stampOf(fsys, name, d)
		if err != nil {
			u.Failed = append(u.Failed, err)
			return nil
		}
		files = append(files, retrieval.Entry{Name: name, Stamp: stamp})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("task: %w", err)
	}
	return files, nil
}

// stampOf returns a number that changes with the file.
func stampOf(fsys fs.FS, name string, d fs.DirEntry) (uint64, error) {
	info, err := d.Info()
	if err != nil {
		return 0, err
	}
	sum := sha256.New()
	if t := info.ModTime(); !t.IsZero() {
		fmt.Fprintf(sum, "%d %d", info.Size(), t.UnixNano())
	} else {
		f, err := fsys.Open(name)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		if _, err := io.Copy(sum, io.LimitReader(f, vision.DefaultMaxBytes)); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	return binary.LittleEndian.Uint64(sum.Sum(nil)), nil
}

// Text returns the k pictures that lie nearest to what a text says, the nearest first. Score is the cosine.
func (x *ImageIndex) Text(text string, k int) ([]retrieval.Match, error) {
	v, err := x.Embedder.Texts(text)
	if err != nil {
		return nil, err
	}
	return x.Catalogue.Search(v, k)[0], nil
}

// Image returns the k pictures that lie nearest to a picture, the nearest first. Score is the cosine.
func (x *ImageIndex) Image(picture *vision.Image, k int) ([]retrieval.Match, error) {
	v, err := x.Embedder.Images(picture)
	if err != nil {
		return nil, err
	}
	return x.Catalogue.Search(v, k)[0], nil
}

// Like returns the k pictures nearest to one of the index, without itself.
func (x *ImageIndex) Like(name string, k int) ([]retrieval.Match, error) {
	row, ok := x.Catalogue.Find(name)
	if !ok {
		return nil, fmt.Errorf("task: the index has no picture %.200q", name)
	}
	if k < 1 {
		return nil, errors.New("task: no picture is asked for")
	}
	v := tensor.New(1, x.Embedder.Dim())
	x.Catalogue.Vector(v.Data, row)
	matches := x.Catalogue.Search(v, k+1)[0]
	for i, m := range matches {
		if m.Name == name {
			return append(matches[:i:i], matches[i+1:]...), nil
		}
	}
	return matches[:min(k, len(matches))], nil
}
