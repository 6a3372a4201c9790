package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/examples/internal/pictures"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
)

// Of 500 pictures with seeds that the tiny model was not trained on, the whole caption is right in at least 95 of 100.
func TestUnseenPictures(t *testing.T) {
	c, err := tiny.Captioner("")
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := pictures.Load(nil, 0, pictures.Unseen)
	if err != nil {
		t.Fatal(err)
	}
	written, err := c.CaptionAll(context.Background(), pictures.Images(drawn))
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, s := range pictures.Scenes(pictures.Unseen) {
		if written[i][0].Text == s.Caption() {
			right++
		}
	}
	t.Logf("%d of %d captions are right", right, pictures.Unseen)
	if right < pictures.Unseen*95/100 {
		t.Errorf("%d of %d captions are right", right, pictures.Unseen)
	}
}

func TestRun(t *testing.T) {
	for _, prompt := range []string{"", "a picture of"} {
		for _, beams := range []int{1, 3} {
			var out bytes.Buffer
			o := options{prompt: prompt, n: 2, beams: beams, out: filepath.Join(t.TempDir(), "words.png")}
			if err := run(context.Background(), &out, o, nil); err != nil {
				t.Fatal(err)
			}
			if got, want := out.String(), "drawing 0: a cat sitting on a mat\ndrawing 1: a yellow car on a mat\nwrote "; !strings.HasPrefix(got, want) {
				t.Errorf("prompt %q, %d beams: the output is\n%s", prompt, beams, got)
			}
		}
	}
	if err := run(context.Background(), new(bytes.Buffer), options{beams: 1}, []string{"main.go"}); err == nil || !strings.Contains(err.Error(), "main.go") {
		t.Errorf("a file that is no picture: %v", err)
	}
}
