package normalize

import (
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/internal/pytext"
	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// Canonical is what SigLIP does to a text before SentencePiece reads it: punctuation of ASCII goes, runs of white space
// become a space and those at the ends go, and the text begins with a mark. Marks of the text itself are white space.
type Canonical struct{ Lower bool }

func (n Canonical) Normalize(t *buffer.Text) error {
	t.Begin()
	if t.Start {
		t.Put(chars.SpaceMark, 0, 0)
	}
	from, to := 0, 0 // white space that is to become a space
	for i := 0; i < len(t.B); {
		r, size := utf8.DecodeRune(t.B[i:])
		switch {
		case pytext.IsPunct(r):
		case pytext.IsSpace(r) || r == '▁':
			if from == to {
				from = i
			}
			to = i + size
		default:
			if from < to && len(t.Next) > 0 {
				t.Put(" ", from, to)
			}
			from = to
			n.put(t, r, i, i+size)
		}
		i += size
	}
	t.Swap()
	return nil
}

// put writes the character at B[i:j].
func (n Canonical) put(t *buffer.Text, r rune, i, j int) {
	low := lowered(r)
	switch {
	case !n.Lower:
		t.Keep(i, j)
	case r == 'İ':
		t.Put("i̇", i, j)
	case r == 'Σ' && pytext.FinalSigma(t.B[:i], t.B[j:]):
		t.PutRune('ς', i, j)
	case low != r:
		t.PutRune(low, i, j)
	default:
		t.Keep(i, j)
	}
}
