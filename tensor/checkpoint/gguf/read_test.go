package gguf

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

const model = "model.gguf"

// openBytes opens a file that is in memory.
func openBytes(b []byte) (*File, error) {
	return Open(fstest.MapFS{model: {Data: b}}, model)
}

// fixtures returns a folder of foreign files, or skips the test.
func fixtures(t testing.TB, parts ...string) string {
	dir := os.Getenv("TRANSFORMER_FIXTURES")
	if dir == "" {
		t.Skip("TRANSFORMER_FIXTURES is not set to a folder with " + filepath.Join(parts...))
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

// INDEX.tsv says of 99 files what llama.cpp does when it loads their data.
func TestVerdictsOfTheReference(t *testing.T) {
	dir := os.DirFS(fixtures(t, "hostile", "gguf"))
	index, err := fs.ReadFile(dir, "INDEX.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(index)), "\n")
	if !strings.HasSuffix(lines[0], "\tllama_cpp_load") || len(lines) != 100 {
		t.Fatalf("%d lines, the first %q", len(lines), lines[0])
	}
	for _, line := range lines[1:] {
		fields := strings.Split(line, "\t")
		f, err := Open(dir, fields[0])
		if (err == nil) != (fields[len(fields)-1] == "accept") {
			t.Errorf("%s: %v, expected %s", fields[0], err, fields[len(fields)-1])
		}
		if err != nil {
			t.Log(err)
			continue
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
