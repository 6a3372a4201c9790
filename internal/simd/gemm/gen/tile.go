package main

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// shape is a tile: rows of activations by width columns of a panel. With keep it stores the panel's
// elements, widened, as it goes by.
type shape struct {
	rows, width int
	keep        bool
}

// label returns a label of the shape's code.
func (s shape) label(part string) string {
	if s.keep {
		part += "Keep"
	}
	return fmt.Sprintf("%s%dx%d", part, s.rows, s.width)
}

// shapes returns the tiles of a type.
func shapes(v vector, e element) (all []shape) {
	for _, rows := range []int{8, 4, 1} {
		for _, width := range []int{48, 32, 16} {
			if rows == 8 && keeps(v, e) {
				all = append(all, shape{rows, width, true})
			}
			all = append(all, shape{rows, width, false})
		}
	}
	return all
}

// keeps tells whether tiles can keep the panel widened.
func keeps(v vector, e element) bool { return v == avx512 && e.size == 2 }

// tiles returns one function for each type, which does tiles of every shape.
func tiles(v vector) *asmgen.File {
	f := asmgen.NewFile()
	all := elements
	if v == avx512 {
		all = append(slices.Clip(all), pairs)
	}
	for _, e := range all {
		args := []string{"k", "a", "b", "c", "ldc", "rows", "width", "chain", "bias", "add", "next", "step"}
		if keeps(v, e) {
			args = append(args, "keep")
		}
		f.Func("tile"+e.name+v.tier, args...)
		f.Arg("k", "R8")
		f.Arg("a", "SI")
		f.Arg("b", "BX")
		f.Arg("c", "DI")
		f.Arg("ldc", "DX")
		f.P("SHLQ $2, DX")
		f.Arg("next", "R11")
		f.Arg("step", "R12")
		if keeps(v, e) {
			f.Arg("keep", "R10")
		}
		for _, s := range shapes(v, e) {
			choose(f, s)
		}
		f.P("RET")
		for _, s := range shapes(v, e) {
			f.Mark(s.label("tile"))
			if v == avx512 {
				kernel{v: v, e: e, shape: s, part: shape{s.rows, s.width, s.keep}}.write(f)
			} else {
				quadrants(f, v, e, s)
			}
			f.Return()
		}
	}
	return f
}

// choose jumps to the shape's code if it is what is asked for.
func choose(f *asmgen.File, s shape) {
	not := s.label("not")
	f.P("CMPQ %s, $%d", f.ArgAt("rows"), s.rows)
	f.P("JNE %s", not)
	f.P("CMPQ %s, $%d", f.ArgAt("width"), s.width)
	f.P("JNE %s", not)
	if s.keep {
		f.P("TESTQ R10, R10")
		f.P("JZ %s", not)
	}
	f.P("JMP %s", s.label("tile"))
	f.Mark(not)
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
		f.P("MOVQ $%d, R13", columns)
		f.Mark(s.label("columns"))
	}
	if rows > 1 {
		f.P("MOVQ $%d, AX", rows)
		f.Mark(s.label("rows"))
	}
	f.P("MOVQ SI, R14")
	f.P("MOVQ BX, R15")
	kernel{v: v, e: e, shape: s, part: part}.write(f)
	if rows > 1 {
		f.P("LEAQ %d(R14), SI", part.rows*4)
		f.P("MOVQ R15, BX")
		f.P("DECQ AX")
		f.P("JNZ %s", s.label("rows"))
	}
	if columns > 1 {
		f.Arg("a", "SI")
		f.P("LEAQ %d(R15), BX", part.width*e.size)
		f.Arg("c", "DI")
		f.P("ADDQ $%d, DI", part.width*4)
		f.P("DECQ R13")
		f.P("JNZ %s", s.label("columns"))
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
	s := n.shape
	n.start(f)
	f.P("MOVQ R8, CX")
	f.P("SHRQ $2, CX")
	f.P("JZ %s", s.label("rest"))
	f.P("PCALIGN $32")
	f.Mark(s.label("loop"))
	for u := range unroll {
		n.fetch(f, u)
		n.step(f, u)
	}
	n.advance(f, unroll)
	f.P("DECQ CX")
	f.P("JNZ %s", s.label("loop"))
	f.Mark(s.label("rest"))
	f.P("MOVQ R8, CX")
	f.P("ANDQ $%d, CX", unroll-1)
	f.P("JZ %s", s.label("store"))
	f.Mark(s.label("one"))
	n.step(f, 0)
	n.advance(f, 1)
	f.P("DECQ CX")
	f.P("JNZ %s", s.label("one"))
	f.Mark(s.label("store"))
	n.add(f)
	for i := range n.part.rows {
		for j := range n.vectors() {
			f.P("VMOVUPS %s, %d(DI)", n.v.Reg(n.sum(i, j)), j*int(n.v.Width))
		}
		f.P("ADDQ DX, DI")
	}
}

// add adds the bias and then what else is to be added, where there is any.
func (n kernel) add(f *asmgen.File) {
	s := n.shape
	f.Arg("bias", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ %s", s.label("plain"))
	if n.part.width < s.width { // R13 counts the parts that are left
		f.P("CMPQ R13, $1")
		f.P("JNE %s", s.label("left"))
		f.P("ADDQ $%d, R9", (s.width-n.part.width)*4)
		f.Mark(s.label("left"))
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
	f.Mark(s.label("plain"))
	f.Arg("add", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ %s", s.label("added"))
	f.P("ADDQ DI, R9")
	f.P("SUBQ %s, R9", f.ArgAt("c"))
	for i := range n.part.rows {
		for j := range n.vectors() {
			sum := n.v.Reg(n.sum(i, j))
			f.P("VADDPS %d(R9), %s, %s", j*int(n.v.Width), sum, sum)
		}
		f.P("ADDQ DX, R9")
	}
	f.Mark(s.label("added"))
}

// start sets the sums to zero or, to continue chains, to the outputs.
func (n kernel) start(f *asmgen.File) {
	f.P("CMPQ %s, $0", f.ArgAt("chain"))
	f.P("JNE %s", n.shape.label("chain"))
	if n.part.rows > 1 {
		n.fetchOutputs(f)
	}
	for i := range n.sums() {
		n.v.clear(f, i)
	}
	f.P("JMP %s", n.shape.label("start"))
	f.Mark(n.shape.label("chain"))
	f.P("MOVQ DI, R9")
	for i := range n.part.rows {
		for j := range n.vectors() {
			f.P("VMOVUPS %d(R9), %s", j*int(n.v.Width), n.v.Reg(n.sum(i, j)))
		}
		f.P("ADDQ DX, R9")
	}
	f.Mark(n.shape.label("start"))
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
	f.P("MOVQ DI, R9")
	fetch()
	f.Arg("add", "R9")
	f.P("TESTQ R9, R9")
	f.P("JZ %s", n.shape.label("clear"))
	f.P("ADDQ DI, R9")
	f.P("SUBQ %s, R9", f.ArgAt("c"))
	fetch()
	f.Mark(n.shape.label("clear"))
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
