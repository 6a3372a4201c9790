// Gen writes the assembly of package gemm, its declarations, and the choice of a tile by its shape.
package main

import (
	"log"
	"path/filepath"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

const generator = "internal/simd/gemm/gen"

func main() {
	if err := generate("."); err != nil {
		log.Fatal(err)
	}
}

// generate writes the files to a folder.
func generate(dir string) error {
	var all []*asmgen.File
	for _, part := range []struct {
		name string
		emit func(*asmgen.File)
	}{
		{"tile512_amd64.s", func(f *asmgen.File) { tiles(f, avx512) }},
		{"tile256_amd64.s", func(f *asmgen.File) { tiles(f, avx2) }},
		{"int8_amd64.s", int8Kernels},
		{"int8_256_amd64.s", int8Kernels256},
		{"rows8_amd64.s", rowsKernels},
		{"rows8_256_amd64.s", rowsKernels256},
		{"peak_amd64.s", ceilings},
		{"pack_amd64.s", transpositions},
	} {
		f := asmgen.NewFile(generator)
		part.emit(f)
		if err := f.Write(filepath.Join(dir, part.name)); err != nil {
			return err
		}
		all = append(all, f)
	}
	return asmgen.WriteGo(filepath.Join(dir, "kernels_amd64.go"), generator, asmgen.AMD64, "gemm", choice(), all...)
}

// vector is the vector registers of an instruction set.
type vector struct {
	asmgen.Width
	set  string // in names of functions
	regs int
}

var (
	avx512 = vector{asmgen.Z, "AVX512", 32}
	avx2   = vector{asmgen.Y, "AVX2", 16}
)

// clear sets a register to zero.
func (v vector) clear(f *asmgen.File, i int) {
	op := "VXORPS"
	if i >= 16 {
		op = "VPXORD"
	}
	f.P("%s %s, %s, %s", op, v.Reg(i), v.Reg(i), v.Reg(i))
}

// element is a type of weights.
type element struct {
	name string
	size int
}

var elements = []element{{"F32", 4}, {"F16", 2}, {"BF16", 2}}

// pairs are two bfloat16 side by side, multiplied and added by one instruction of AVX-512.
var pairs = element{"BF16Pairs", 4}

// load loads a register of elements from address, widened.
func (e element) load(f *asmgen.File, address, reg string) {
	switch e.name {
	case "F32", "BF16Pairs":
		f.P("VMOVUPS %s, %s", address, reg)
	case "F16":
		f.P("VCVTPH2PS %s, %s", address, reg)
	case "BF16":
		f.P("VPMOVZXWD %s, %s", address, reg)
		f.P("VPSLLD $16, %s, %s", reg, reg)
	}
}
