// Gen writes the assembly of package gemm, in the directory it runs in.
package main

import (
	"log"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

func main() {
	for name, file := range files() {
		if err := file.Write(name); err != nil {
			log.Fatal(err)
		}
	}
}

// files returns what is generated, by name.
func files() map[string]*asmgen.File {
	return map[string]*asmgen.File{
		"tile512_amd64.s": tiles(avx512),
		"tile256_amd64.s": tiles(avx2),
		"widen_amd64.s":   widenings(),
		"peak_amd64.s":    ceilings(),
		"pack_amd64.s":    transpositions(),
	}
}

// vector is a tier's vector registers.
type vector struct {
	asmgen.Width
	tier string
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
var pairs = element{"Pairs", 4}

// load loads a register of elements from address, widened.
func (e element) load(f *asmgen.File, address, reg string) {
	switch e.name {
	case "F32", "Pairs":
		f.P("VMOVUPS %s, %s", address, reg)
	case "F16":
		f.P("VCVTPH2PS %s, %s", address, reg)
	case "BF16":
		f.P("VPMOVZXWD %s, %s", address, reg)
		f.P("VPSLLD $16, %s, %s", reg, reg)
	}
}
