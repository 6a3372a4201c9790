// Rowgen writes kernels that go along rows of numbers, and their Go declarations and choice: those of the package
// that it is given the name of, vec or half, in the directory it runs in.
package main

import (
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// gen writes the kernels for one instruction set.
type gen struct {
	*asmgen.File
	w      asmgen.Width
	suffix string // of function names: the instruction set
	kernel kernel
	ways   int // vectors that a body computes at a time, instruction by instruction
	exp    *asmgen.Exp
	consts map[uint32]int // offset in the table
	words  []uint32
	masks  bool // the table of masks is used
}

const (
	generator  = "internal/simd/rowgen"
	constTable = "consts"
)

// parts are the kernels of a package.
type parts struct {
	kernels    []kernel
	reductions []reduction
	more       func(g *gen) // writes what fits neither
}

var packages = map[string]parts{
	"vec":  {kernels, reductions, func(g *gen) { g.index(); g.rotatePairs() }},
	"half": {conversions, nil, func(*gen) {}},
}

func main() {
	if len(os.Args) != 2 || packages[os.Args[1]].kernels == nil {
		log.Fatal("usage: rowgen vec|half")
	}
	if err := generate(os.Args[1], "."); err != nil {
		log.Fatal(err)
	}
}

// generate writes the files of a package to a directory.
func generate(name, dir string) error {
	p := packages[name]
	var files []*asmgen.File
	for _, t := range []struct {
		w            asmgen.Width
		suffix, path string
	}{{asmgen.Y, "AVX2", "avx2_amd64.s"}, {asmgen.Z, "AVX512", "avx512_amd64.s"}} {
		g := &gen{File: asmgen.NewFile(generator), w: t.w, suffix: t.suffix, ways: 1, consts: map[uint32]int{}}
		for _, k := range p.kernels {
			g.stream(k)
		}
		for _, r := range p.reductions {
			g.reduction(r)
		}
		p.more(g)
		if g.masks {
			g.Table(maskTable, maskWords()...)
		}
		if len(g.words) > 0 {
			g.Table(constTable, g.words...)
		}
		if err := g.Write(filepath.Join(dir, t.path)); err != nil {
			return err
		}
		files = append(files, g.File)
	}
	amd64, other := p.choices()
	const use = "import \"github.com/seed2010d43f/transformer/internal/simd\"\n"
	if err := asmgen.WriteGo(filepath.Join(dir, "kernels_amd64.go"), generator, asmgen.AMD64, name, use+amd64, files...); err != nil {
		return err
	}
	return asmgen.WriteGo(filepath.Join(dir, "kernels_other.go"), generator, asmgen.Other, name, other)
}

func (g *gen) z() bool { return g.w == asmgen.Z }

// r returns the name of vector register i.
func (g *gen) r(i int) string { return g.w.Reg(i) }

// stride is the number of registers that each of several vectors computed together has for itself.
const stride = 7

// way returns the register that is i to the first vector for vector v.
func way(i, v int) int {
	if i < stride {
		i += v * stride
	}
	return i
}

// op prints an instruction on vector registers, sources first as Go has it, for each of g.ways vectors.
func (g *gen) op(name string, regs ...int) {
	for v := range g.ways {
		g.P("%s %s", name, g.list(regs, v))
	}
}

// opK prints instructions whose first operand is a constant.
func (g *gen) opK(name string, bits uint32, regs ...int) {
	if g.z() {
		name += ".BCST"
	}
	g.op(name+" "+g.constAt(bits)+",", regs...)
}

func (g *gen) opF(name string, c float64, regs ...int) {
	g.opK(name, math.Float32bits(float32(c)), regs...)
}

// setK copies a constant to a register.
func (g *gen) setK(bits uint32, reg int) {
	op := "VMOVUPS"
	if g.z() {
		op = "VBROADCASTSS"
	}
	g.op(op+" "+g.constAt(bits)+",", reg)
}

func (g *gen) setF(c float64, reg int) { g.setK(math.Float32bits(float32(c)), reg) }

func (g *gen) list(regs []int, v int) string {
	s := ""
	for i, r := range regs {
		if i > 0 {
			s += ", "
		}
		s += g.r(way(r, v))
	}
	return s
}

// constAt returns the place of a constant in the table, which has it once for each lane of Y, the
// memory operands of which are whole vectors.
func (g *gen) constAt(bits uint32) string {
	at, ok := g.consts[bits]
	if !ok {
		at = 4 * len(g.words)
		g.consts[bits] = at
		copies := 1
		if !g.z() {
			copies = g.w.Lanes()
		}
		for range copies {
			g.words = append(g.words, bits)
		}
	}
	return fmt.Sprintf("%s<>+%d(SB)", constTable, at)
}
