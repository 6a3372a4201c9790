package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for text, want := range map[string]string{
		"The soup was wonderful and the staff were kind.": "positive", "The film was boring.": "negative", "The shop closes at six.": "neutral",
	} {
		var out strings.Builder
		if err := run(&out, "", []string{text}); err != nil {
			t.Fatal(err)
		}
		if line := strings.Split(out.String(), "\n")[1]; !strings.HasSuffix(line, want) {
			t.Errorf("%s\nthe first label is %s, want %s", text, line, want)
		}
	}
	if err := run(new(strings.Builder), "/no/such/folder", []string{"x"}); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
