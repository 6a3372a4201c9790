package pretoken

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/regex"
)

// TestScannersFollowTheirPatterns compares each hand-written scanner with a regular-expression engine on random texts.
func TestScannersFollowTheirPatterns(t *testing.T) {
	parts := []string{"'", "s", "S", "t", "re", "LL", "ve", "'d", " ", "  ", "\t", "\n", "\r", "\r\n", "\u00a0", "\u3000", "\u0085", "a", "Z",
		"é", "ß", "É", "ǅ", "ª", "日", "京", "あ", "(", "|", "…", "،", "/", "+", "\u0e31", "\U0002f800", "\U00010d50", "\U00010d70", "ʰ", "1", "23", "٣", "½", "Ⅷ", ".", "!?", "-", "_", "€", "😀", "\u0301", "\u200d", "\x00", "<|endoftext|>", "<|start", "<"}
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name, pattern string
		how           behaviour
		invert        bool
		fast          Scan
	}{
		{"GPT-2", GPT2Pattern, isolated, false, Scan{Next: ScanGPT2}},
		{"LLaMA 3", LLaMA3Pattern, isolated, false, Scan{Next: ScanLLaMA3}},
		{"Qwen 2", Qwen2Pattern, isolated, false, Scan{Next: ScanQwen2}},
		{"Qwen 3.5", Qwen35Pattern, isolated, false, Scan{Next: scanQwen35}},
		{"o200k", O200KPattern, isolated, false, Scan{Next: ScanO200K}},
		{"tekken", TekkenPattern, isolated, false, Scan{Next: ScanTekken}},
		{"Kimi", KimiPattern, isolated, false, Scan{Next: ScanKimi}},
		{"BLOOM", BloomPattern, isolated, false, Scan{Next: scanBloom}},
		{"threes", threesPattern, isolated, false, Scan{Next: scanThrees}},
		{"CJK", cjkPattern, isolated, false, Scan{Next: scanCJK}},
		{"DeepSeek", DeepSeekPattern, isolated, false, Scan{Next: scanDeepSeek}},
		{"CLIP", CLIPPattern, Removed, true, Scan{Next: ScanCLIP, DropSpaces: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := regex.Compile(c.pattern, regex.Oniguruma)
			if err != nil {
				t.Fatal(err)
			}
			slow := splitPattern{p, c.how, c.invert}
			for range 5000 {
				text := ""
				for range 1 + r.IntN(12) {
					text += parts[r.IntN(len(parts))]
				}
				got, want := splitBy(t, c.fast, text), splitBy(t, slow, text)
				if !slices.Equal(got, want) {
					t.Fatalf("%q: got %q, want %q", text, got, want)
				}
			}
		})
	}
}

// splitBy returns the pre-tokens of text.
func splitBy(tb testing.TB, p PreTokenizer, text string) []string {
	tb.Helper()
	w := new(State)
	w.Text.Reset(text, 0, false)
	w.Pieces = append(w.Pieces, buffer.Piece{Start: 0, End: int32(len(text))})
	if err := p.Split(w); err != nil {
		tb.Fatal(err)
	}
	var out []string
	for _, q := range w.Pieces {
		out = append(out, string(w.Text.B[q.Start:q.End]))
	}
	return out
}

func TestBehaviours(t *testing.T) {
	for _, c := range []struct {
		how  behaviour
		want []string
	}{
		{Removed, []string{"the", "end", "of"}},
		{isolated, []string{"the", "-", "end", "-", "-", "of", "-"}},
		{mergedWithPrevious, []string{"the-", "end-", "-", "of-"}},
		{mergedWithNext, []string{"the", "-end", "-", "-of", "-"}},
		{contiguous, []string{"the", "-", "end", "--", "of", "-"}},
	} {
		p := splitPattern{pattern: regex.Literal("-"), how: c.how}
		if got := splitBy(t, p, "the-end--of-"); !slices.Equal(got, c.want) {
			t.Errorf("behaviour %d: got %q, want %q", c.how, got, c.want)
		}
	}
}

// TestOverBytes splits bytes as the characters that GPT-2's alphabet writes them with: byte 0xB2, part of this
// character, is the digit ² there.
func TestOverBytes(t *testing.T) {
	got := splitBy(t, newOverBytes(SplitClass{chars.Numeric, isolated}), "a\u00f2b1") // 0xC3 0xB2
	if want := []string{"a\xc3", "\xb2", "b", "1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	got = splitBy(t, newOverBytes(wordsAndSymbols{}), "a\u00f2.b")
	if want := []string{"a\xc3", "\xb2.", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
