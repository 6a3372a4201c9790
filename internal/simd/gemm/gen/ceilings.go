package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// ceilings writes the functions that measure the machine.
func ceilings(f *asmgen.File) {
	for _, v := range []vector{avx512, avx2} {
		sums := v.regs * 3 / 4
		f.Func("peak"+v.set, fmt.Sprintf("peak%s does n rounds of %d independent multiply-adds of vectors, as many as a tile has sums.", v.set, sums), "n int")
		f.Arg("n", "CX")
		for i := range v.regs {
			v.clear(f, i)
		}
		f.P("PCALIGN $32")
		f.Mark("loop")
		for i := range sums {
			f.P("VFMADD231PS %s, %s, %s", v.Reg(sums), v.Reg(sums+1), v.Reg(i))
		}
		f.P("DECQ CX")
		f.P("JNZ loop")
		f.Return()
	}
	f.Func("peakInt8AVX512VNNI", "peakInt8AVX512VNNI does n rounds of 24 independent VPDPBUSD of 512 bits.", "n int")
	f.Arg("n", "CX")
	for i := range 32 {
		f.P("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
	f.P("PCALIGN $32")
	f.Mark("loop")
	for i := range 24 {
		f.P("VPDPBUSD Z24, Z25, Z%d", i)
	}
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Return()
	f.Func("peakInt8AVXVNNI", "peakInt8AVXVNNI does n rounds of 12 independent VPDPBUSD of 256 bits.", "n int")
	f.Arg("n", "CX")
	for i := range 16 {
		avx2.clear(f, i)
	}
	f.P("PCALIGN $32")
	f.Mark("loop")
	for i := range 12 {
		dotVNNI(f, 12, 13, i)
	}
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Return()
	read(f)
}

// read writes a function that stores the sum of n groups of 64 float32s.
func read(f *asmgen.File) {
	f.Func("readAVX2", "readAVX2 sets sum to the sum of n groups of 64 elements, which it reads as a stream.", "n int", "src, sum *float32")
	f.Arg("n", "CX")
	f.Arg("src", "SI")
	f.Arg("sum", "DI")
	for i := range 8 {
		avx2.clear(f, i)
	}
	f.P("PCALIGN $32")
	f.Mark("loop")
	for i := range 8 {
		if i%2 == 0 {
			f.P("PREFETCHT0 %d(SI)", nearAhead+i*32)
			f.P("PREFETCHT1 %d(SI)", farAhead+i*32)
		}
		f.P("VADDPS %d(SI), Y%d, Y%d", i*32, i, i)
	}
	f.P("ADDQ $256, SI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	for _, step := range []int{4, 2, 1} {
		for i := range step {
			f.P("VADDPS Y%d, Y%d, Y%d", i+step, i, i)
		}
	}
	f.P("VEXTRACTF128 $1, Y0, X1")
	f.P("VADDPS X1, X0, X0")
	f.P("VHADDPS X0, X0, X0")
	f.P("VHADDPS X0, X0, X0")
	f.P("VMOVSS X0, (DI)")
	f.Return()
}
