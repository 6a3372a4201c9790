package tokenizer

import "unicode/utf8"

// joints knows which neighbours some merge could join, so that text with no splits can be cut into words: where no
// token holds the two neighbouring characters side by side, no merge reaches across.
type joints struct {
	mark [256]bool      // the byte, then U+2581
	pair [256][4]uint64 // the byte, then a character that begins with another
}

const spaceMark = "▁"

// newJoints returns nil where the tokens of single bytes take part in merges: their text is not what they stand for.
func (m *bpe) newJoints() *joints {
	ofByte := make([]bool, m.vocab.size())
	for _, id := range m.fallback {
		ofByte[id-1] = true
	}
	merged := make([]bool, m.vocab.size())
	for i := range m.merges.slots {
		s := &m.merges.slots[i]
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
			j.add(m.vocab.bytes(id))
		}
	}
	return j
}

// add notes the neighbours within a token.
func (j *joints) add(b []byte) {
	for k := 1; k < len(b); k++ {
		if !utf8.RuneStart(b[k]) {
			continue
		}
		if isMark(b[k:]) {
			j.mark[b[k-1]] = true
		} else {
			j.pair[b[k-1]][b[k]/64] |= 1 << (b[k] % 64)
		}
	}
}

func isMark(b []byte) bool { return len(b) >= 3 && b[0] == 0xe2 && b[1] == 0x96 && b[2] == 0x81 }

// cut returns the first place after the start of b where b can be cut.
func (j *joints) cut(b []byte) int {
	for i := 1; i < len(b); i++ {
		c, next := b[i-1], b[i]
		if !utf8.RuneStart(next) {
			continue
		}
		if next == 0xe2 && isMark(b[i:]) {
			if !j.mark[c] {
				return i
			}
		} else if j.pair[c][next/64]&(1<<(next%64)) == 0 {
			return i
		}
	}
	return len(b)
}
