package main

import (
	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// Products by 8-bit activations, with VPDPBUSD: unsigned codes of weights, four k of an output in a lane, by the signed
// codes of four activations in all lanes. Integer sums of a block start from minus the bias of the codes times the sum
// of activations.

// A block of activations in bytes, and in it the scale, minus the sums of its halves, and minus the sum of all.
const (
	int8Block  = 44
	int8Scale  = 32
	int8Halves = 36
	int8Sum    = 40
)

// weights is what a tile reads: codes of 8 bits, and for each 32 of them rows of float32, a scale and beside it
// minus 1.5·2²³ times that; then minima, or the same of the last 16 codes.
type weights string

const (
	plain  weights = "Plain"
	minima weights = "Minima"
	halves weights = "Halves"

	quarters weights = "Quarters" // both for each half
)

// bytes returns the bytes of 32 k of an output.
func (w weights) bytes() int {
	switch w {
	case plain:
		return 32 + 8
	case minima:
		return 32 + 12
	case quarters:
		return 32 + 24
	}
	return 32 + 16
}

// inHalves tells whether the two halves of 32 codes are scaled apart.
func (w weights) inHalves() bool { return w == halves || w == quarters }

// withMinima tells whether there are minima.
func (w weights) withMinima() bool { return w == minima || w == quarters }

// kinds are those that expanded panels have.
var kinds = []weights{plain, minima, halves, quarters}

// int8Kernels writes everything for 8-bit activations.
func int8Kernels(f *asmgen.File) {
	quantize512(f)
	rowQ8_0(f)
	for _, w := range kinds {
		for _, rows := range sumRows {
			for _, width := range []int{48, 32, 16} {
				sumTile{w, rows, width}.write(f)
			}
		}
	}
	unitKernels(f, avx512)
}

// ahead is how far ahead of what it reads, in bytes, what expands a panel fetches it.
const ahead = 1024

const nameRowQ8_0 = "int8Row48Q8_0AVX512VNNI"

// rowQ8_0 writes the tile of one row that reads a panel of Q8_0 of 48 outputs as it is.
func rowQ8_0(f *asmgen.File) {
	const width, vectors, bytes = 48, 3, 34
	f.Func(nameRowQ8_0, nameRowQ8_0+" computes 1 × 48 outputs from blocks of 32 k.",
		"n int", "a *float32", "panel unsafe.Pointer", "c *float32", "chain int", "bias, add *float32")
	f.Comment("CX blocks left, SI activations, BX panel, DI outputs; Z0–Z2 integer sums, Z3–Z5 float32 sums.")
	f.Arg("n", "CX")
	f.Arg("a", "SI")
	f.Arg("panel", "BX")
	f.Arg("c", "DI")
	f.P("MOVL $%d, R9", 128)
	f.P("VPBROADCASTW R9, Z31")
	row := sumTile{rows: 1, width: width}
	row.start(f)
	f.Mark("loop")
	f.P("VPBROADCASTD %d(SI), Z0", int8Halves)
	f.P("VPMADDWD Z31, Z0, Z0")
	for j := 1; j < vectors; j++ {
		f.P("VMOVDQA64 Z0, Z%d", j)
	}
	for k := range 8 {
		for j := range vectors {
			fetchTwice(f, (k*vectors+j)*64)
			f.P("VMOVDQU64 %d(BX), %s", (k*vectors+j)*64, row.weight(j))
		}
		f.P("VPBROADCASTD %d(SI), Z30", 4*k)
		for j := range vectors {
			f.P("VPDPBUSD Z30, %s, %s", row.weight(j), row.integer(0, j))
		}
	}
	for line := 32 * width; line < bytes*width; line += 64 {
		fetchTwice(f, line)
	}
	for j := range vectors {
		f.P("VCVTPH2PS %d(BX), %s", 32*width+32*j, row.weight(j))
		avx512.scaleSum(f, row.integer(0, j), row.weight(j), "Z30")
		f.P("VFMADD231PS.BCST %d(SI), %s, %s", int8Scale, row.integer(0, j), row.float(0, j))
	}
	f.P("ADDQ $%d, BX", bytes*width)
	f.P("ADDQ $%d, SI", int8Block)
	f.P("DECQ CX")
	f.P("JNZ loop")
	row.end(f)
	f.Return()
}
