package benchmarks

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tokenizer"
)

// vocabularies are those that BenchmarkTokenize knows: each is looked for in a folder below the one that
// an environment variable names.
var vocabularies = []struct{ name, env, folder string }{
	{"gpt2", "TRANSFORMER_FIXTURES", "tokenizers/gpt2"},
	{"smollm2", "TRANSFORMER_REAL", "smollm2-135m-instruct"},
	{"gemma3", "TRANSFORMER_REAL", "gemma-3-270m"},
}

// BenchmarkTokenize encodes 1.1 MB of English at once, on one thread.
func BenchmarkTokenize(b *testing.B) {
	benchTokenize(b, func(text string) []string { return []string{text} })
}

// BenchmarkTokenizeLines encodes the same text line by line.
func BenchmarkTokenizeLines(b *testing.B) {
	benchTokenize(b, func(text string) []string { return strings.SplitAfter(text, "\n") })
}

func benchTokenize(b *testing.B, split func(text string) []string) {
	text := english(b)
	for _, v := range vocabularies {
		b.Run(v.name, func(b *testing.B) {
			t, err := tokenizer.Open(os.DirFS(folder(b, v.env, v.folder)))
			if errors.Is(err, fs.ErrNotExist) {
				b.Skip(err)
			} else if err != nil {
				b.Fatal(err)
			}
			if probe(b) {
				return
			}
			parts := split(text)
			ids := make([]int, 0, len(text))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				for _, part := range parts {
					if ids, err = t.AppendEncode(ids[:0], part, tokenizer.Options{}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// english returns the works of Shakespeare if they are at hand, or else as much text made of a few words.
func english(b *testing.B) string {
	if root := os.Getenv("TRANSFORMER_FIXTURES"); root != "" {
		text, err := os.ReadFile(filepath.Join(root, "text", "tinyshakespeare.txt"))
		if err != nil {
			b.Fatal(err)
		}
		return string(text)
	}
	words := strings.Fields(`Now is the winter of our discontent made glorious summer by this sun of York;
		And all the clouds that lour'd upon our house In the deep bosom of the ocean buried.`)
	r := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for text.Len() < 1_100_000 {
		text.WriteString(words[r.IntN(len(words))])
		text.WriteByte(" \n"[r.IntN(9)/8])
	}
	return text.String()
}
