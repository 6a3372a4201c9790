package main

import (
	"os"
	"testing"
)

func TestAssemblyIsGenerated(t *testing.T) {
	for path, f := range files() {
		have, err := os.ReadFile("../" + path)
		if err != nil {
			t.Fatal(err)
		}
		if string(have) != f.String() {
			t.Errorf("%s is not what gen writes: run go generate", path)
		}
	}
}
