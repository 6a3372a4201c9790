package normalize

import (
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
)

// TestReplaceWide compares the stage with the pattern that it stands for.
func TestReplaceWide(t *testing.T) {
	p, err := regex.Compile(`\s{2,}|[\n\r\t]`, regex.Oniguruma)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		s := ""
		for range r.IntN(12) {
			s += []string{"a", "é", " ", "  ", "\n", "\t", "\u00a0", "\u3000", "\r", "\u0085", "b "}[r.IntN(11)]
		}
		var got, want buffer.Text
		for stage, text := range map[Normalizer]*buffer.Text{replaceWide{"_"}: &got, replaceMatches{p, "_"}: &want} {
			text.Allow(len(s))
			text.Reset(s, 0, true)
			if err := stage.Normalize(text); err != nil {
				t.Fatal(err)
			}
		}
		if string(got.B) != string(want.B) {
			t.Fatalf("%q: %q, want %q", s, got.B, want.B)
		}
	}
}
