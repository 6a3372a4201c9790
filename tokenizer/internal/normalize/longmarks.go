package normalize

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Package norm takes at most 30 marks in a row together, and puts U+034F between more, for the sake of streams. The reference
// orders and composes them all.

// segment returns the end of the characters from i on that compose or change places, however many they are, and whether
// they are more than norm takes together.
func segment(f norm.Form, b []byte, i int) (end int, long bool) {
	end = i + f.NextBoundary(b[i:], true)
	for end < len(b) {
		p := f.Properties(b[end:])
		if p.Size() == 0 || p.BoundaryBefore() {
			break
		}
		end += p.Size()
		long = true
	}
	return end, long
}

// character is one with its canonical combining class.
type character struct {
	r     rune
	class uint8
}

// longForm is the form of a long segment (Unicode Standard Annex 15).
func longForm(f norm.Form, b []byte) string {
	decompose := norm.NFD
	if f == norm.NFKC || f == norm.NFKD {
		decompose = norm.NFKD
	}
	var list []character
	for len(b) > 0 {
		_, n := utf8.DecodeRune(b)
		for _, r := range string(decompose.Bytes(b[:n])) {
			list = append(list, character{r, norm.NFD.PropertiesString(string(r)).CCC()})
		}
		b = b[n:]
	}
	for i := 0; i < len(list); i++ { // marks between two starters
		j := i
		for j < len(list) && list[j].class != 0 {
			j++
		}
		slices.SortStableFunc(list[i:j], func(a, b character) int { return cmp.Compare(a.class, b.class) })
		i = j
	}
	if f == norm.NFC || f == norm.NFKC {
		list = compose(list)
	}
	var out []byte
	for _, c := range list {
		out = utf8.AppendRune(out, c.r)
	}
	return string(out)
}

// compose joins characters with the starter before them where nothing of the same or a higher class lies between.
func compose(list []character) []character {
	out, starter := list[:0], -1
	for _, c := range list {
		if starter >= 0 {
			last := out[len(out)-1].class
			if len(out)-1 == starter || last < c.class && last != 0 {
				if both := []rune(norm.NFC.String(string([]rune{out[starter].r, c.r}))); len(both) == 1 {
					out[starter].r = both[0]
					continue
				}
			}
		}
		if c.class == 0 {
			starter = len(out)
		}
		out = append(out, c)
	}
	return out
}
