package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// shape is a tile: rows of activations by width columns of a panel. With keep it stores the panel's
// elements, widened, as it goes by.
type shape struct {
	rows, width int
	keep        bool
}

// shapes returns the tiles of a type.
func shapes(v vector, e element) (all []shape) {
	for _, rows := range []int{8, 4, 1} {
		for _, width := range []int{48, 32, 16} {
			all = append(all, shape{rows, width, false})
		}
	}
	if keeps(v, e) {
		for _, width := range []int{48, 32, 16} {
			all = append(all, shape{8, width, true})
		}
	}
	return all
}

// keeps tells whether tiles can keep the panel widened.
func keeps(v vector, e element) bool { return v == avx512 && e.size == 2 }

// elementsOf returns the types that an instruction set has tiles for.
func elementsOf(v vector) []element {
	if v == avx512 {
		return append(slices.Clip(elements), pairs)
	}
	return elements
}

// tileName returns the name of a tile's function: tile8x48F32AVX512.
func tileName(v vector, e element, s shape) string {
	name := fmt.Sprintf("tile%dx%d%s%s", s.rows, s.width, e.name, v.set)
	if s.keep {
		name += "Keep"
	}
	return name
}

// tiles writes a function for each type and shape.
func tiles(f *asmgen.File, v vector) {
	for _, e := range elementsOf(v) {
		for _, s := range shapes(v, e) {
			tile(f, v, e, s)
		}
	}
}

// tile writes one function.
func tile(f *asmgen.File, v vector, e element, s shape) {
	name := tileName(v, e, s)
	doc := fmt.Sprintf("%s computes %d × %d outputs from k elements of each row and column.", name, s.rows, s.width)
	params := []string{"k int", "a *float32", "b unsafe.Pointer", "c *float32", "ldc, chain int", "bias, add *float32", "next uintptr", "step int"}
	use := "R8 k, SI activations, BX panel, DI outputs, DX bytes between their rows, R11 what to fetch and R12 how far apart"
	if s.keep {
		doc = strings.TrimSuffix(doc, ".") + ", and keeps the panel as float32."
		params = append(params, "keep *float32")
		use += ", R10 the panel kept"
	}
	f.Func(name, doc, params...)
	f.Comment("%s.", use)
	f.Arg("k", "R8")
	f.Arg("a", "SI")
	f.Arg("b", "BX")
	f.Arg("c", "DI")
	f.Arg("ldc", "DX")
	f.P("SHLQ $2, DX")
	f.Arg("next", "R11")
	f.Arg("step", "R12")
	if s.keep {
		f.Arg("keep", "R10")
	}
	if v == avx512 {
		kernel{v: v, e: e, shape: s, part: s}.write(f)
	} else {
		quadrants(f, v, e, s)
	}
	f.Return()
}

// choice returns Go: the names of sets of tiles, and the function that calls the tile of a set and a shape.
func choice() string {
	var names, cases strings.Builder
	for _, v := range []vector{avx512, avx2} {
		for _, e := range elementsOf(v) {
			fmt.Fprintf(&names, "tiles%s%s\n", e.name, v.set)
			fmt.Fprintf(&cases, "case tiles%s%s:\nswitch {\n", e.name, v.set)
			byRows := func(condition string, rows int, keep bool) {
				fmt.Fprintf(&cases, "case %s:\nswitch t.width {\n", condition)
				for _, s := range shapes(v, e) {
					if s.rows == rows && s.keep == keep {
						s.choose(&cases, v, e)
					}
				}
				cases.WriteString("}\n")
			}
			byRows("t.rows == 1", 1, false)
			byRows("t.rows == 4", 4, false)
			if keeps(v, e) {
				byRows("t.keep != nil", 8, true)
			}
			byRows("t.rows == 8", 8, false)
			cases.WriteString("}\n")
		}
	}
	for _, name := range int8Sets() {
		names.WriteString(name + "\n")
	}
	fmt.Fprintf(&cases, "case %s:\nt.multiplyInt8(c, a, chain)\n", strings.Join(int8Sets(), ", "))
	for _, name := range sets256() {
		names.WriteString(name + "\n")
	}
	fmt.Fprintf(&cases, "case %s:\nt.multiply256(c, a, chain)\n", strings.Join(sets256(), ", "))
	return "import \"unsafe\"\n\n// The sets of tiles in assembly.\nconst (\n" +
		strings.Replace(names.String(), "\n", " = inAssembly + iota\n", 1) + ")\n\n" +
		"// multiply computes the outputs c, whose rows are t.ldc apart, from packed rows a.\n" +
		"func (t *tile) multiply(c, a []float32) {\n" +
		"a0, c0, bias, add := unsafe.SliceData(a), unsafe.SliceData(c), unsafe.SliceData(t.bias), unsafe.SliceData(t.add)\n" +
		"chain := 0\nif t.chain {\nchain = 1\n}\n" +
		"switch t.set {\n" + cases.String() + "default:\nt.multiplyPortable(c, a)\n}\n}\n\n" + int8Choice() + rowsChoice()
}

// choose writes the case of one shape.
func (s shape) choose(b *strings.Builder, v vector, e element) {
	keep := ""
	if s.keep {
		keep = ", unsafe.SliceData(t.keep)"
	}
	fmt.Fprintf(b, "case %d:\n%s(t.k, a0, t.panel, c0, t.ldc, chain, bias, add, t.next, t.step%s)\n", s.width, tileName(v, e, s), keep)
}

// quadrants writes a tile that has more outputs than there are registers, as a loop over halves of its
// columns, and for each over halves of its rows.
func quadrants(f *asmgen.File, v vector, e element, s shape) {
	part := shape{min(s.rows, 4), s.width, false}
	if s.rows > 1 {
		part.width = map[int]int{48: 24, 32: 16, 16: 16}[s.width]
	}
	columns, rows := s.width/part.width, s.rows/part.rows
	if columns > 1 {
		f.Comment("Loop over parts of %d columns, counted in R13.", part.width)
		f.P("MOVQ $%d, R13", columns)
		f.Mark("columns")
	}
	if rows > 1 {
		f.Comment("Loop over parts of %d rows, counted in AX.", part.rows)
		f.P("MOVQ $%d, AX", rows)
		f.Mark("rows")
	}
	f.P("MOVQ SI, R14")
	f.P("MOVQ BX, R15")
	kernel{v: v, e: e, shape: s, part: part}.write(f)
	if rows > 1 {
		f.P("LEAQ %d(R14), SI", part.rows*4)
		f.P("MOVQ R15, BX")
		f.P("DECQ AX")
		f.P("JNZ rows")
	}
	if columns > 1 {
		f.Arg("a", "SI")
		f.P("LEAQ %d(R15), BX", part.width*e.size)
		f.Arg("c", "DI")
		f.P("ADDQ $%d, DI", part.width*4)
		f.P("DECQ R13")
		f.P("JNZ columns")
	}
}

// kernel is the part of a tile that fits the registers, whose sums are kept in registers throughout.
type kernel struct {
	v           vector
	e           element
	shape, part shape
}

func (n kernel) vectors() int     { return n.part.width / n.v.Lanes() }
func (n kernel) sums() int        { return n.part.rows * n.vectors() }
func (n kernel) sum(i, j int) int { return i*n.vectors() + j }

// unroll is how much of k a round of the loop does.
const unroll = 4

// write writes the kernel. It expects k in R8, a in SI, b in BX, c in DI, its row stride in DX, what to
// fetch in R11 and R12, where to keep the panel in R10, and uses CX and R9; DI ends at the row after its last.
func (n kernel) write(f *asmgen.File) {
	n.describe(f)
	n.start(f)
	f.Comment("Loop over k, %d at a time.", unroll)
	f.P("MOVQ R8, CX")
	f.P("SHRQ $2, CX")
	f.P("JZ rest")
	f.P("PCALIGN $32")
	f.Mark("loop")
	for u := range unroll {
		n.fetch(f, u)
		n.step(f, u)
	}
	n.advance(f, unroll)
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Mark("rest")
	f.Comment("The k that are left.")
	f.P("MOVQ R8, CX")
	f.P("ANDQ $%d, CX", unroll-1)
	f.P("JZ store")
	f.Mark("one")
	n.step(f, 0)
	n.advance(f, 1)
	f.P("DECQ CX")
	f.P("JNZ one")
	f.Mark("store")
	n.add(f)
	for i := range n.part.rows {
		for j := range n.vectors() {
			f.P("VMOVUPS %s, %d(DI)", n.v.Reg(n.sum(i, j)), j*int(n.v.Width))
		}
		f.P("ADDQ DX, DI")
	}
}

// describe says in a comment what the registers hold.
func (n kernel) describe(f *asmgen.File) {
	free := min(n.v.regs-n.sums()-n.vectors(), 4, n.part.rows)
	f.Comment("%d rows × %d outputs: %s sums, %s weights, %s activations.", n.part.rows, n.part.width,
		n.v.Regs(0, n.sums()), n.v.Regs(n.sums(), n.vectors()), n.v.Regs(n.sums()+n.vectors(), free))
}

// add adds the bias and then what else is to be added, where there is any.
func (n kernel) add(f *asmgen.File) {
	s := n.shape
	f.Comment("The bias and what else is added, if there is any; then the outputs.")
	f.Arg("bias", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ plain")
	if n.part.width < s.width { // R13 counts the parts that are left
		f.P("CMPQ R13, $1")
		f.P("JNE left")
		f.P("ADDQ $%d, R9", (s.width-n.part.width)*4)
		f.Mark("left")
	}
	for j := range n.vectors() {
		f.P("VMOVUPS %d(R9), %s", j*int(n.v.Width), n.v.Reg(n.sums()+j))
	}
	for i := range n.part.rows {
		for j := range n.vectors() {
			sum := n.v.Reg(n.sum(i, j))
			f.P("VADDPS %s, %s, %s", n.v.Reg(n.sums()+j), sum, sum)
		}
	}
	f.Mark("plain")
	f.Arg("add", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ added")
	f.P("ADDQ DI, R9")
	f.P("SUBQ %s, R9", f.ArgAt("c"))
	for i := range n.part.rows {
		for j := range n.vectors() {
			sum := n.v.Reg(n.sum(i, j))
			f.P("VADDPS %d(R9), %s, %s", j*int(n.v.Width), sum, sum)
		}
		f.P("ADDQ DX, R9")
	}
	f.Mark("added")
}

// start sets the sums to zero or, to continue chains, to the outputs.
func (n kernel) start(f *asmgen.File) {
	f.Comment("Sums start at zero or, to continue chains, at the outputs.")
	f.P("CMPQ %s, $0", f.ArgAt("chain"))
	f.P("JNE chain")
	if n.part.rows > 1 {
		n.fetchOutputs(f)
	}
	for i := range n.sums() {
		n.v.clear(f, i)
	}
	f.P("JMP start")
	f.Mark("chain")
	f.P("MOVQ DI, R9")
	for i := range n.part.rows {
		for j := range n.vectors() {
			f.P("VMOVUPS %d(R9), %s", j*int(n.v.Width), n.v.Reg(n.sum(i, j)))
		}
		f.P("ADDQ DX, R9")
	}
	f.Mark("start")
}

// fetchOutputs prefetches what the end reads and writes, some microseconds ahead.
func (n kernel) fetchOutputs(f *asmgen.File) {
	fetch := func() {
		for range n.part.rows {
			for at := 0; at < n.part.width*4; at += 64 {
				f.P("PREFETCHT0 %d(R9)", at)
			}
			f.P("ADDQ DX, R9")
		}
	}
	f.Comment("What the end reads and writes is fetched.")
	f.P("MOVQ DI, R9")
	fetch()
	f.Arg("add", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ clear")
	f.P("ADDQ DI, R9")
	f.P("SUBQ %s, R9", f.ArgAt("c"))
	fetch()
	f.Mark("clear")
}

// fetch prefetches what step u of a later round reads and, in large tiles, what comes after the tile.
func (n kernel) fetch(f *asmgen.File, u int) {
	const ahead = 1024
	row := n.shape.width * n.e.size
	if n.part.width < n.shape.width {
		// These are bound by loads: half of the lines have to do.
		f.P("PREFETCHT0 %d(BX)", u*row+row/6+ahead)
	} else {
		for at := (u*row + 63) / 64 * 64; at < (u+1)*row; at += 64 {
			if n.shape.rows == 1 {
				fetchTwice(f, at)
				continue
			}
			f.P("PREFETCHT0 %d(BX)", at+ahead)
		}
	}
	if n.shape.rows == 8 && (n.v == avx512 || u > 0) {
		f.P("PREFETCHT1 (R11)")
		f.P("ADDQ R12, R11")
	}
}

// step adds the products of the k that is u after SI's and BX's.
func (n kernel) step(f *asmgen.File, u int) {
	free := n.v.regs - n.sums() - n.vectors()
	b := func(j int) string { return n.v.Reg(n.sums() + j) }
	for j := range n.vectors() {
		at := u*n.shape.width + j*n.v.Lanes()
		n.e.load(f, fmt.Sprintf("%d(BX)", at*n.e.size), b(j))
		if n.shape.keep {
			f.P("VMOVUPS %s, %d(R10)", b(j), at*4)
		}
	}
	for i := range n.part.rows {
		a := n.v.Reg(n.sums() + n.vectors() + i%min(free, 4))
		f.P("VBROADCASTSS %d(SI), %s", (u*n.shape.rows+i)*4, a)
		for j := range n.vectors() {
			if n.e == pairs {
				dotPairs(f, n.sums()+j, n.sums()+n.vectors()+i%min(free, 4), n.sum(i, j))
				continue
			}
			f.P("VFMADD231PS %s, %s, %s", b(j), a, n.v.Reg(n.sum(i, j)))
		}
	}
}

// dotPairs writes VDPBF16PS Zx, Zy, Zsum, which Go's assembler does not know.
func dotPairs(f *asmgen.File, x, y, sum int) {
	not := func(n, bit int) int { return 1 - n>>bit&1 }
	f.Comment("VDPBF16PS Z%d, Z%d, Z%d", x, y, sum)
	f.P("BYTE $0x62; BYTE $%#02x; BYTE $%#02x; BYTE $%#02x; BYTE $0x52; BYTE $%#02x",
		not(sum, 3)<<7|not(x, 4)<<6|not(x, 3)<<5|not(sum, 4)<<4|2, (^y&15)<<3|6, 0x40|not(y, 4)<<3, 0xc0|sum&7<<3|x&7)
}

// advance moves on by k.
func (n kernel) advance(f *asmgen.File, k int) {
	f.P("ADDQ $%d, BX", k*n.shape.width*n.e.size)
	f.P("ADDQ $%d, SI", k*n.shape.rows*4)
	if n.shape.keep {
		f.P("ADDQ $%d, R10", k*n.shape.width*4)
	}
}
