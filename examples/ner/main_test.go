package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(&out, "", "Anna Smith works at Acme in Paris."); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PER", "bytes 0 to 10  Anna Smith", "bytes 20 to 24  Acme", "bytes 28 to 33  Paris"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if err := run(&out, "/no/such/folder", "x"); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
