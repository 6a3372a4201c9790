package task

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// writer returns a model of random weights with one of the tokenizers of package tokenizer's tests. keys are
// further ones of its config.
func writer(t *testing.T, folder, family, keys string) *TextToText {
	t.Helper()
	tok, err := tokenizer.Open(os.DirFS("../../tokenizer/testdata/seq2seq/" + folder))
	if err != nil {
		t.Fatal(err)
	}
	vocab := tok.VocabSize() + 5 // models have more ids than their tokenizers
	config := fmt.Sprintf(`{"model_type": %q, "vocab_size": %d, "d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 1, "num_heads": 4,
		"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
		"encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": 40, "max_length": 7%s}`, family, vocab, keys)
	m, err := model.NewEncoderDecoder([]byte(config), checkpoint.Random(3, tensor.F32), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewTextToText(m.WithTokenizer(tok))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func wantsError(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error %v, want one that says %q", what, err, w)
		}
	}
}

// The language of a translation is where each family has it, and must be named.
func TestTranslate(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct{ folder, family, keys, from, to string }{
		{"mbart", "mbart", "", "en_XX", "ro_RO"},
		{"mbart50", "mbart", `, "decoder_start_token_id": 2`, "en_XX", "fr_XX"},
		{"nllb", "m2m_100", "", "eng_Latn", "fra_Latn"},
		{"m2m100", "m2m_100", "", "en", "fr"},
		{"marian_many", "marian", `, "pad_token_id": 2, "decoder_start_token_id": 2`, "", "fra"},
	} {
		t.Run(c.folder, func(t *testing.T) {
			w := writer(t, c.folder, c.family, c.keys)
			tok := w.Model.Encoder.Tokenizer
			source0, target0 := tok.Direction()
			if _, err := w.Generate(ctx, "a text"); c.folder != "mbart" {
				wantsError(t, "no language", err, "Translate", c.to)
			}
			_, err := w.Translate(c.from, "xx_nowhere")
			wantsError(t, "an unknown language", err, "xx_nowhere")
			_, err = w.Translate("xx_nowhere", c.to)
			wantsError(t, "an unknown source", err, "xx_nowhere")
			u, err := w.Translate(c.from, c.to)
			if err != nil {
				t.Fatal(err)
			}
			id, err := tok.Language(c.to)
			if err != nil {
				t.Fatal(err)
			}
			out, err := u.Generate(ctx, "a text")
			if err != nil || len(out) != 1 || len(out[0].IDs) == 0 {
				t.Fatalf("%v, %v", out, err)
			}
			g := &u.Model.Decoder.Generation
			source, err := u.Read("a text")
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.family == "marian":
				if source[0].IDs[0] != id {
					t.Errorf("the source is %v, without %d", source[0].IDs, id)
				}
			case c.folder == "mbart":
				if g.Start == nil || *g.Start != id {
					t.Errorf("targets start with %d, want %d", g.Start, id)
				}
			default:
				if out[0].IDs[0] != id {
					t.Errorf("the target is %v, want it to begin with %d", out[0].IDs, id)
				}
			}
			if c.from != "" {
				from, err := tok.Language(c.from)
				if err != nil || !slices.Contains(source[0].IDs, from) {
					t.Errorf("the source is %v, without %d (%v)", source[0].IDs, from, err)
				}
			}
			if s, target := tok.Direction(); s != source0 || target != target0 {
				t.Error("the model itself has changed")
			}
		})
	}
}

const tasks = `, "task_specific_params": {"summarization": {"prefix": "summarize: ", "num_beams": 3, "num_return_sequences": 2, "max_length": 5},
	"translation_en_to_de": {"prefix": "translate English to German: "}, "translation_en_to_fr": {"prefix": "translate English to French: "}}`

// Tasks are those of the checkpoint, with prefix and generation; texts in a batch get what each gets alone.
func TestTextToText(t *testing.T) {
	ctx := context.Background()
	w := writer(t, "t5_spiece", "t5", tasks)
	_, err := w.Task("translate")
	wantsError(t, "two tasks", err, "translation_en_to_de", "translation_en_to_fr")
	if u, err := writer(t, "bart", "bart", `, "task_specific_params": {"summarization": {"num_beams": 2}}`).Task("summarize"); err != nil || u.Model.Decoder.Generation.Beams.NumBeams != 2 {
		t.Errorf("a task without prefix: %v", err)
	}
	_, err = w.Task("paint")
	wantsError(t, "an unknown task", err, "paint", "summarization")
	_, err = writer(t, "t5_spiece", "t5", "").Task("summarize")
	wantsError(t, "no tasks", err, "names no tasks", "Prefix")
	for _, name := range []string{"translation_en_to_fr", "translate English to French", "translate English to F"} {
		if u, err := w.Task(name); err != nil || u.Prefix != "translate English to French: " {
			t.Errorf("%s: %v", name, err)
		}
	}
	sum, err := w.Task("summarize")
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"one", "a text that is longer than the others are", "", "two words", "one"}
	for _, u := range []*TextToText{w, sum} {
		steps := 0
		u.BatchSize, u.Progress = 2, func(done, total int) { steps++ }
		all, err := u.GenerateAll(ctx, texts)
		if err != nil {
			t.Fatal(err)
		}
		if steps != 3 {
			t.Errorf("told of %d steps, want 3", steps)
		}
		for i, text := range texts {
			one, err := u.Generate(ctx, text)
			if err != nil || !slices.EqualFunc(one, all[i], equalWritten) {
				t.Errorf("%q alone: %v, in a batch %v (%v)", text, one, all[i], err)
			}
			if want := max(1, u.Model.Decoder.Generation.Beams.NumReturnSequences); len(one) != want {
				t.Errorf("%d texts, want %d", len(one), want)
			}
			for _, x := range one {
				if limit := u.Model.Decoder.Generation.MaxLength - 1; len(x.IDs) > limit {
					t.Errorf("%d tokens, want at most %d", len(x.IDs), limit)
				}
			}
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := sum.Generate(cancelled, "one"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled search: %v", err)
	}
	if _, err := w.Generate(cancelled, "one"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func equalWritten(a, b Output) bool {
	return a.Text == b.Text && a.Score == b.Score && slices.Equal(a.IDs, b.IDs)
}

// A source that is longer than the model's positions is an error, or is cut where that is asked for.
func TestTextToTextTooLong(t *testing.T) {
	w := writer(t, "bart", "bart", "")
	long := strings.Repeat("many words ", 100)
	if _, err := w.Generate(context.Background(), long); !errors.Is(err, ErrTooLong) {
		t.Errorf("a long text: %v", err)
	}
	w.Strict = false
	if out, err := w.Generate(context.Background(), long); err != nil || len(out) != 1 {
		t.Errorf("a long text cut: %v, %v", out, err)
	}
}

// Drawn texts differ, and a seed gives them again.
func TestTextToTextDraws(t *testing.T) {
	w := writer(t, "t5_spiece", "t5", `, "do_sample": true, "num_return_sequences": 3`)
	first, err := w.Generate(context.Background(), "one")
	if err != nil || len(first) != 3 || equalWritten(first[0], first[1]) && equalWritten(first[1], first[2]) {
		t.Fatalf("%v, %v", first, err)
	}
	again, err := w.Generate(context.Background(), "one")
	if err != nil || !slices.EqualFunc(first, again, equalWritten) {
		t.Errorf("%v, then %v, %v", first, again, err)
	}
}
