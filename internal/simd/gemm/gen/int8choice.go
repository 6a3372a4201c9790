package main

import (
	"fmt"
	"slices"
	"strings"
)

// unitSet names the set of a format's tile of one row.
func unitSet(u units) string { return "tiles" + u.name + "AVX512VNNI" }

// int8Sets returns the names of the sets of tiles for 8-bit activations.
func int8Sets() []string {
	names := []string{"tilesInt8AVX512VNNI", "tilesQ8_0AVX512VNNI"}
	for _, u := range unitFormats {
		names = append(names, unitSet(u))
	}
	return names
}

// int8Choice returns Go: the functions that call a tile, and what expands a panel for it.
func int8Choice() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("// multiplyInt8 is multiply for sets that take 8-bit activations.")
	p("func (t *tile) multiplyInt8(c, a []float32, chain int) {")
	p("blocks, offset := t.k/int8Len, int(t.offset)")
	p("a0, c0, bias, add := unsafe.SliceData(a), unsafe.SliceData(c), unsafe.SliceData(t.bias), unsafe.SliceData(t.add)")
	p("switch t.set {")
	for _, u := range unitFormats {
		p("case %s:\n%s(blocks/%d, a0, t.panel, c0, chain, bias, add)\nreturn", unitSet(u), singleName(u), u.parts)
	}
	p("case tilesQ8_0AVX512VNNI:\n%s(blocks, a0, t.panel, c0, chain, bias, add)\nreturn", nameRowQ8_0)
	p("}\nswitch t.kind {")
	for _, w := range kinds {
		p("case int8%s:\nswitch t.width {", w)
		for _, width := range []int{48, 32, 16} {
			p("case %d:\nif t.rows > 1 {", width)
			for _, rows := range sumRows {
				p("%s(blocks, a0, t.panel, c0, t.ldc, chain, bias, add, t.next, t.step, offset, max(t.rows/4, 1))", sumTile{w, rows, width}.name())
				p(map[int]string{4: "} else {", 1: "}"}[rows])
			}
		}
		p("}")
	}
	p("}\n}\n")
	for _, v := range []vector{avx512, avx2} {
		p("// expand%s expands a panel of a format, if it can.", v.set)
		p("func (u *int8Weights) expand%s(n int, dst *float32, panel unsafe.Pointer, width int) bool {", v.set)
		p("switch u {")
		for _, u := range slices.Concat(unitFormats, expandedFormats) {
			p("case &units%s:\n%s(n, dst, panel, width)", u.name, expandName(u, v))
		}
		p("default:\nreturn false\n}\nreturn true\n}\n")
		p("// floats%s makes float32 of an expanded panel.", v.set)
		p("func (u *int8Weights) floats%s(n int, dst, src *float32, width int) {", v.set)
		p("offset := int(u.bias)\nswitch {\ncase u == &unitsE2M1:\n%s(n, dst, src, width, offset)", floatsName(e2m1, v))
		for _, w := range kinds {
			p("case u.kind == int8%s:\n%s(n, dst, src, width, offset)", w, floatsName(codeFloats(w), v))
		}
		p("}\n}\n")
	}
	b.WriteString(choice256())
	return b.String()
}
