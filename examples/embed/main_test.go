package main

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each sentence finds its paraphrase, and the picture is one.
func TestRun(t *testing.T) {
	var out strings.Builder
	file := filepath.Join(t.TempDir(), "m.png")
	if err := run(&out, "", "", "", file); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Anna works at Acme.\n      Acme employs Anna.", "Paul is ill.\n      Paul has a cold."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := png.DecodeConfig(f); err != nil || c.Width < 200 {
		t.Errorf("picture %+v, %v", c, err)
	}
}

func TestErrors(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"/no/such/file", empty} {
		if err := run(new(strings.Builder), "", left, "", filepath.Join(t.TempDir(), "m.png")); err == nil {
			t.Errorf("no error for %s", left)
		}
	}
}
