package main

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/examples/internal/pictures"
	"github.com/seed2010d43f/transformer/examples/internal/scene"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/retrieval"
)

// 500 pictures with seeds that the tiny model was not trained on are 25 collections of 20. The caption of each picture is
// searched in its collection, and the first hit shows just that in at least 95 of 100 searches.
func TestUnseenPictures(t *testing.T) {
	const collection = 20
	e, err := tiny.ImageEmbedder("")
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := pictures.Load(nil, 0, pictures.Unseen)
	if err != nil {
		t.Fatal(err)
	}
	images, err := e.Images(pictures.Images(drawn)...)
	if err != nil {
		t.Fatal(err)
	}
	var captions []string
	for _, s := range pictures.Scenes(pictures.Unseen) {
		captions = append(captions, s.Caption())
	}
	texts, err := e.Texts(captions...)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for first := 0; first < pictures.Unseen; first += collection {
		index := retrieval.NewIndex(e.Dim())
		index.Add(images.Slice(first, first+collection))
		for i, hits := range index.Search(texts.Slice(first, first+collection), 1) {
			if captions[first+hits[0].Row] == captions[first+i] {
				right++
			}
		}
	}
	t.Logf("%d of %d searches are right", right, pictures.Unseen)
	if right < pictures.Unseen*95/100 {
		t.Errorf("%d of %d searches are right", right, pictures.Unseen)
	}
}

// An index in a file is brought up to date: a second search computes nothing, a third only what is new.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "pictures")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := draw(folder, 12); err != nil {
		t.Fatal(err)
	}
	o := options{folder: folder, index: filepath.Join(dir, "index"), out: filepath.Join(dir, "found.png"), query: "a dog sitting on a mat", most: 3}
	search := func(says string) {
		t.Helper()
		var out bytes.Buffer
		if err := run(context.Background(), &out, o); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), says) {
			t.Errorf("the output is\n%swant %q", out.String(), says)
		}
	}
	search("12 pictures: 12 new, 0 changed, 0 as they were, 0 gone")
	search("12 pictures: 0 new, 0 changed, 12 as they were, 0 gone\na dog sitting on a mat\n")
	if err := os.WriteFile(filepath.Join(folder, "broken.png"), []byte("no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "drawing 03.png")); err != nil {
		t.Fatal(err)
	}
	search("left out: broken.png")
	search("11 pictures: 0 new, 0 changed, 11 as they were, 0 gone")

	// drawing 4 shows a dog on a mat, and so does what is like it
	o.like = filepath.Join(dir, "like.png")
	f, err := os.Create(o.like)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, scene.New(4).Draw()); err != nil {
		t.Fatal(err)
	}
	search("  1.00  drawing 04.png")

	if err := os.WriteFile(o.index, []byte("no index"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(context.Background(), new(bytes.Buffer), o); err == nil || !strings.Contains(err.Error(), o.index) {
		t.Errorf("a file that is no index: %v", err)
	}
}
