package main

import (
	"context"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/sample"
)

// What a first run prints: the likeliest words after the prompt, and a text.
func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(context.Background(), &out, flags{prompt: "The cat sat on the", maxTokens: 40, show: true}); err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(out.String(), "come\n")
	if first, _, _ := strings.Cut(after, "\n"); !strings.Contains(first, `" mat"`) {
		t.Errorf("the likeliest token is %s, not mat, in\n%s", first, out.String())
	}
	for _, want := range []string{"The cat sat on the mat. ", "[5, 128]", "attention weights", "tokens, prompt included"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestSeedsRepeat(t *testing.T) {
	text := func(seed uint64) string {
		var out strings.Builder
		f := flags{prompt: "Once upon a time", maxTokens: 60, sampling: sample.Config{Temperature: 1, TopP: 0.95, Seed: seed}}
		if err := run(context.Background(), &out, f); err != nil {
			t.Fatal(err)
		}
		before, _, _ := strings.Cut(out.String(), "\n\n6")
		return before
	}
	if first := text(1); first != text(1) || first == text(2) {
		t.Error("a seed does not repeat its text, or two seeds have the same")
	}
}

func TestErrors(t *testing.T) {
	for _, f := range []flags{
		{prompt: "x", model: "/no/such/folder"}, {prompt: ""}, {prompt: "x", sampling: sample.Config{Temperature: -1}},
	} {
		if err := run(context.Background(), new(strings.Builder), f); err == nil {
			t.Errorf("no error for %+v", f)
		}
	}
}
