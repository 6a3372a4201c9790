package main

import (
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func translate(t *testing.T, in string, o options, texts ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(context.Background(), &out, strings.NewReader(in), o, texts)
	return out.String(), err
}

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.png")
	out, err := translate(t, "", options{layer: -1, head: -1, out: file})
	if err != nil {
		t.Fatal(err)
	}
	want := "le chat noir était assis sur le tapis\nle chat était assis sur le tapis\nla fille ne voit pas la grande maison rouge\nwrote " + file + "\n"
	if out != want {
		t.Errorf("output\n%s, want\n%s", out, want)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c, err := png.DecodeConfig(f); err != nil || c.Width < 200 {
		t.Errorf("picture %+v, %v", c, err)
	}

	out, err = translate(t, "", options{task: "translate French to English", scores: true}, "le chat noir était assis sur le tapis")
	if err != nil || !strings.HasSuffix(out, " the black cat sat on the mat\n") || !strings.HasPrefix(out, "-0.") {
		t.Errorf("back: %q, %v", out, err)
	}
}

// The head that the picture shows looks at the word that each word translates, across the change of order.
func TestAlignment(t *testing.T) {
	w, err := open(options{})
	if err != nil {
		t.Fatal(err)
	}
	source, err := w.Model.Encoder.Tokenizer.Encode(w.Prefix + "the black cat sat on the mat")
	if err != nil {
		t.Fatal(err)
	}
	target, err := w.Model.Decoder.Tokenizer.Encode("le chat noir était assis sur le tapis")
	if err != nil {
		t.Fatal(err)
	}
	maps, err := crossWeights(w.Model, source, target)
	if err != nil {
		t.Fatal(err)
	}
	p := panel(1, 0, maps[1])
	var words []string
	for _, row := range p.Values[:8] {
		best := 0
		for i, v := range row {
			if v > row[best] {
				best = i
			}
		}
		words = append(words, labels(w.Model, source)[best])
	}
	if got := strings.Join(words, " "); got != "the cat black sat sat on the mat" {
		t.Errorf("the words looked at are %q", got)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		o     options
		in    string
		texts []string
		want  string
	}{
		{options{model: "no such folder"}, "", nil, "-model"},
		{options{task: "paint"}, "", nil, `no task "paint"`},
		{options{task: "translate"}, "", nil, "may be any of"},
		{options{to: "fr"}, "", nil, "fr"},
		{options{from: "en"}, "", nil, "-from needs -to"},
		{options{layer: 9, out: "a.png"}, "", []string{"the cat"}, "layers 0 to 1"},
		{options{head: 9, out: "a.png"}, "", []string{"the cat"}, "heads 0 to 3"},
		{options{beams: 5000}, "", []string{"the cat"}, "NumBeams is 5000"},
	} {
		if out, err := translate(t, c.in, c.o, c.texts...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %q, error %v, want one that says %q", c.o, out, err, c.want)
		}
	}
}
