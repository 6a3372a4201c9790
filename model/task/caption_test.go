package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/vision"
)

// blipFolder is the tiny BLIP of the examples.
const blipFolder = "../../examples/internal/tiny/blip"

func openBLIP(t *testing.T) *Captioner {
	t.Helper()
	c, err := OpenCaptioner(os.DirFS(blipFolder), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// smallBLIP returns a folder in the form of a golden checkpoint of package model, with a processor and a vocabulary.
func smallBLIP(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	var g struct {
		Config  json.RawMessage
		Tensors map[string]struct{ Shape []int }
	}
	if err := json.Unmarshal(tensortest.ReadFile(t, "../testdata/golden/pictures/"+name+".json.gz"), &g); err != nil {
		t.Fatal(err)
	}
	shapes := map[string]tensor.Shape{}
	for name, w := range g.Tensors {
		shapes[name] = tensor.Of(w.Shape...)
	}
	var file bytes.Buffer
	if err := safetensors.Write(&file, checkpoint.Formula(shapes, formula), nil); err != nil {
		t.Fatal(err)
	}
	pieces := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n##a\n##b\n##c\ncat\ndog\nthe\non\n?\n"
	return fstest.MapFS{
		"config.json":              {Data: g.Config},
		"model.safetensors":        {Data: file.Bytes()},
		"vocab.txt":                {Data: []byte(pieces)},
		"tokenizer_config.json":    {Data: []byte(`{"tokenizer_class": "BertTokenizer"}`)},
		"preprocessor_config.json": {Data: []byte(`{"image_processor_type": "BlipImageProcessor", "size": {"height": 18, "width": 18}}`)},
	}
}

// A caption is the same alone and among others, greedy and with beams; a seed repeats what is drawn.
func TestCaptionAll(t *testing.T) {
	const n = captionGroup + 3
	pictures := make([]*vision.Image, n)
	for i := range pictures {
		pictures[i] = decoded(t, i)
	}
	ctx := context.Background()
	for _, change := range []func(c *Captioner){
		func(*Captioner) {},
		func(c *Captioner) { c.Prompt = "a picture of" },
		func(c *Captioner) { c.Beams.NumBeams, c.Beams.NumReturnSequences = 3, 2 },
		func(c *Captioner) { c.Sampling = sample.Config{Temperature: 2, Seed: 7} },
	} {
		c := openBLIP(t)
		change(c)
		last := 0
		c.Progress = func(done, total int) {
			if done <= last || total != n {
				t.Errorf("progress %d of %d after %d", done, total, last)
			}
			last = done
		}
		all, err := c.CaptionAll(ctx, pictures)
		if err != nil || last != n {
			t.Fatalf("%d pictures done (%v)", last, err)
		}
		again, err := c.write(ctx, pictures[:1], c.Prompt, 0)
		if err != nil || fmt.Sprint(again[0]) != fmt.Sprint(all[0]) {
			t.Errorf("%v, and again %v (%v)", all[0], again, err)
		}
		for i, m := range pictures {
			c.Sampling.Seed = uint64(7 + i)
			one, err := c.Caption(ctx, m)
			if err != nil || fmt.Sprint(one) != fmt.Sprint(all[i]) {
				t.Errorf("picture %d alone: %v, among others %v (%v)", i, one, all[i], err)
			}
			if len(one) == 2 && one[0].Score < one[1].Score {
				t.Errorf("picture %d: scores %v and %v", i, one[0].Score, one[1].Score)
			}
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := openBLIP(t).CaptionAll(cancelled, pictures); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}

// The memory of a picture serves the next one only when its text is written: several goroutines get what one gets, and
// so does who comes after an error.
func TestCaptionAtOnce(t *testing.T) {
	c, ctx := openBLIP(t), context.Background()
	const n = 6
	var want [n]string
	for i := range want {
		o, err := c.Caption(ctx, decoded(t, i))
		if err != nil {
			t.Fatal(err)
		}
		want[i] = o[0].Text
	}
	if _, err := c.Answer(ctx, decoded(t, 1), strings.Repeat("a cat ", 40)); err == nil {
		t.Error("a prompt that is too long: no error")
	}
	pictures := make([]*vision.Image, n)
	for i := range pictures {
		pictures[i] = decoded(t, i)
	}
	var all sync.WaitGroup
	for k := range 3 {
		all.Go(func() {
			for j := range 2 * n {
				i := (j + k) % n
				if o, err := c.Caption(ctx, pictures[i]); err != nil || o[0].Text != want[i] {
					t.Errorf("picture %d: %v, want %q (%v)", i, o, want[i], err)
				}
			}
		})
	}
	all.Wait()
}

// A model for questions answers them, and wants one.
func TestAnswer(t *testing.T) {
	c, err := OpenCaptioner(smallBLIP(t, "blip-question"), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	first, err := c.Answer(ctx, decoded(t, 1), "the cat on a dog?")
	if err != nil || len(first) != 1 || len(first[0].IDs) == 0 {
		t.Fatalf("%v (%v)", first, err)
	}
	if _, err := c.Caption(ctx, decoded(t, 1)); err == nil || !strings.Contains(err.Error(), "question") {
		t.Errorf("without a question: %v", err)
	}
}

// Matches are the softmax of the head's scores, and the cosines.
func TestImageMatcher(t *testing.T) {
	m, err := OpenImageMatcher(smallBLIP(t, "blip-match"), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"the cat", "a dog on a cat"}
	got, err := m.Match(decoded(t, 2), texts...)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := look(m.Model, m.Processor, []*vision.Image{decoded(t, 2)})
	if err != nil {
		t.Fatal(err)
	}
	var want []TextMatch
	for _, text := range texts {
		ids, err := m.Model.Tokenizer.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		scores, err := m.Model.Matches(seen[0], ids)
		if err != nil {
			t.Fatal(err)
		}
		cosines, err := m.Model.Similarities(seen[0], ids)
		if err != nil {
			t.Fatal(err)
		}
		row := scores.Row(0)
		vec.Softmax(row, row)
		want = append(want, TextMatch{row[1], cosines[0]})
	}
	if !slices.Equal(got, want) || got[0] == got[1] {
		t.Errorf("matches are %v, want %v", got, want)
	}
}

// What a folder lacks is named.
func TestCaptionerRefuses(t *testing.T) {
	match := smallBLIP(t, "blip-match")
	if _, err := OpenCaptioner(match, model.Options{}); err == nil || !strings.Contains(err.Error(), "one that writes") {
		t.Errorf("a model that matches: %v", err)
	}
	if _, err := OpenImageMatcher(os.DirFS(blipFolder), model.Options{}); err == nil || !strings.Contains(err.Error(), "one that matches") {
		t.Errorf("a model that writes: %v", err)
	}
	delete(match, "preprocessor_config.json")
	if _, err := OpenImageMatcher(match, model.Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "preprocessor_config.json") {
		t.Errorf("without a processor: %v", err)
	}
	noWords := smallBLIP(t, "blip-question")
	delete(noWords, "vocab.txt")
	if _, err := OpenCaptioner(noWords, model.Options{}); err == nil || !strings.Contains(err.Error(), "tokenizer") {
		t.Errorf("without a tokenizer: %v", err)
	}
	if _, err := openBLIP(t).Answer(context.Background(), decoded(t, 1), strings.Repeat("a cat ", 40)); err == nil {
		t.Error("a prompt that is too long: no error")
	}
}
