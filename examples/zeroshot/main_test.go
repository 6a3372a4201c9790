package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/examples/internal/pictures"
	"github.com/seed2010d43f/transformer/examples/internal/scene"
	"github.com/seed2010d43f/transformer/examples/internal/tiny"
)

// Of 500 pictures with seeds that the tiny model was not trained on, the first label is right in at least 95 of 100.
func TestUnseenPictures(t *testing.T) {
	z, err := tiny.ZeroShotImages("")
	if err != nil {
		t.Fatal(err)
	}
	labels, err := z.Labels(scene.Subjects[:]...)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := pictures.Load(nil, 0, pictures.Unseen)
	if err != nil {
		t.Fatal(err)
	}
	found, err := labels.Classify(pictures.Images(drawn)...)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, s := range pictures.Scenes(pictures.Unseen) {
		if found[i][0].Name == s.Subject.String() {
			right++
		}
	}
	t.Logf("%d of %d first labels are right", right, pictures.Unseen)
	if right < pictures.Unseen*95/100 {
		t.Errorf("%d of %d first labels are right", right, pictures.Unseen)
	}
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	o := options{labels: "cat,dog,car,building", template: "a photo of a {}", n: 1, out: filepath.Join(t.TempDir(), "looks.png")}
	if err := run(&out, o, nil); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "drawing 0\n  a photo of a cat: ") || strings.Count(got, " %\n") != 4 || !strings.Contains(got, "wrote ") {
		t.Errorf("the output is\n%s", got)
	}
	for _, bad := range []struct {
		change func(*options)
		files  []string
		says   string
	}{
		{func(o *options) { o.template = "a photo" }, nil, "{}"},
		{func(o *options) {}, []string{"main.go"}, "main.go"},
		{func(o *options) {}, []string{"missing.png"}, "missing.png"},
	} {
		other := o
		bad.change(&other)
		if err := run(&out, other, bad.files); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("error %v, want one with %q", err, bad.says)
		}
	}
}
