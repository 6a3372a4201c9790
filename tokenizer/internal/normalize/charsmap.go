package normalize

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/seed2010d43f/transformer/tokenizer/internal/buffer"
)

// CharsMap is SentencePiece's precompiled normalisation: a double-array trie (Aoe 1989, as darts-clone lays it out)
// from strings to places in a pool of replacements that end with NUL. It goes by grapheme clusters of fewer than six
// bytes, then by characters, as Hugging Face tokenizers does.
type CharsMap struct {
	units []uint32
	pool  []byte
	ascii [128]bool // the character has a replacement
	any   bool      // some ASCII character has

	starts [128]bool // some string of the map begins with the character
}

const maxReplacement = 1 << 10 // bytes; the longest published has 33

// DecodeCharsMap reads a map as tokenizer.json writes it, in base64.
func DecodeCharsMap(s string) (*CharsMap, error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("precompiled_charsmap: %w", err)
	}
	return NewCharsMap(raw)
}

func NewCharsMap(raw []byte) (*CharsMap, error) {
	if len(raw) < 4 {
		return nil, fmt.Errorf("precompiled_charsmap of %d bytes is too short", len(raw))
	}
	size := binary.LittleEndian.Uint32(raw)
	if uint64(size) > uint64(len(raw)-4) || size%4 != 0 {
		return nil, fmt.Errorf("precompiled_charsmap of %d bytes says that its trie has %d", len(raw), size)
	}
	m := &CharsMap{units: make([]uint32, size/4), pool: append([]byte(nil), raw[4+size:]...)}
	for s := range bytes.SplitSeq(m.pool, []byte{0}) {
		if len(s) > maxReplacement {
			return nil, fmt.Errorf("precompiled_charsmap has a replacement of %d bytes; at most %d are supported", len(s), maxReplacement)
		}
	}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(raw[4+4*i:])
	}
	for c := range m.ascii {
		_, m.ascii[c] = m.find([]byte{byte(c)})
		m.starts[c] = m.begins(byte(c))
		m.any = m.any || m.ascii[c]
	}
	return m, nil
}

// begins reports whether a string of the map begins with c.
func (m *CharsMap) begins(c byte) bool {
	if len(m.units) == 0 {
		return false
	}
	at := offset(m.units[0]) ^ uint32(c)
	return uint64(at) < uint64(len(m.units)) && m.units[at]&(1<<31|0xff) == uint32(c)
}

// find returns the replacement of the shortest string in the trie that b starts with.
func (m *CharsMap) find(b []byte) (string, bool) {
	at := uint32(0)
	if len(m.units) == 0 {
		return "", false
	}
	at ^= offset(m.units[0])
	for _, c := range b {
		at ^= uint32(c)
		if uint64(at) >= uint64(len(m.units)) {
			return "", false
		}
		unit := m.units[at]
		if unit&(1<<31|0xff) != uint32(c) {
			return "", false
		}
		at ^= offset(unit)
		if unit>>8&1 == 1 { // a string ends here
			if uint64(at) >= uint64(len(m.units)) {
				return "", false
			}
			return m.replacement(m.units[at] & (1<<31 - 1))
		}
	}
	return "", false
}

func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

func (m *CharsMap) replacement(at uint32) (string, bool) {
	if uint64(at) >= uint64(len(m.pool)) {
		return "", false
	}
	s := m.pool[at:]
	if n := bytes.IndexByte(s, 0); n >= 0 {
		s = s[:n]
	}
	return string(s), true
}

func (m *CharsMap) Normalize(t *buffer.Text) error {
	if m.unchanged(t.B) {
		return nil
	}
	t.Begin()
	state := -1
	for i := 0; i < len(t.B) && !t.Over; {
		if j := m.plain(t.B, i); j > i {
			t.Keep(i, j)
			i, state = j, -1
			continue
		}
		cluster, _, _, next := uniseg.FirstGraphemeCluster(t.B[i:], state)
		state = next
		end := i + len(cluster)
		if len(cluster) < 6 {
			if s, ok := m.find(cluster); ok {
				t.Put(s, i, end)
				i = end
				continue
			}
		}
		for i < end {
			_, n := utf8.DecodeRune(t.B[i:])
			m.put(t, i, i+n)
			i += n
		}
	}
	t.Swap()
	return nil
}

func (m *CharsMap) put(t *buffer.Text, i, j int) {
	if s, ok := m.find(t.B[i:j]); ok {
		t.Put(s, i, j)
	} else {
		t.Keep(i, j)
	}
}

// plain returns the end of the ASCII characters from i on that stay as they are. The last before another character may
// be part of a cluster, as is CR before LF.
func (m *CharsMap) plain(b []byte, i int) int {
	for i < len(b) && b[i] < utf8.RuneSelf && !m.ascii[b[i]] && b[i] != '\r' && (i+1 == len(b) || b[i+1] < utf8.RuneSelf) {
		i++
	}
	return i
}

// unchanged reports whether b is ASCII without replacements.
func (m *CharsMap) unchanged(b []byte) bool {
	for i, c := range b {
		if c >= utf8.RuneSelf || m.ascii[c] || c == '\r' && i+1 < len(b) && b[i+1] == '\n' {
			return false
		}
	}
	return true
}

// longest returns the replacement of the longest string of the map that b starts with, and the string's length.
func (m *CharsMap) longest(b []byte) (s []byte, size int) {
	if len(m.units) == 0 || len(b) == 0 || b[0] < utf8.RuneSelf && !m.starts[b[0]] {
		return nil, 0
	}
	at := offset(m.units[0])
	var found uint32
	for i, c := range b {
		if at ^= uint32(c); uint64(at) >= uint64(len(m.units)) {
			break
		}
		unit := m.units[at]
		if unit&(1<<31|0xff) != uint32(c) {
			break
		}
		if at ^= offset(unit); unit>>8&1 == 1 && uint64(at) < uint64(len(m.units)) {
			found, size = m.units[at]&(1<<31-1), i+1
		}
	}
	if uint64(found) >= uint64(len(m.pool)) {
		return nil, 0
	}
	s = m.pool[found:]
	if n := bytes.IndexByte(s, 0); n >= 0 {
		s = s[:n]
	}
	return s, size
}
