package tokenizer

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// span is a byte range of the original text.
type span struct{ start, end int32 }

// piece is a byte range of a text's bytes.
type piece struct{ start, end int32 }

// text is a stretch of input on its way through normalisation and pre-tokenisation. When track is set, align holds for
// each byte the range of the original text it stands for.
//
// An operation that rewrites the text builds next from b with keep and put, and ends with swap.
type text struct {
	b, next          []byte
	align, nextAlign []span
	track            bool
	most             int  // bytes that all stretches of the original may become together
	room             int  // those of them that are left
	over             bool // the stretch would have grown beyond
	search           searchTime
}

// Normalizer and pre-tokenizer may make a text growFactor times as long, and growBytes longer. Of what is published the
// longest decomposition of Unicode makes eleven bytes of one, thirteen with marks for its spaces.
const growFactor, growBytes = 32, 1 << 16

// allow sets how much an original text of n bytes may become.
func (t *text) allow(n int) {
	t.most = growFactor*n + growBytes
	t.room, t.over = t.most, false
}

// spend takes the stretch out of what its original may become.
func (t *text) spend() error {
	t.room -= len(t.b)
	return t.check()
}

// reset makes t the stretch s, which starts at byte base of the original text.
func (t *text) reset(s string, base int, track bool) {
	t.b = append(t.b[:0], s...)
	t.track = track
	t.align = t.align[:0]
	if !track {
		return
	}
	for i := 0; i < len(s); {
		n := 1
		if s[i] >= utf8.RuneSelf {
			_, n = utf8.DecodeRuneInString(s[i:])
		}
		at := span{int32(base + i), int32(base + i + n)}
		for range n {
			t.align = append(t.align, at)
		}
		i += n
	}
}

func (t *text) begin() {
	t.next, t.nextAlign = slices.Grow(t.next[:0], len(t.b)+len(t.b)/4), t.nextAlign[:0]
}

// keep carries b[i:j] over as it is.
func (t *text) keep(i, j int) {
	t.next = append(t.next, t.b[i:j]...)
	if t.track {
		t.nextAlign = append(t.nextAlign, t.align[i:j]...)
	}
}

// put writes s in place of b[i:j]. An insertion, i == j, stands for what precedes it, or for what follows at the start.
func (t *text) put(s string, i, j int) {
	if len(t.next)+len(s) > t.room {
		t.over = true
		return
	}
	t.next = append(t.next, s...)
	if t.track {
		t.mark(len(s), i, j)
	}
}

// putRune is put for one character.
func (t *text) putRune(r rune, i, j int) {
	n := len(t.next)
	t.next = utf8.AppendRune(t.next, r)
	if t.track {
		t.mark(len(t.next)-n, i, j)
	}
}

func (t *text) mark(n, i, j int) {
	var at span
	switch {
	case i < j:
		at = span{t.align[i].start, t.align[j-1].end}
	case i > 0:
		at = t.align[i-1]
	case len(t.align) > 0:
		at = t.align[0]
	}
	for range n {
		t.nextAlign = append(t.nextAlign, at)
	}
}

func (t *text) swap() {
	t.b, t.next = t.next, t.b
	t.align, t.nextAlign = t.nextAlign, t.align
}

// check reports a text that would have grown beyond what it may.
func (t *text) check() error {
	if t.over || t.room < 0 {
		return fmt.Errorf("tokenizer: normalizing makes more than %d bytes of the text: more than %d for each of its own", t.most, growFactor)
	}
	return nil
}

// source returns the range of the original text that b[i:j] stands for.
func (t *text) source(i, j int) span {
	if i >= j {
		return span{}
	}
	return span{t.align[i].start, t.align[j-1].end}
}

// appendValid appends src to dst with U+FFFD for each maximal stretch that starts a character and breaks off, and for
// each other byte that is no UTF-8 (the Unicode Standard's recommended practice, section 3.9).
func appendValid(dst, src []byte) []byte {
	for len(src) > 0 {
		if src[0] < utf8.RuneSelf {
			dst = append(dst, src[0])
			src = src[1:]
			continue
		}
		r, n := utf8.DecodeRune(src)
		if r == utf8.RuneError && n == 1 {
			n = brokenLen(src)
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, src[:n]...)
		}
		src = src[n:]
	}
	return dst
}

// brokenLen returns the length of the longest prefix of src that could have begun a character, at least 1.
func brokenLen(src []byte) int {
	want, lo, hi := 0, byte(0x80), byte(0xbf)
	switch c := src[0]; {
	case c >= 0xc2 && c <= 0xdf:
		want = 2
	case c >= 0xe0 && c <= 0xef:
		want = 3
		if c == 0xe0 {
			lo = 0xa0
		}
		if c == 0xed {
			hi = 0x9f
		}
	case c >= 0xf0 && c <= 0xf4:
		want = 4
		if c == 0xf0 {
			lo = 0x90
		}
		if c == 0xf4 {
			hi = 0x8f
		}
	}
	n := 1
	for n < want && n < len(src) && src[n] >= lo && src[n] <= hi {
		lo, hi = 0x80, 0xbf
		n++
	}
	return n
}

// incomplete returns how many bytes at the end of b begin a character that more bytes could complete.
func incomplete(b []byte) int {
	for n := 1; n <= 3 && n <= len(b); n++ {
		c := b[len(b)-n]
		if c < utf8.RuneSelf {
			return 0
		}
		if c >= 0xc0 {
			tail := b[len(b)-n:]
			if !utf8.FullRune(tail) && brokenLen(tail) == n {
				return n
			}
			return 0
		}
	}
	return 0
}
