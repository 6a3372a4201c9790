package main

import (
	"bytes"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMemoryOfAttention(t *testing.T) {
	h := heads{queries: 32, keys: 8, dim: 64}
	half, halfStored := newAttending(h, 512).memory()
	whole, wholeStored := newAttending(h, 1024).memory()
	if wholeStored < h.scoreBytes(1024) || wholeStored < 3*halfStored {
		t.Errorf("stored scores take %.0f and %.0f bytes; they grow as the square, up to %.0f", halfStored, wholeStored, h.scoreBytes(1024))
	}
	if whole > 2*half || whole > h.scoreBytes(1024)/16 {
		t.Errorf("streamed, 512 and 1024 tokens take %.0f and %.0f bytes; scores alone would take %.0f", half, whole, h.scoreBytes(1024))
	}
}

func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a layer is timed")
	}
	path := filepath.Join(t.TempDir(), "picture.png")
	var table, log bytes.Buffer
	if err := run(&table, &log, "", path, 256); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n     128  ", "\n     256  ", "512 KiB", "8 MiB", "LLaMA 3.2 1B with random weights", "wrote " + path} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is missing in\n%s", want, table.String())
		}
	}
	for _, want := range []string{"making a layer of the shape of LLaMA 3.2 1B ... ", "measuring 128 tokens, step 1 of 2 ... ", "measuring 256 tokens, step 2 of 2, about "} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is missing in\n%s", want, log.String())
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds(); size.Dx() < 600 || size.Dy() < 800 {
		t.Errorf("a picture of %v", size)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, most := range []int{0, 128, 1 << 20} {
		if err := run(io.Discard, io.Discard, "", filepath.Join(t.TempDir(), "picture.png"), most); err == nil {
			t.Errorf("-max %d is accepted", most)
		}
	}
	if err := run(io.Discard, io.Discard, "/no/such/folder", filepath.Join(t.TempDir(), "picture.png"), 256); err == nil || !strings.Contains(err.Error(), "/no/such/folder") {
		t.Errorf("a folder that is not there: error %v", err)
	}
}

// A layer of a checkpoint is measured with its own shape.
func TestFirstOf(t *testing.T) {
	l, err := firstOf("../internal/tiny/decoder")
	if err != nil {
		t.Fatal(err)
	}
	if l.heads != (heads{4, 2, 32}) || l.dim != 128 || l.qkv.Out() != 256 || len(l.others) != 1 {
		t.Errorf("heads %+v, %d wide, %d other operations", l.heads, l.dim, len(l.others))
	}
	r := l.measure(256)
	if r.tokens != 256 || r.attention <= 0 || r.products <= 0 || r.stored < l.scoreBytes(256) {
		t.Errorf("measured %+v", r)
	}
}

func TestCrossing(t *testing.T) {
	r := result{tokens: 8192, attention: 1, products: 4}
	if got := round(crossing(r)); got != 33000 {
		t.Errorf("crossing at %v; 4 × 8192 is 33000 in two digits", got)
	}
}

func TestSavings(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: layers are timed")
	}
	path := filepath.Join(t.TempDir(), "savings.png")
	var table bytes.Buffer
	if err := savings(&table, path, mixture{dim: 64, hidden: 48, experts: 4, rows: 20}, 8, 256); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A layer of 4 experts", "\n       4  ", "latents              576 ", "8 groups             2048 ", "every head             2560 ", "wrote " + path} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is missing in\n%s", want, table.String())
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if got := caches(128)[2].values(); got != 40960 {
		t.Errorf("128 heads cache %d numbers a token; they are 40,960", got)
	}
	if got := longest(1<<17, 128); got != 4096 {
		t.Errorf("up to %d tokens of 160 KiB in a gigabyte", got)
	}
}
