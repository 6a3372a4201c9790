package main

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	file := filepath.Join(t.TempDir(), "a.png")
	const text = "The animal didn't cross the street because it was too tired."
	if err := run(&out, "", text, "it", 1, file); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := png.DecodeConfig(f); err != nil || c.Width < 200 {
		t.Errorf("picture %+v, %v", c, err)
	}
	if !strings.Contains(out.String(), `"it" attends most`) || strings.Count(out.String(), "% to") != 5 {
		t.Errorf("output\n%s", out.String())
	}
	for _, layer := range []int{4, 100} {
		if err := run(&out, "", text, "it", layer, file); err == nil || !strings.Contains(err.Error(), "layers 0 to 3") {
			t.Errorf("layer %d: error %v", layer, err)
		}
	}
	if err := run(&out, "", strings.Repeat(text, 30), "it", 0, file); err == nil {
		t.Error("no error for a text that has no room")
	}
}
