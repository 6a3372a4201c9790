package task

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
)

var oddTexts = []string{"", " ", "\xff\xfe broken \xc3", strings.Repeat("x", 1<<20), strings.Repeat("a b ", 1<<16), "\x00\u200b\u0301", "[CLS] [SEP] [PAD] [UNK]", "<s></s>"}

// TestOddTexts gives every task texts that nobody expects, alone and as pairs.
func TestOddTexts(t *testing.T) {
	oddTexts := oddTexts
	if testing.Short() {
		oddTexts = slices.Clone(oddTexts)
		for i, s := range oddTexts {
			oddTexts[i] = s[:min(len(s), 1<<12)]
		}
	}
	for _, family := range []string{"", "roberta ", "xlm-roberta "} {
		tagger := must(OpenTagger(Tiny(family+"tokens"), model.Options{}))
		answerer := must(OpenAnswerer(Tiny(family+"answers"), model.Options{}))
		tagger.Stride = 20
		for _, text := range oddTexts {
			if len(text) > 1<<17 && family != "" {
				text = text[:1<<12] // the windows of these take long
			}
			for s := Simple; s <= Max; s++ {
				tagger.Strategy = s
				if got, err := tagger.Tag(text); err != nil || len(got) != 1 {
					t.Errorf("tags of %.20q: %v", text, err)
				}
			}
			_, err := answerer.Answer("who?", text, 3)
			if blank := strings.TrimSpace(text) == ""; (err != nil) != blank {
				t.Errorf("answer from %.20q: %v", text, err)
			}
		}
	}
	classifier := must(OpenClassifier(Tiny("single"), model.Options{}))
	for _, a := range oddTexts {
		for _, b := range oddTexts {
			if got, err := classifier.ClassifyPairs(Pair{a, b}); err != nil || len(got[0]) != 3 {
				t.Errorf("pair %.20q, %.20q: %v", a, b, err)
			}
		}
	}
	e := must(OpenM3(TinyM3(), model.Options{}))
	if got, err := e.Encode(oddTexts...); err != nil || len(got) != len(oddTexts) {
		t.Errorf("embeddings: %v", err)
	}
}

// TestTooLong has every way in which a text can be too long.
func TestTooLong(t *testing.T) {
	long := strings.Repeat("cat ", 100)
	c := must(OpenClassifier(Tiny("single"), model.Options{}))
	cut := must(c.Classify(long))
	if want := must(c.Classify(strings.Repeat("cat ", 62))); !reflect.DeepEqual(cut, want) {
		t.Errorf("a long text gets %v, what is left of it %v", cut, want)
	}
	c.Strict = true
	for _, err := range []error{second(c.Classify("cat", long)), second(c.ClassifyPairs(Pair{"cat", long}))} {
		if !errors.Is(err, ErrTooLong) {
			t.Errorf("a long text under Strict: %v", err)
		}
	}
	if _, err := c.ClassifyPairs(Pair{"cat", "mat"}); err != nil {
		t.Error(err)
	}
	c.Strict, c.MaxTokens = false, 2
	if _, err := c.ClassifyPairs(Pair{"a", "b"}); !errors.Is(err, ErrTooLong) {
		t.Errorf("no room for special tokens: %v", err)
	}
	c.MaxTokens = 1000
	if _, err := c.Classify(long); err == nil || !strings.Contains(err.Error(), "text 0") {
		t.Errorf("MaxTokens above the model's: %v", err)
	}
	a := must(OpenAnswerer(Tiny("answers"), model.Options{}))
	for _, err := range []error{second(a.Answer(long, long, 1)), second(a.Answer("cat", long, 0))} {
		if err == nil || !strings.HasPrefix(err.Error(), "task: ") {
			t.Errorf("an impossible question: %v", err)
		}
	}
	a.Strict = true
	if _, err := a.Answer("cat", long, 1); !errors.Is(err, ErrTooLong) {
		t.Errorf("several windows under Strict: %v", err)
	}
	f := must(OpenFillMask(Tiny("masked"), model.Options{}))
	if _, err := f.Fill(long+"[MASK]", 1); !errors.Is(err, ErrTooLong) {
		t.Errorf("a mask beyond the end: %v", err)
	}
	for _, err := range []error{second(f.Fill("no mask", 1)), second(f.FillFrom("[MASK]", nil)), second(f.FillFrom("[MASK]", []string{""}))} {
		if err == nil {
			t.Error("a text without a mask, or no words for it, gave no error")
		}
	}
	e := must(OpenEmbedder(Tiny("features"), model.Options{}))
	if _, err := e.Embed(must(e.Read("cat")), 3); err == nil || !strings.Contains(err.Error(), "text 0 has 3 tokens") {
		t.Errorf("a prompt that leaves nothing to embed: %v", err)
	}
	if _, err := e.Prompt("nonsense"); err == nil {
		t.Error("an unknown prompt gave no error")
	}
}

func second[T any](_ T, err error) error { return err }

// TestOtherTask opens every checkpoint for every task.
func TestOtherTask(t *testing.T) {
	opens := map[string]func(fs.FS) error{
		"masked":  func(f fs.FS) error { return second(OpenFillMask(f, model.Options{})) },
		"single":  func(f fs.FS) error { return second(OpenClassifier(f, model.Options{})) },
		"tokens":  func(f fs.FS) error { return second(OpenTagger(f, model.Options{})) },
		"answers": func(f fs.FS) error { return second(OpenAnswerer(f, model.Options{})) },
		"next":    func(f fs.FS) error { return second(OpenNextSentence(f, model.Options{})) },
		"choice":  func(f fs.FS) error { return second(OpenMultipleChoice(f, model.Options{})) },
	}
	for name, open := range opens {
		for of := range opens {
			err := open(Tiny(of))
			if (err == nil) != (name == of) {
				t.Errorf("%s opened for %s: %v", of, name, err)
			}
			if err != nil && !strings.Contains(err.Error(), "the checkpoint is for") {
				t.Errorf("%s opened for %s: the error does not say what it is for: %v", of, name, err)
			}
		}
	}
	if _, err := OpenReranker(Tiny("single"), model.Options{}); err == nil || !strings.Contains(err.Error(), "3 labels") {
		t.Errorf("a reranker of three labels: %v", err)
	}
}

// TestBadFolders has folders of sentence-transformers with a fault each, and what the error must name.
func TestBadFolders(t *testing.T) {
	base := expected.Checkpoints["features"]
	transformer := `{"idx":0,"path":"","type":"x.Transformer"}`
	for _, c := range []struct{ file, text, want string }{
		{"modules.json", `[]`, "names no module"},
		{"modules.json", `{`, "modules.json"},
		{"modules.json", `[{"idx":0,"path":"","type":"x.Pooling"}]`, "x.Pooling"},
		{"modules.json", `[` + transformer + `,{"idx":1,"path":"../..","type":"x.Pooling"}]`, "../.."},
		{"modules.json", `[` + transformer + `,{"idx":1,"path":"1_P","type":"x.Pooling"}]`, "1_P"},
		{"modules.json", `[` + transformer + `,{"idx":1,"path":"1_P","type":"x.WordWeights"}]`, "WordWeights"},
		{"modules.json", `[` + transformer + `,{"idx":1,"path":"1_D","type":"x.Dense"}]`, "1_D"},
		{"modules.json", `[` + transformer + strings.Repeat(`,{"idx":1,"path":"","type":"x.Normalize"}`, 20) + `]`, "21 modules"},
		{"modules.json", `[` + transformer + strings.Repeat(`,{"idx":1,"path":"2","type":"x.Dense"}`, 2) + `]`, `folder "2"`},
		{"tokenizer_config.json", `[`, "tokenizer_config.json"},
	} {
		_, err := OpenEmbedder(base.with(map[string]string{c.file: c.text}, nil).fs(), model.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q in it", c.text, err, c.want)
		}
	}
	modules := `[` + transformer + `,{"idx":1,"path":"1","type":"x.Pooling"},{"idx":2,"path":"2","type":"x.Dense"}]`
	for _, c := range []struct{ pooling, dense, want string }{
		{`{"word_embedding_dimension": 99}`, `{}`, "99"},
		{`{"pooling_mode": "median"}`, `{}`, "median"},
		{`{"pooling_mode": ["cls"` + strings.Repeat(`,"cls"`, 20) + `]}`, `{}`, "21 modes"},
		{`{}`, `{"in_features": 7, "out_features": 3}`, "from 7 to 3"},
		{`{}`, `{"in_features": 32, "out_features": 3000000}`, "3000000"},
		{`{}`, `{"in_features": 32, "out_features": 3, "activation_function": "torch.nn.Softshrink"}`, "Softshrink"},
		{`{}`, `{"in_features": 32, "out_features": 3}`, "none of model.safetensors"},
		{`{}`, `{"in_features": 32, "out_features": 3, "module_input_name": "token_embeddings"}`, "token_embeddings"},
	} {
		files := map[string]string{"modules.json": modules, "1/config.json": c.pooling, "2/config.json": c.dense}
		_, err := OpenEmbedder(base.with(files, nil).fs(), model.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v; want %q in it", c.pooling, c.dense, err, c.want)
		}
	}
	if _, err := OpenM3(base.fs(), model.Options{}); err == nil || !strings.Contains(err.Error(), "sparse_linear.pt") {
		t.Errorf("BGE-M3 without its layers: %v", err)
	}
	if _, err := OpenFillMask(folderData{Files: map[string]string{}}.fs(), model.Options{}); err == nil {
		t.Error("an empty folder opened")
	}
}

// TestBatches has the same answers for texts together and alone, from several goroutines, and all of
// the progress reported.
func TestBatches(t *testing.T) {
	texts := []string{"", "cat", strings.Repeat("the quick dog ", 30), "john lives in berlin", "a b c d e f g h", "the king of england"}
	for range 6 {
		texts = append(texts, texts...)
	}
	e := must(OpenEmbedder(Tiny("features"), model.Options{}))
	last := 0
	e.Progress = func(done, total int) {
		if done <= last || total != len(texts) {
			t.Errorf("progress goes from %d to %d of %d", last, done, total)
		}
		last = done
	}
	together := must(e.Encode(texts...))
	if last != len(texts) {
		t.Errorf("progress ends at %d of %d", last, len(texts))
	}
	e.Progress = nil
	c := must(OpenClassifier(Tiny("single"), model.Options{}))
	labels := must(c.Classify(texts...))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < 6; i += 4 {
				alone := must(e.Encode(texts[i]))
				if !reflect.DeepEqual(alone.Row(0), together.Row(i)) {
					t.Errorf("text %d has another embedding alone", i)
				}
				if got := must(c.Classify(texts[i])); !reflect.DeepEqual(got[0], labels[i]) {
					t.Errorf("text %d has labels %v alone, %v in a batch", i, got[0], labels[i])
				}
			}
		})
	}
	wg.Wait()
	none := must(e.Encode())
	if none.Rows() != 0 || len(must(c.Classify())) != 0 || len(must(must(OpenMultipleChoice(Tiny("choice"), model.Options{})).Choose("x"))) != 0 {
		t.Error("no texts gave something")
	}
}

func TestPoolingPanics(t *testing.T) {
	tensortest.Panics(t, "[2, 3]", func() { PoolMean.Forward(make([]float32, 3), tensor.New(2, 3), 2) })
}
