package main

import (
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/examples/internal/tiny"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	file := filepath.Join(t.TempDir(), "a.png")
	if err := run(&out, options{word: "it", layer: 1, out: file}, sentence); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"it" attends most`) || strings.Count(out.String(), "% to") != 5 {
		t.Errorf("output\n%s", out.String())
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil || m.Bounds().Dx() < 200 {
		t.Fatalf("picture %v, %v", m.Bounds(), err)
	}
	rows := map[int]bool{} // of pixels in the colour of frames
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			if m.At(x, y) == (color.RGBA{0xd5, 0x5e, 0, 255}) {
				rows[y] = true
			}
		}
	}
	if len(rows) < 10 || len(rows) > 60 { // one row of cells, 13 pixels high
		t.Errorf("the frame around the word's row reaches over %d rows of pixels", len(rows))
	}
	for _, layer := range []int{4, 100} {
		if err := run(&out, options{word: "it", layer: layer, out: file}, sentence); err == nil || !strings.Contains(err.Error(), "layers 0 to 3") {
			t.Errorf("layer %d: error %v", layer, err)
		}
	}
	if err := run(&out, options{layer: 0, out: file}, strings.Repeat(sentence, 30)); err == nil || !strings.Contains(err.Error(), "at most 200") {
		t.Errorf("error %v for a text that has no room", err)
	}
}

// A word is found with all its tokens, the last time it stands there; a word that is not there is an error, which
// names those that are.
func TestWord(t *testing.T) {
	for _, c := range []struct{ text, word, want, says string }{
		{sentence, "it", " it", `"it" attends most`},
		{sentence, "didn't", " didn't", ""},
		{sentence, "", " tired", ""},
		{"The cat saw the cat.", "cat", " cat", ""},
		{"The cat saw it.", "cat", " cat", `"cat" is so near the beginning`},
		{sentence, "zzz", "", `-word "zzz": the text has no such word; it has "The", "animal", "didn't", "cross", "the", "street", "because", "it", "was", "too", "tired"`},
		{"The cat saw the cat.", "ca", "", `it has "The", "cat", "saw", "the"`},
		{"... !", "", "", "has no word"},
		{"", "", "", "has no word"},
	} {
		var out strings.Builder
		err := run(&out, options{word: c.word, layer: 0, out: filepath.Join(t.TempDir(), "a.png")}, c.text)
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q in %q: error %v, want %q", c.word, c.text, err, c.says)
			}
			continue
		}
		if err != nil || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q in %q: error %v, output %s", c.word, c.text, err, out.String())
			continue
		}
		d, err := tiny.Open("")
		if err != nil {
			t.Fatal(err)
		}
		ids, w, err := findWord(d.Tokenizer, c.text, c.word)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Tokenizer.Decode(ids[w.first:w.last+1], false); err != nil || got != c.want {
			t.Errorf("%q in %q is the tokens %q, %v; want %q", c.word, c.text, got, err, c.want)
		}
		if rest, _ := d.Tokenizer.Decode(ids[w.last+1:], false); strings.Contains(rest, c.want) {
			t.Errorf("%q in %q is found before its last place", c.word, c.text)
		}
	}
}

func TestSplit(t *testing.T) {
	var words []string
	text := "Don't stop: naïve café, 3.5 km — 猫が好き!"
	for _, s := range split(text) {
		words = append(words, text[s.Start:s.End])
	}
	if want := []string{"Don't", "stop", "naïve", "café", "3.5", "km", "猫", "が", "好", "き"}; !slices.Equal(words, want) {
		t.Errorf("words %q, want %q", words, want)
	}
}
