package tokenizer

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// benchmarked lists tokenizers by the folder they are in below TRANSFORMER_FIXTURES or TRANSFORMER_REAL.
func benchmarked(tb testing.TB) map[string]string {
	dirs := map[string]string{}
	for name, dir := range map[string]string{
		"gpt2": "tokenizers/gpt2", "falcon": "tokenizers/falcon", "clip": "tokenizers/clip",
		"bert": "tokenizers/bert-base-uncased", "t5": "tokenizers/t5-small", "mistral": "tokenizers/mistral-v3",
	} {
		dirs[name] = filepath.Join(os.Getenv("TRANSFORMER_FIXTURES"), dir)
	}
	for name, dir := range map[string]string{"smollm2": "smollm2-135m-instruct", "gemma": "gemma-3-270m"} {
		dirs[name] = filepath.Join(os.Getenv("TRANSFORMER_REAL"), dir)
	}
	return dirs
}

func BenchmarkEncode(b *testing.B) {
	text := string(tensortest.ReadFile(b, fixture(b, "text", "tinyshakespeare.txt")))
	for _, name := range []string{"gpt2", "smollm2", "falcon", "gemma", "mistral", "bert", "t5", "clip"} {
		b.Run(name, func(b *testing.B) {
			dir := benchmarked(b)[name]
			if _, err := os.Stat(dir); err != nil {
				b.Skip(err)
			}
			t := openDir(b, dir)
			var ids []int
			var err error
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if ids, err = t.AppendEncode(ids[:0], text, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	text := string(tensortest.ReadFile(b, fixture(b, "text", "tinyshakespeare.txt")))
	for _, name := range []string{"gpt2", "gemma", "bert"} {
		b.Run(name, func(b *testing.B) {
			dir := benchmarked(b)[name]
			if _, err := os.Stat(dir); err != nil {
				b.Skip(err)
			}
			t := openDir(b, dir)
			ids, err := t.AppendEncode(nil, text, Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := t.Decode(ids, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, name := range []string{"gpt2", "smollm2", "gemma", "t5"} {
		b.Run(name, func(b *testing.B) {
			dir := benchmarked(b)[name]
			if _, err := os.Stat(dir); err != nil {
				b.Skip(err)
			}
			for b.Loop() {
				openDir(b, dir)
			}
		})
	}
}

// BenchmarkFirstEncode is the first call of a tokenizer: its memory is new and no word is known.
func BenchmarkFirstEncode(b *testing.B) {
	text := string(tensortest.ReadFile(b, fixture(b, "text", "tinyshakespeare.txt")))
	for _, name := range []string{"gpt2", "mistral", "bert", "t5"} {
		b.Run(name, func(b *testing.B) {
			dir := benchmarked(b)[name]
			if _, err := os.Stat(dir); err != nil {
				b.Skip(err)
			}
			t := openDir(b, dir)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				t.pool = new(sync.Pool)
				if _, err := t.AppendEncode(nil, text, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
