package models

import (
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// joints knows which neighbours some merge could join, so that text with no splits can be cut into words: where no
// token holds the two neighbouring characters side by side, no merge reaches across.
type joints struct {
	mark [256]bool      // the byte, then U+2581
	pair [256][4]uint64 // the byte, then a character that begins with another
}

// newJoints returns nil where the tokens of single bytes take part in merges: their text is not what they stand for.
func (m *BPE) newJoints() *joints {
	ofByte := make([]bool, m.Vocab.Size())
	for _, id := range m.fallback {
		ofByte[id-1] = true
	}
	merged := make([]bool, m.Vocab.Size())
	for i := range m.Merges.slots {
		s := &m.Merges.slots[i]
		if s.rank == 0 {
			continue
		}
		if ofByte[uint32(s.pair)] || ofByte[uint32(s.pair>>32)] {
			return nil
		}
		merged[s.into] = true
	}
	j := new(joints)
	for id, yes := range merged {
		if yes {
			j.Add(m.Vocab.Bytes(id))
		}
	}
	return j
}

// Add notes the neighbours within a token.
func (j *joints) Add(b []byte) {
	for k := 1; k < len(b); k++ {
		if !utf8.RuneStart(b[k]) {
			continue
		}
		if chars.IsMark(b[k:]) {
			j.mark[b[k-1]] = true
		} else {
			j.pair[b[k-1]][b[k]/64] |= 1 << (b[k] % 64)
		}
	}
}

// cut returns the first place after the start of b where b can be cut.
func (j *joints) cut(b []byte) int {
	for i := 1; i < len(b); i++ {
		c, next := b[i-1], b[i]
		if !utf8.RuneStart(next) {
			continue
		}
		if next == 0xe2 && chars.IsMark(b[i:]) {
			if !j.mark[c] {
				return i
			}
		} else if j.pair[c][next/64]&(1<<(next%64)) == 0 {
			return i
		}
	}
	return len(b)
}
