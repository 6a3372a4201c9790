package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFilesAreCurrent(t *testing.T) {
	for name, file := range files() {
		have, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || string(have) != file.String() {
			t.Errorf("%s is not what the generator writes: run go generate (%v)", name, err)
		}
	}
}
