package chars

import "unicode/utf8"

// GPT-2's byte alphabet writes each byte as one printable character: the printable bytes of Latin-1 as themselves,
// the others as the characters from U+0100 on (openai/gpt-2, src/encoder.py, bytes_to_unicode).

// ByteRune returns the character for a byte.
func ByteRune(c byte) rune {
	switch {
	case c <= ' ':
		return 0x100 + rune(c)
	case c < 0x7f:
		return rune(c)
	case c <= 0xa0:
		return 0x121 + rune(c-0x7f)
	case c == 0xad:
		return 0x143
	}
	return rune(c)
}

// runeByte is the inverse of ByteRune.
func runeByte(r rune) (byte, bool) {
	switch {
	case r > ' ' && r < 0x7f, r > 0xa0 && r <= 0xff && r != 0xad:
		return byte(r), true
	case r >= 0x100 && r <= 0x120:
		return byte(r - 0x100), true
	case r >= 0x121 && r <= 0x142:
		return byte(r-0x121) + 0x7f, true
	case r == 0x143:
		return 0xad, true
	}
	return 0, false
}

// AppendAlphabet appends b in the byte alphabet.
func AppendAlphabet(dst, b []byte) []byte {
	for _, c := range b {
		dst = utf8.AppendRune(dst, ByteRune(c))
	}
	return dst
}

// AppendFromAlphabet appends the bytes that s writes; ok is false when s has a character outside the alphabet.
func AppendFromAlphabet(dst []byte, s []byte) (_ []byte, ok bool) {
	n := len(dst)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRune(s[i:])
		c, ok := runeByte(r)
		if !ok {
			return dst[:n], false
		}
		dst = append(dst, c)
		i += size
	}
	return dst, true
}
