package tokenizer

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestScannersFollowTheirPatterns compares each hand-written scanner with a regular-expression engine on random texts.
// The engine folds no long s and knows characters up to Unicode 15, so the texts have none beyond.
func TestScannersFollowTheirPatterns(t *testing.T) {
	parts := []string{"'", "s", "S", "t", "re", "LL", "ve", "'d", " ", "  ", "\t", "\n", "\r", "\r\n", "\u00a0", "\u3000", "\u0085", "a", "Z",
		"é", "ß", "日", "ʰ", "1", "23", "٣", "½", "Ⅷ", ".", "!?", "-", "_", "€", "😀", "\u0301", "\u200d", "\x00", "<|endoftext|>", "<|start", "<"}
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name, pattern string
		how           behaviour
		invert        bool
		fast          scan
	}{
		{"GPT-2", gpt2Pattern, isolated, false, scan{next: scanGPT2}},
		{"LLaMA 3", llama3Pattern, isolated, false, scan{next: scanLLaMA3}},
		{"Qwen 2", qwen2Pattern, isolated, false, scan{next: scanQwen2}},
		{"CLIP", clipPattern, removed, true, scan{next: scanCLIP, dropSpaces: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := compilePattern(c.pattern)
			if err != nil {
				t.Fatal(err)
			}
			slow := splitPattern{p, c.how, c.invert}
			for range 3000 {
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
func splitBy(tb testing.TB, p preTokenizer, text string) []string {
	tb.Helper()
	w := new(work)
	w.text.reset(text, 0, false)
	w.pieces = append(w.pieces, piece{0, int32(len(text))})
	if err := p.split(w); err != nil {
		tb.Fatal(err)
	}
	var out []string
	for _, q := range w.pieces {
		out = append(out, string(w.text.b[q.start:q.end]))
	}
	return out
}

func TestBehaviours(t *testing.T) {
	for _, c := range []struct {
		how  behaviour
		want []string
	}{
		{removed, []string{"the", "end", "of"}},
		{isolated, []string{"the", "-", "end", "-", "-", "of", "-"}},
		{mergedWithPrevious, []string{"the-", "end-", "-", "of-"}},
		{mergedWithNext, []string{"the", "-end", "-", "-of", "-"}},
		{contiguous, []string{"the", "-", "end", "--", "of", "-"}},
	} {
		p := splitPattern{pattern: literalPattern("-"), how: c.how}
		if got := splitBy(t, p, "the-end--of-"); !slices.Equal(got, c.want) {
			t.Errorf("behaviour %d: got %q, want %q", c.how, got, c.want)
		}
	}
}

// TestOverBytes splits bytes as the characters that GPT-2's alphabet writes them with: byte 0xB2, part of this
// character, is the digit ² there.
func TestOverBytes(t *testing.T) {
	got := splitBy(t, newOverBytes(splitClass{numeric, isolated}), "a\u00f2b1") // 0xC3 0xB2
	if want := []string{"a\xc3", "\xb2", "b", "1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	got = splitBy(t, newOverBytes(wordsAndSymbols{}), "a\u00f2.b")
	if want := []string{"a\xc3", "\xb2.", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestJointsChangeNothing encodes SentencePiece text in one piece and cut into words.
func TestJointsChangeNothing(t *testing.T) {
	tok := openDir(t, fixture(t, "tokenizers", "mistral-v3"))
	m, ok := tok.model.(*bpe)
	if !ok || m.joints == nil {
		t.Fatal("the vocabulary gives no joints")
	}
	text := string(readFile(t, fixture(t, "text", "tinyshakespeare.txt")))[:100_000] + "▁▁ \n\n日本語 the  ...the '' e\u0301"
	cut, err := tok.AppendEncode(nil, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.joints = nil
	whole, err := tok.AppendEncode(nil, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(cut, whole) {
		t.Error("cutting changed the ids")
	}
}

// TestMergesAgree merges long words by heap and by scanning.
func TestMergesAgree(t *testing.T) {
	tok := openDir(t, fixture(t, "tokenizers", "gpt2"))
	m := tok.model.(*bpe)
	r := rand.New(rand.NewPCG(3, 4))
	w := tok.lend()
	for range 2000 {
		word := make([]byte, 2+r.IntN(60))
		for i := range word {
			word[i] = "aabeht inos"[r.IntN(11)]
		}
		m.byteSymbols(w, word)
		m.mergeShort(w)
		short := slices.Clone(w.tokens)
		m.byteSymbols(w, word)
		m.mergeLong(w)
		if !slices.Equal(short, w.tokens) {
			t.Fatalf("%q: %v by scanning, %v by heap", word, short, w.tokens)
		}
	}
}
