package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// columnBytes is the distance of the rows of keys in columns: a block of float32.
const columnBytes = 4 * 128

// stored emits what keys and values in fewer bits than float32 need.
func stored(f *asmgen.File) {
	for _, w := range []asmgen.Width{asmgen.Z, asmgen.Y} {
		scoresColumns(f, w)
		q8Columns(f, w)
		q8Rows(f, w)
	}
	prefetch(f)
}

// prefetch emits the fetching of some lines that follow each other.
func prefetch(f *asmgen.File) {
	f.Func("prefetchLines", "prefetchLines fetches lines of 64 bytes from p on, at least one.", "p *byte", "lines int")
	f.Arg("p", "SI")
	f.Arg("lines", "CX")
	loop := f.Label("line")
	f.Mark(loop)
	f.P("PREFETCHT0 (SI)")
	f.P("ADDQ $64, SI")
	f.P("DECQ CX")
	f.P("JNZ %s", loop)
	f.P("RET")
}

// scoresColumns emits the scores of one query: vectors hold keys, and no sum crosses them.
func scoresColumns(f *asmgen.File, w asmgen.Width) {
	n := name("scoresColumns", w)
	f.Func(n, fmt.Sprintf("%s sets s[j] = Σ k[x][j]·q[x], x < d, for so many vectors of keys.", n), "s, q, k *float32", "vectors, d int")
	f.Comment("SI s, R8 k, CX vectors left.")
	f.Arg("s", "SI")
	f.Arg("k", "R8")
	f.Arg("vectors", "CX")
	shape{rows: []int{8, 4, 2, 1}}.eachRows(f, "CX", func(vectors int) {
		f.Comment("%d keys: %s sums, %s query.", vectors*w.Lanes(), w.Regs(0, vectors), w.Reg(15))
		f.P("MOVQ R8, R9")
		f.Arg("q", "DI")
		f.Arg("d", "AX")
		for i := range vectors {
			if w == asmgen.Z {
				f.P("VPXORD Z%d, Z%d, Z%d", i, i, i)
			} else {
				f.P("VXORPS Y%d, Y%d, Y%d", i, i, i)
			}
		}
		unrolled(f, 4, "AX", "dimensions", func(steps int) {
			for u := range steps {
				f.P("VBROADCASTSS %d(DI), %s", 4*u, w.Reg(15))
				for i := range vectors {
					f.P("VFMADD231PS %d(R9), %s, %s", u*columnBytes+i*int(w), w.Reg(15), w.Reg(i))
				}
			}
			f.P("ADDQ $%d, DI", 4*steps)
			f.P("ADDQ $%d, R9", steps*columnBytes)
		})
		for i := range vectors {
			f.P("VMOVUPS %s, %d(SI)", w.Reg(i), i*int(w))
		}
		f.P("ADDQ $%d, SI", vectors*int(w))
		f.P("ADDQ $%d, R8", vectors*int(w))
	})
	f.Return()
}

// q8Columns emits the decoding of rows of a block of codes, each code with a scale of its own.
func q8Columns(f *asmgen.File, w asmgen.Width) {
	n := name("q8Columns", w)
	f.Func(n, n+" sets dst[x][j] = codes[x][j]·scales[j] for n rows of a block each.", "dst *float32", "codes *int8", "scales *float32", "n int")
	f.Arg("dst", "DI")
	f.Arg("codes", "SI")
	f.Arg("scales", "R8")
	f.Arg("n", "CX")
	loop := f.Label("row")
	f.P("PCALIGN $32")
	f.Mark(loop)
	for i := 0; i < columnBytes; i += int(w) {
		r := w.Reg(i / int(w) % 8)
		f.P("VPMOVSXBD %d(SI), %s", i/4, r)
		f.P("VCVTDQ2PS %s, %s", r, r)
		f.P("VMULPS %d(R8), %s, %s", i, r, r)
		f.P("VMOVUPS %s, %d(DI)", r, i)
	}
	f.P("ADDQ $%d, SI", columnBytes/4)
	f.P("ADDQ $%d, DI", columnBytes)
	f.P("DECQ CX")
	f.P("JNZ %s", loop)
	f.Return()
}

// q8Rows emits the decoding of rows of codes with a scale for each 32 of them, and for what is left of a row.
func q8Rows(f *asmgen.File, w asmgen.Width) {
	n := name("q8Rows", w)
	f.Func(n, n+" sets dst[j][x] = codes[j][x]·scales[j][x/32] for n rows of d, a multiple of 8.", "dst *float32", "codes *int8", "scales *float32", "n, d int")
	f.Comment("DI dst, SI codes, R8 scales, CX rows left, AX codes left in the row.")
	f.Arg("dst", "DI")
	f.Arg("codes", "SI")
	f.Arg("scales", "R8")
	f.Arg("n", "CX")
	row, block, short, last, done := f.Label("row"), f.Label("block"), f.Label("short"), f.Label("last"), f.Label("done")
	decode := func(w asmgen.Width, i int) {
		r := w.Reg(i % 4)
		f.P("VPMOVSXBD %d(SI), %s", i*w.Lanes(), r)
		f.P("VCVTDQ2PS %s, %s", r, r)
		f.P("VMULPS %s, %s, %s", w.Reg(15), r, r)
		f.P("VMOVUPS %s, %d(DI)", r, i*int(w))
	}
	f.Mark(row)
	f.Arg("d", "AX")
	f.P("SUBQ $32, AX")
	f.P("JLT %s", short)
	f.P("PCALIGN $32")
	f.Mark(block)
	f.P("VBROADCASTSS (R8), %s", w.Reg(15))
	for i := range 32 / w.Lanes() {
		decode(w, i)
	}
	f.P("ADDQ $4, R8")
	f.P("ADDQ $32, SI")
	f.P("ADDQ $128, DI")
	f.P("SUBQ $32, AX")
	f.P("JGE %s", block)
	f.Mark(short)
	f.P("ADDQ $32, AX")
	f.P("JEQ %s", done)
	f.P("VBROADCASTSS (R8), Y15")
	f.P("ADDQ $4, R8")
	f.Mark(last)
	decode(asmgen.Y, 0)
	f.P("ADDQ $8, SI")
	f.P("ADDQ $32, DI")
	f.P("SUBQ $8, AX")
	f.P("JNZ %s", last)
	f.Mark(done)
	f.P("DECQ CX")
	f.P("JNZ %s", row)
	f.Return()
}
