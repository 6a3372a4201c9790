package main

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMemoryOfAttention(t *testing.T) {
	half, halfStored := newAttending(512).memory()
	whole, wholeStored := newAttending(1024).memory()
	if wholeStored < scoreBytes(1024) || wholeStored < 3*halfStored {
		t.Errorf("stored scores take %.0f and %.0f bytes; they grow as the square, up to %.0f", halfStored, wholeStored, scoreBytes(1024))
	}
	if whole > 2*half || whole > scoreBytes(1024)/16 {
		t.Errorf("streamed, 512 and 1024 tokens take %.0f and %.0f bytes; scores alone would take %.0f", half, whole, scoreBytes(1024))
	}
}

func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a layer is timed")
	}
	path := filepath.Join(t.TempDir(), "picture.png")
	var table bytes.Buffer
	if err := run(&table, path, 256); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\n     128  ", "\n     256  ", "512 KiB", "8 MiB", "Picture: " + path} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is missing in\n%s", want, table.String())
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
		if err := run(new(bytes.Buffer), filepath.Join(t.TempDir(), "picture.png"), most); err == nil {
			t.Errorf("-max %d is accepted", most)
		}
	}
}

func TestCrossing(t *testing.T) {
	r := result{tokens: 8192, attention: 1, products: 4}
	if got := round(crossing(r)); got != 33000 {
		t.Errorf("crossing at %v; 4 × 8192 is 33000 in two digits", got)
	}
}
