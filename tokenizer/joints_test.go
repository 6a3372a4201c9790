package tokenizer

import (
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tokenizer/internal/models"
)

// TestJointsChangeNothing encodes SentencePiece text in one piece and cut into words.
func TestJointsChangeNothing(t *testing.T) {
	tok := openDir(t, fixture(t, "tokenizers", "mistral-v3"))
	m, ok := tok.model.(*models.BPE)
	if !ok || m.Joints == nil {
		t.Fatal("the vocabulary gives no joints")
	}
	text := string(tensortest.ReadFile(t, fixture(t, "text", "tinyshakespeare.txt")))[:100_000] + "▁▁ \n\n日本語 the  ...the '' e\u0301"
	cut, err := tok.AppendEncode(nil, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.Joints = nil
	whole, err := tok.AppendEncode(nil, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(cut, whole) {
		t.Error("cutting changed the ids")
	}
}
