package normalize

import (
	"bytes"
	"strings"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
	"github.com/seed2010d43f/transformer/tokenizer/internal/trie"
)

// SentencePiece is SentencePiece's normalizer.
type SentencePiece struct {
	CharsMap               *CharsMap // nil: none
	Own                    *trie.Set // user-defined pieces, which stay as they are
	Dummy, Squeeze, Escape bool
	First                  bool // the dummy prefix is for the beginning of the whole text alone
	Inner                  bool // something comes before the text: spaces at its beginning stay
}

func (n *SentencePiece) Normalize(t *buffer.Text) error {
	mark := " "
	if n.Escape {
		mark = chars.SpaceMark
	}
	t.Begin()
	i := 0
	for n.Squeeze && !n.Inner && i < len(t.B) {
		s, size, _ := n.prefix(t.B[i:])
		if string(s) != " " {
			break
		}
		i += size
	}
	if i < len(t.B) && n.Dummy && (t.Start || !n.First) {
		t.Put(mark, i, i+chars.FirstLen(t.B[i:]))
	}
	afterSpace := n.Squeeze && !n.Inner
	for i < len(t.B) && !t.Over {
		s, size, kept := n.prefix(t.B[i:])
		for afterSpace && len(s) > 0 && s[0] == ' ' {
			s = s[1:]
		}
		if len(s) > 0 {
			afterSpace = s[len(s)-1] == ' '
			if kept && bytes.IndexByte(s, ' ') < 0 {
				t.Keep(i+size-len(s), i+size)
			} else {
				t.Put(strings.ReplaceAll(string(s), " ", mark), i, i+size)
			}
		}
		afterSpace = afterSpace && n.Squeeze
		i += size
	}
	if n.Squeeze {
		for bytes.HasSuffix(t.Next, []byte(mark)) {
			t.Next = t.Next[:len(t.Next)-len(mark)]
		}
		if t.Track {
			t.NextAlign = t.NextAlign[:len(t.Next)]
		}
	}
	t.Swap()
	return nil
}

// prefix returns what the beginning of b becomes, how many bytes of b that takes, and whether it stays as it is.
func (n *SentencePiece) prefix(b []byte) (s []byte, size int, kept bool) {
	if !n.Own.Empty {
		if v, size := n.Own.Longest(b); v >= 0 {
			return b[:size], size, true
		}
	}
	if n.CharsMap != nil {
		if s, size := n.CharsMap.longest(b); size > 0 {
			return s, size, false
		}
	}
	size = chars.FirstLen(b)
	return b[:size], size, true
}
