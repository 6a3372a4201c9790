package chars

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// properties16 has what Unicode 16 adds to the properties of Unicode 15, and after a minus what it takes from one.
const properties16 = `
Arabic 897 10ec2-10ec4 10efc
Cyrillic 1c89-1c8a
Han 2ebf0-2ee5d
Latin a7cb-a7cd a7da-a7dc
Ll 1c8a a7cd a7db 10d70-10d85
Lm 10d4e 10d6f 16d40-16d42 16d6b-16d6c
Lo 105c0-105f3 10d4a-10d4d 10d4f 10ec2-10ec4 11380-11389 1138b 1138e 11390-113b5 113b7 113d1 113d3 11bc0-11be0
	13460-143fa 16100-1611d 16d43-16d6a 18cff 1e5d0-1e5ed 1e5f0 2ebf0-2ee5d
Lu 1c89 a7cb-a7cc a7da a7dc 10d50-10d65
Mc 113b8-113ba 113c2 113c5 113c7-113ca 113cc-113cd 113cf 1171e 1612a-1612c
Mn 897 10d69-10d6d 10efc 113bb-113c0 113ce 113d0 113d2 113e1-113e2 11f5a 1611e-16129 1612d-1612f 1e5ee-1e5ef
-Mn 1171e
Nd 10d40-10d49 116d0-116e3 11bf0-11bf9 16130-16139 16d70-16d79 1ccf0-1ccf9 1e5f1-1e5fa
Pd 10d6e
Po 1b4e-1b4f 1b7f 113d4-113d5 113d7-113d8 11be1 16d6d-16d6f 1e5ff
Sm 10d8e-10d8f
So 2427-2429 2ffc-2fff 31e4-31e5 31ef 1cc00-1ccef 1cd00-1ceb3 1f8b2-1f8bb 1f8c0-1f8c1 1fa89 1fa8f 1fabe 1fac6 1fadc
	1fadf 1fae9 1fbcb-1fbef
`

// Property returns the characters that have a general category or belong to a script, in the edition of Unicode that the
// reference's regular expressions have: ranges in order and apart. The one of a name that is not known is nil.
func Property(name string) []RuneRange {
	var list []RuneRange
	switch {
	case name == "C" || name == "Cn":
		var others []RuneRange
		for _, c := range []string{"L", "M", "N", "P", "S", "Z", "Cc", "Cf", "Co", "Cs"} {
			others = append(others, Property(c)...)
		}
		list = Complement(Ordered(others))
		if name == "C" {
			list = append(list, Property("Cc")...)
			list = append(list, Property("Cf")...)
			list = append(list, Property("Co")...)
			list = append(list, Property("Cs")...)
		}
		return Ordered(list)
	case len(name) == 1 && strings.Contains("LMNPSZ", name):
		for sub := range unicode.Categories {
			if len(sub) == 2 && sub[0] == name[0] && sub != "LC" {
				list = append(list, Property(sub)...)
			}
		}
		return Ordered(list)
	case unicode.Categories[name] != nil:
		list = TableRanges(unicode.Categories[name])
	case unicode.Scripts[name] != nil:
		list = TableRanges(unicode.Scripts[name])
	default:
		return nil
	}
	list = Ordered(append(list, late16()[name]...))
	if less := late16()["-"+name]; less != nil {
		list = Complement(Ordered(slices.Concat(Complement(list), less)))
	}
	return list
}

// late16 has the lines of properties16 by their names.
var late16 = sync.OnceValue(func() map[string][]RuneRange {
	all, name := map[string][]RuneRange{}, ""
	for line := range strings.Lines(properties16) {
		fields := strings.Fields(line)
		if len(fields) > 0 && line[0] != '\t' {
			name, fields = fields[0], fields[1:]
		}
		for _, f := range fields {
			low, high, ok := strings.Cut(f, "-")
			if !ok {
				high = low
			}
			lo, _ := strconv.ParseInt(low, 16, 32)
			hi, _ := strconv.ParseInt(high, 16, 32)
			all[name] = append(all[name], RuneRange{rune(lo), rune(hi)})
		}
	}
	return all
})

// TableRanges returns the ranges of a table, as they come.
func TableRanges(t *unicode.RangeTable) (list []RuneRange) {
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			list = append(list, RuneRange{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			list = append(list, RuneRange{r, r})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return list
}

// Ordered returns ranges in order, those that touch made one. It may reuse the list.
func Ordered(list []RuneRange) []RuneRange {
	slices.SortFunc(list, func(a, b RuneRange) int { return int(a.Lo - b.Lo) })
	var out []RuneRange
	for _, r := range list {
		if n := len(out); n > 0 && r.Lo <= out[n-1].Hi+1 {
			out[n-1].Hi = max(out[n-1].Hi, r.Hi)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// Complement returns the characters that ranges in order leave out.
func Complement(list []RuneRange) (out []RuneRange) {
	next := rune(0)
	for _, r := range list {
		if r.Lo > next {
			out = append(out, RuneRange{next, r.Lo - 1})
		}
		next = r.Hi + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, RuneRange{next, unicode.MaxRune})
	}
	return out
}
