package regex

import (
	"slices"
	"sort"
	"unicode"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tokenizer/internal/chars"
)

// set is a set of characters.
type set struct {
	ascii  [2]uint64
	ranges []chars.RuneRange // in order and apart, all of the set
}

func newSet(ranges []chars.RuneRange) *set {
	s := &set{ranges: chars.Ordered(slices.Clone(ranges))}
	for _, r := range s.ranges {
		for c := r.Lo; c <= min(r.Hi, utf8.RuneSelf-1); c++ {
			s.ascii[c/64] |= 1 << (c % 64)
		}
	}
	return s
}

// has reports whether r is in the set.
func (s *set) has(r rune) bool {
	if uint32(r) < utf8.RuneSelf {
		return s.ascii[r/64]>>(r%64)&1 == 1
	}
	i := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].Hi >= r })
	return i < len(s.ranges) && s.ranges[i].Lo <= r
}

// step returns the width of the character at b[i] if it is in the set, else 0. b holds UTF-8.
func (s *set) step(b []byte, i int) int {
	if i >= len(b) {
		return 0
	}
	if c := b[i]; c < utf8.RuneSelf {
		return int(s.ascii[c/64] >> (c % 64) & 1)
	}
	r, n := utf8.DecodeRune(b[i:])
	if !s.has(r) {
		return 0
	}
	return n
}

func intersect(a, b []chars.RuneRange) []chars.RuneRange {
	return chars.Complement(chars.Ordered(slices.Concat(chars.Complement(a), chars.Complement(b))))
}

// folded adds to ranges what differs from them in case alone.
func folded(list []chars.RuneRange) []chars.RuneRange {
	in := newSet(list)
	for _, table := range []*unicode.RangeTable{unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Uppercase, unicode.Other_Lowercase, unicode.Mn} {
		for _, r := range table.R16 {
			for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
				list = foldInto(list, in, c)
			}
		}
		for _, r := range table.R32 {
			for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
				list = foldInto(list, in, c)
			}
		}
	}
	return list
}

func foldInto(list []chars.RuneRange, in *set, c rune) []chars.RuneRange {
	for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
		if in.has(f) {
			return append(list, chars.RuneRange{Lo: c, Hi: c})
		}
	}
	return list
}

// named returns the characters of an escape or of a POSIX class; nil where there is none of the name.
func named(name string) []chars.RuneRange {
	switch name {
	case "d", "digit":
		return chars.Property("Nd")
	case "s", "space":
		return tables(unicode.White_Space)
	case "w", "word":
		return chars.Ordered(slices.Concat(chars.Property("L"), chars.Property("M"), chars.Property("Nd"), chars.Property("Nl"), chars.Property("Pc"),
			[]chars.RuneRange{{Lo: '²', Hi: '³'}, {Lo: '¹', Hi: '¹'}, {Lo: '¼', Hi: '¾'}, {Lo: 'Ⓐ', Hi: 'ⓩ'}, {Lo: '🄰', Hi: '🅉'}, {Lo: '🅐', Hi: '🅩'}, {Lo: '🅰', Hi: '🆉'}}))
	case "h", "xdigit":
		return []chars.RuneRange{{Lo: '0', Hi: '9'}, {Lo: 'A', Hi: 'F'}, {Lo: 'a', Hi: 'f'}}
	case "alpha":
		return chars.Ordered(slices.Concat(chars.Property("L"), chars.Property("Nl"), tables(unicode.Other_Alphabetic)))
	case "alnum":
		return chars.Ordered(slices.Concat(named("alpha"), chars.Property("Nd")))
	case "upper":
		return chars.Ordered(slices.Concat(chars.Property("Lu"), tables(unicode.Other_Uppercase)))
	case "lower":
		return chars.Ordered(slices.Concat(chars.Property("Ll"), tables(unicode.Other_Lowercase)))
	case "blank":
		return chars.Ordered(append(chars.Property("Zs"), chars.RuneRange{Lo: '\t', Hi: '\t'}))
	case "cntrl":
		return chars.Property("Cc")
	case "punct":
		return chars.Ordered(slices.Concat(chars.Property("P"), chars.Property("S")))
	case "ascii":
		return []chars.RuneRange{{Lo: 0, Hi: 0x7f}}
	}
	return nil
}

func tables(t *unicode.RangeTable) []chars.RuneRange { return chars.TableRanges(t) }
