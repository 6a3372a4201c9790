package tokenizer

import "unicode/utf8"

// GPT-2's byte alphabet writes each byte as one printable character: the printable bytes of Latin-1 as themselves,
// the others as the characters from U+0100 on (openai/gpt-2, src/encoder.py, bytes_to_unicode).

// byteRune returns the character for a byte.
func byteRune(c byte) rune {
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

// runeByte is the inverse of byteRune.
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

// appendAlphabet appends b in the byte alphabet.
func appendAlphabet(dst, b []byte) []byte {
	for _, c := range b {
		dst = utf8.AppendRune(dst, byteRune(c))
	}
	return dst
}

// appendFromAlphabet appends the bytes that s writes; ok is false when s has a character outside the alphabet.
func appendFromAlphabet(dst []byte, s []byte) (_ []byte, ok bool) {
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

// overBytes applies a pre-tokenizer to bytes written in GPT-2's alphabet, where each byte is one character, although
// the text holds the bytes themselves.
type overBytes struct {
	inner   preTokenizer
	classes [256]class // of each byte's character
}

func newOverBytes(inner preTokenizer) *overBytes {
	o := &overBytes{inner: inner}
	for c := range o.classes {
		o.classes[c] = classes().of(byteRune(byte(c)))
	}
	return o
}

func (o *overBytes) split(w *work) error {
	switch p := o.inner.(type) {
	case digitGroups:
		return p.split(w) // digits are themselves in the alphabet
	case splitClass:
		return p.over(w, func(b []byte, i int) (class, int) { return o.classes[b[i]], 1 })
	}
	inner := w.child()
	back := w.back[:0] // for each byte of the inner text, the byte it stands for
	for _, p := range w.pieces {
		start := len(inner.text.b)
		for i := p.start; i < p.end; i++ {
			inner.text.b = utf8.AppendRune(inner.text.b, byteRune(w.text.b[i]))
			for len(back) < len(inner.text.b) {
				back = append(back, i)
			}
		}
		inner.pieces = append(inner.pieces, piece{int32(start), int32(len(inner.text.b))})
	}
	w.back = back
	inner.text.search = w.text.search
	err := o.inner.split(inner)
	w.text.search = inner.text.search
	if err != nil {
		return err
	}
	out := w.spare[:0]
	for _, q := range inner.pieces {
		out = append(out, piece{back[q.start], back[q.end-1] + 1})
	}
	w.pieces, w.spare = out, w.pieces
	return nil
}
