package chars

import "unicode/utf8"

// AppendValid appends src to dst with U+FFFD for each maximal stretch that starts a character and breaks off, and for
// each other byte that is no UTF-8 (the Unicode Standard's recommended practice, section 3.9).
func AppendValid(dst, src []byte) []byte {
	for len(src) > 0 {
		if src[0] < utf8.RuneSelf {
			dst = append(dst, src[0])
			src = src[1:]
			continue
		}
		r, n := utf8.DecodeRune(src)
		if r == utf8.RuneError && n == 1 {
			n = BrokenLen(src)
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, src[:n]...)
		}
		src = src[n:]
	}
	return dst
}

// BrokenLen returns the length of the longest prefix of src that could have begun a character, at least 1.
func BrokenLen(src []byte) int {
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

// Incomplete returns how many bytes at the end of b begin a character that more bytes could complete.
func Incomplete(b []byte) int {
	for n := 1; n <= 3 && n <= len(b); n++ {
		c := b[len(b)-n]
		if c < utf8.RuneSelf {
			return 0
		}
		if c >= 0xc0 {
			tail := b[len(b)-n:]
			if !utf8.FullRune(tail) && BrokenLen(tail) == n {
				return n
			}
			return 0
		}
	}
	return 0
}

func FirstLen(b []byte) int {
	if b[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRune(b)
	return n
}
