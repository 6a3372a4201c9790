package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/tokenizer/chat"
)

// Trained models answer conversations as the reference does, with tools too.
func TestRealChat(t *testing.T) {
	root := fromEnv(t, "TRANSFORMER_REAL", "real models")
	for _, name := range []string{"smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(root, name)
			d, err := model.OpenDecoder(os.DirFS(dir), model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			templates, err := d.ChatTemplates()
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(dir, "chats.json"))
			if err != nil {
				t.Fatal(err)
			}
			var cases []struct {
				Messages    json.RawMessage
				Tools       []json.RawMessage
				IDs, Greedy []int
			}
			if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
				t.Fatalf("%d cases: %v", len(cases), err)
			}
			for i, c := range cases {
				messages, err := chat.ParseMessages(c.Messages)
				if err != nil {
					t.Fatal(err)
				}
				o := chat.Options{GenerationPrompt: true}
				for _, raw := range c.Tools {
					o.Tools = append(o.Tools, chat.Tool{Raw: raw})
				}
				ids, err := templates.Encode(messages, o)
				if err != nil || !slices.Equal(ids, c.IDs) {
					t.Fatalf("conversation %d: %v, %v, want %v", i, ids, err, c.IDs)
				}
				var got []int
				for id, err := range d.NewSession(model.SessionOptions{}).Generate(context.Background(), ids, sample.Greedy(), model.GenerateOptions{MaxTokens: len(c.Greedy)}) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, id)
				}
				if want := c.Greedy; !slices.Equal(got, want) && !slices.Equal(got, want[:len(want)-1]) { // the end token is not handed out
					t.Errorf("conversation %d: %v, want %v", i, got, want)
				}
			}
		})
	}
}

// A GGUF brings its chat template; a folder without one says so.
func TestChatTemplates(t *testing.T) {
	d, err := model.OpenDecoder(os.DirFS("../examples/internal/tiny/decoder"), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.ChatTemplates(); !errors.Is(err, chat.ErrNone) {
		t.Errorf("a model without a template: %v", err)
	}
	root := os.Getenv("TRANSFORMER_REAL")
	if root == "" {
		t.Skip("TRANSFORMER_REAL is not set: it names a folder with real models")
	}
	d, err = model.OpenDecoder(os.DirFS(root), model.Options{GGUF: "smollm2-135m-instruct.gguf"})
	if err != nil {
		t.Fatal(err)
	}
	templates, err := d.ChatTemplates()
	if err != nil {
		t.Fatal(err)
	}
	text, err := templates.Render([]chat.Message{{Role: "user", Content: "Hi"}}, chat.Options{GenerationPrompt: true})
	const want = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
	if err != nil || text != want {
		t.Errorf("%q, %v", text, err)
	}
}
