package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// widenings returns the functions that convert n groups of 16 elements to float32.
func widenings() *asmgen.File {
	f := asmgen.NewFile()
	for _, v := range []vector{avx512, avx2} {
		for _, e := range elements[1:] {
			f.Func("widen"+e.name+v.tier, "n", "src", "dst")
			f.Arg("n", "CX")
			f.Arg("src", "SI")
			f.Arg("dst", "DI")
			f.Mark("loop")
			for i := range 16 / v.Lanes() {
				e.load(f, fmt.Sprintf("%d(SI)", i*v.Lanes()*2), v.Reg(i))
				f.P("VMOVUPS %s, %d(DI)", v.Reg(i), i*int(v.Width))
			}
			f.P("PREFETCHT0 1024(SI)")
			f.P("ADDQ $32, SI")
			f.P("ADDQ $64, DI")
			f.P("DECQ CX")
			f.P("JNZ loop")
			f.Return()
		}
	}
	return f
}

// ceilings returns the functions that measure the machine.
func ceilings() *asmgen.File {
	f := asmgen.NewFile()
	for _, v := range []vector{avx512, avx2} {
		// n rounds of as many independent multiply-adds as a tile has sums.
		f.Func("peak"+v.tier, "n")
		f.Arg("n", "CX")
		for i := range v.regs {
			v.clear(f, i)
		}
		f.P("PCALIGN $32")
		f.Mark("loop")
		sums := v.regs * 3 / 4
		for i := range sums {
			f.P("VFMADD231PS %s, %s, %s", v.Reg(sums), v.Reg(sums+1), v.Reg(i))
		}
		f.P("DECQ CX")
		f.P("JNZ loop")
		f.Return()
	}
	read(f)
	return f
}

// read writes a function that stores the sum of n groups of 64 float32s.
func read(f *asmgen.File) {
	f.Func("readAVX2", "n", "src", "sum")
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
			f.P("PREFETCHT0 %d(SI)", 1024+i*32)
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
