package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(&out, "", "The [MASK] sat on the mat", 5); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(out.String(), "\n")
	if !strings.Contains(first, "cat ") || strings.Count(out.String(), "%") != 5 {
		t.Errorf("output\n%s", out.String())
	}
	for _, folder := range []string{"/no/such/folder", t.TempDir()} {
		if err := run(&out, folder, "[MASK]", 5); err == nil {
			t.Errorf("no error for the model %s", folder)
		}
	}
	if err := run(&out, "", "no mask here", 5); err == nil {
		t.Error("no error for a text without a mask")
	}
}
