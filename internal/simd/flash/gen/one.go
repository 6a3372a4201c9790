package main

import (
	"fmt"
	"strings"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// The kernels of a single lane: everything of its tile lies contiguously. Vectors hold keys (scores, softmax)
// or dimensions (output), and the chains of sums are those of a lane among others.
func one(f *asmgen.File) {
	scoresOne(f)
	scoresOneKey(f)
	accumulateOne(f, asmgen.Z)
	accumulateOne(f, asmgen.Y)
	maxOne(f)
	expSumOne(f)
	rescaleOne(f)
	mergeOne(f)
	scaleOne(f)
}

// scoresOne emits s[j] = Σ k[j][x]·q[x] for n keys, a multiple of 8, and d a multiple of 4. Vectors of 8
// keys come from squares of 4 keys by 4 dimensions, transposed. Memory is slow to bring lines in the order in
// which squares want them, so that what follows is read, to no other end, in the order in which it lies,
// a little with each square: prefetching instructions would not make the hardware run ahead.
func scoresOne(f *asmgen.File) {
	f.Func("scoresOneY", "scoresOneY sets s[j] = Σ k[j][x]·q[x], x < d, for n keys, a multiple of 8, and d a multiple of 4.", "s, q, k *float32", "n, d, ldk int")
	f.Comment("SI s, R8 k, CX keys left, BX bytes between keys; R13, R14, R15 are 3, 5 and 7 times that.")
	f.Arg("d", "AX")
	f.P("SHLQ $2, AX")
	f.P("MOVQ AX, %s", f.ArgAt("d")) // bytes from here on
	f.Arg("s", "SI")
	f.Arg("k", "R8")
	f.Arg("n", "CX")
	f.Arg("ldk", "BX")
	f.P("SHLQ $2, BX")
	f.P("LEAQ (BX)(BX*2), R13") // 3 rows
	f.P("LEAQ (BX)(BX*4), R14") // 5 rows
	f.P("LEAQ (R13)(BX*4), R15")
	whole, apart := f.Label("whole"), f.Label("apart")
	f.P("CMPQ CX, $32")
	f.P("JLT %s", whole)
	f.P("CMPQ AX, BX")
	f.P("JNE %s", whole)
	first := f.Label("first")
	f.Comment("The first 32 keys, which lie side by side, are read once.")
	f.P("MOVQ R8, R9")
	f.P("SHRQ $1, AX") // lines in 32 rows
	f.Mark(first)
	f.P("VMOVUPS (R9), X0")
	f.P("ADDQ $64, R9")
	f.P("DECQ AX")
	f.P("JNZ %s", first)
	f.Mark(whole)
	for _, t := range []struct {
		keys int
		read reading
	}{{32, next}, {32, nothing}, {32, rows}, {8, nothing}} {
		top, smaller := f.Label("tile"), f.Label("smaller")
		f.Comment("%d keys, %s: %s sums, Y4–Y7 queries, Y8–Y15 squares of 4 keys × 4 dimensions.", t.keys, t.read, asmgen.Y.Regs(0, t.keys/8))
		f.Mark(top)
		switch t.read {
		case next:
			f.P("CMPQ BX, %s", f.ArgAt("d"))
			f.P("JNE %s", apart)
			f.P("CMPQ CX, $%d", 2*t.keys)
		case rows:
			f.Mark(apart)
			f.P("CMPQ CX, $%d", t.keys)
		case nothing:
			f.P("CMPQ CX, $%d", t.keys)
		}
		f.P("JLT %s", smaller)
		tileOne(f, t.keys, t.read)
		f.P("JMP %s", top)
		f.Mark(smaller)
	}
	f.Return()
}

// reading is what a tile of keys reads ahead.
type reading uint8

const (
	nothing reading = iota
	next            // the tile that follows, which lies beside it
	rows            // what follows, if rows lie apart
)

func (r reading) String() string {
	return [...]string{"nothing read ahead", "the next tile read ahead", "the next rows fetched"}[r]
}

// tileOne emits the scores of some keys.
func tileOne(f *asmgen.File, keys int, read reading) {
	base := []string{"R9", "R10", "R11", "R12"}[:keys/8] // rows 0, 8, 16, 24 of the tile
	index := []string{"", "(BX*1)", "(BX*2)", "(R13*1)", "(BX*4)", "(R14*1)", "(R13*2)", "(R15*1)"}
	f.P("MOVQ R8, R9")
	for i := range base[1:] {
		f.P("LEAQ (%s)(BX*8), %s", base[i], base[i+1])
	}
	f.P("LEAQ (%s)(BX*8), DX", base[len(base)-1])
	f.Arg("q", "DI")
	f.Arg("d", "AX")
	f.P("LEAQ (DX)(AX*1), R8")
	f.P("SHRQ $4, AX")
	for i := range base {
		f.P("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	unrolled(f, 4, "AX", "squares", func(steps int) {
		if steps == 4 && read == rows {
			prefetchRows(f, keys/4)
		}
		for u := range steps {
			if steps == 4 && read == next {
				for i := range keys / 4 {
					f.P("VMOVUPS %d(DX), X%d", 64*(i+u*keys/4), 8+i%8)
				}
			}
			squaresOne(f, base, index, 16*u)
		}
		for _, b := range base {
			f.P("ADDQ $%d, %s", 16*steps, b)
		}
		f.P("ADDQ $%d, DI", 16*steps)
		if steps == 4 && read == next {
			f.P("ADDQ $%d, DX", 64*keys)
		}
	})
	for i := range base {
		f.P("VMOVUPS Y%d, %d(SI)", i, 32*i)
	}
	f.P("ADDQ $%d, SI", 4*keys)
	f.P("LEAQ (%s)(BX*8), R8", base[len(base)-1])
	f.P("SUBQ %s, R8", f.ArgAt("d"))
	f.P("SUBQ $%d, CX", keys)
}

// prefetchRows emits the prefetching of some groups of 4 lines of the tile that follows, in the order in which they
// lie: DX walks along its rows, R8 is the end of one.
func prefetchRows(f *asmgen.File, groups int) {
	for range groups {
		inRow := f.Label("row")
		for i := range 4 {
			f.P("PREFETCHT0 %d(DX)", 64*i)
		}
		f.P("ADDQ $256, DX")
		f.P("CMPQ DX, R8")
		f.P("JLT %s", inRow)
		f.P("ADDQ BX, R8")
		f.P("MOVQ R8, DX")
		f.P("SUBQ %s, DX", f.ArgAt("d"))
		f.Mark(inRow)
	}
}

// squaresOne emits four steps of the chains, offset bytes from the bases of 8 keys each.
func squaresOne(f *asmgen.File, bases, index []string, offset int) {
	for x := range 4 {
		f.P("VBROADCASTSS %d(DI), Y%d", offset+4*x, 4+x)
	}
	for acc, b := range bases {
		for i := range 4 {
			f.P("VMOVUPS %d(%s)%s, X%d", offset, b, index[i], 8+i)
			f.P("VINSERTF128 $1, %d(%s)%s, Y%d, Y%d", offset, b, index[i+4], 8+i, 8+i)
		}
		for i := range 2 {
			f.P("VUNPCKLPS Y%d, Y%d, Y%d", 9+2*i, 8+2*i, 12+2*i)
			f.P("VUNPCKHPS Y%d, Y%d, Y%d", 9+2*i, 8+2*i, 13+2*i)
		}
		for x := range 4 {
			lo, hi := 12+x/2, 14+x/2
			f.P("VSHUFPS $0x%02x, Y%d, Y%d, Y%d", []int{0x44, 0xee}[x%2], hi, lo, 8+x)
			f.P("VFMADD231PS Y%d, Y%d, Y%d", 8+x, 4+x, acc)
		}
	}
}

// scoresOneKey emits the same for any n and d, key by key.
func scoresOneKey(f *asmgen.File) {
	f.Func("scoresOneX", "scoresOneX is scoresOneY for any n and d, key by key.", "s, q, k *float32", "n, d, ldk int")
	f.Arg("s", "SI")
	f.Arg("k", "R8")
	f.Arg("n", "CX")
	f.Arg("ldk", "BX")
	f.P("SHLQ $2, BX")
	f.P("LEAQ (BX)(BX*2), R13")
	shape{rows: []int{8, 4, 2, 1}}.eachRows(f, "CX", func(rows int) {
		f.Comment("%d keys: %s sums, X15 query, X14 key.", rows, strings.ReplaceAll(asmgen.Y.Regs(0, rows), "Y", "X"))
		f.P("MOVQ R8, R9")
		if rows > 4 {
			f.P("LEAQ (R9)(BX*4), R10")
		}
		f.Arg("q", "DI")
		f.Arg("d", "AX")
		for i := range rows {
			f.P("VXORPS X%d, X%d, X%d", i, i, i)
		}
		loop := f.Label("loop")
		f.P("PCALIGN $32")
		f.Mark(loop)
		f.P("VMOVSS (DI), X15")
		for i := range rows {
			f.P("VMOVSS (%s)%s, X14", []string{"R9", "R10"}[i/4], []string{"", "(BX*1)", "(BX*2)", "(R13*1)"}[i%4])
			f.P("VFMADD231SS X14, X15, X%d", i)
		}
		f.P("ADDQ $4, R9")
		if rows > 4 {
			f.P("ADDQ $4, R10")
		}
		f.P("ADDQ $4, DI")
		f.P("DECQ AX")
		f.P("JNZ %s", loop)
		for i := range rows {
			f.P("VMOVSS X%d, %d(SI)", i, 4*i)
		}
		f.P("ADDQ $%d, SI", 4*rows)
		f.P("IMUL3Q $%d, BX, AX", rows)
		f.P("ADDQ AX, R8")
	})
	f.Return()
}

// accumulateOne emits o[x] += Σ v[j][x]·p[j], in strips of at most 8 vectors of columns. The last vector of
// a strip that is not a full one is masked.
func accumulateOne(f *asmgen.File, w asmgen.Width) {
	f.Func(name("accumulateOne", w), name("accumulateOne", w)+" adds Σ v[j][x]·p[j], j < n, to o[x], x < d.", "o, p, v *float32", "n, d, ldv int")
	f.Comment("DX o, R8 v, CX columns left, BX bytes between values, R13 three times that.")
	f.Arg("o", "DX")
	f.Arg("v", "R8")
	f.Arg("d", "CX")
	f.Arg("ldv", "BX")
	f.P("SHLQ $2, BX")
	f.P("LEAQ (BX)(BX*2), R13")
	const most = 8
	full, rest, done := f.Label("full"), f.Label("rest"), f.Label("done")
	f.Mark(full)
	f.P("CMPQ CX, $%d", most*w.Lanes())
	f.P("JLT %s", rest)
	strip(f, w, most, false)
	f.P("ADDQ $%d, DX", most*int(w))
	f.P("ADDQ $%d, R8", most*int(w))
	f.P("SUBQ $%d, CX", most*w.Lanes())
	f.P("JMP %s", full)
	f.Mark(rest)
	f.P("TESTQ CX, CX")
	f.P("JEQ %s", done)
	labels := make([]string, most+1)
	for v := 1; v <= most; v++ {
		labels[v] = f.Label("strip")
		if v < most {
			f.P("CMPQ CX, $%d", v*w.Lanes())
			f.P("JLE %s", labels[v])
		}
	}
	for v := most; v >= 1; v-- {
		f.Mark(labels[v])
		f.P("SUBQ $%d, CX", (v-1)*w.Lanes()) // columns of the last vector
		if w == asmgen.Z {
			f.P("MOVL $1, AX")
			f.P("SHLL CX, AX")
			f.P("DECL AX")
			f.P("KMOVW AX, K1")
		} else {
			table := "columns<>"
			if v == most {
				words := make([]uint32, 16)
				for i := range 8 {
					words[i] = 1<<32 - 1
				}
				table = f.Table("columns", words...)
			}
			f.P("LEAQ %s+32(SB), R9", table)
			f.P("SHLQ $2, CX")
			f.P("SUBQ CX, R9")
			f.P("VMOVUPS (R9), Y15")
		}
		strip(f, w, v, true)
		if v > 1 {
			f.P("JMP %s", done)
		}
	}
	f.Mark(done)
	f.Return()
}

// strip emits the sums of some vectors of columns: o at DX, v at R8, rows BX bytes apart.
func strip(f *asmgen.File, w asmgen.Width, vectors int, masked bool) {
	move := func(from, to string, last bool) {
		switch {
		case !last:
			f.P("VMOVUPS %s, %s", from, to)
		case w == asmgen.Y:
			f.P("VMASKMOVPS %s, Y15, %s", from, to)
		case to[0] == 'Z':
			f.P("VMOVUPS.Z %s, K1, %s", from, to)
		default:
			f.P("VMOVUPS %s, K1, %s", from, to)
		}
	}
	f.Comment("%d columns at most: %s sums, from %s weights.", vectors*w.Lanes(), w.Regs(0, vectors), w.Reg(8))
	f.P("MOVQ R8, SI")
	f.Arg("p", "DI")
	f.Arg("n", "AX")
	for v := range vectors {
		move(fmt.Sprintf("%d(DX)", v*int(w)), w.Reg(v), masked && v == vectors-1)
	}
	unrolled(f, 4, "AX", "keys", func(steps int) {
		for u := range steps {
			f.P("VBROADCASTSS %d(DI), %s", 4*u, w.Reg(8+u))
			for v := range vectors {
				at := fmt.Sprintf("%d(SI)%s", v*int(w), []string{"", "(BX*1)", "(BX*2)", "(R13*1)"}[u])
				if masked && v == vectors-1 {
					move(at, w.Reg(12), true)
					f.P("VFMADD231PS %s, %s, %s", w.Reg(12), w.Reg(8+u), w.Reg(v))
				} else {
					f.P("VFMADD231PS %s, %s, %s", at, w.Reg(8+u), w.Reg(v))
				}
			}
		}
		f.P("ADDQ $%d, DI", 4*steps)
		if steps == 4 {
			f.P("LEAQ (SI)(BX*4), SI")
		} else {
			f.P("ADDQ BX, SI")
		}
	})
	for v := range vectors {
		last := masked && v == vectors-1
		to := fmt.Sprintf("%d(DX)", v*int(w))
		if last && w == asmgen.Y {
			f.P("VMASKMOVPS %s, Y15, %s", w.Reg(v), to)
		} else {
			move(w.Reg(v), to, last)
		}
	}
}

// maxOne emits the raising of mx to the largest of n scores, at least 8; the last vector overlaps the one
// before it.
func maxOne(f *asmgen.File) {
	f.Func("maxOneY", "maxOneY raises mx to the largest of n scores, at least 8.", "s, mx *float32", "n int")
	f.Arg("s", "SI")
	f.Arg("mx", "DI")
	f.Arg("n", "CX")
	f.P("LEAQ -32(SI)(CX*4), R8") // the last vector
	f.P("VBROADCASTSS (DI), Y0")
	loop, last := f.Label("loop"), f.Label("last")
	f.Mark(loop)
	f.P("CMPQ SI, R8")
	f.P("JGE %s", last)
	f.P("VMOVUPS (SI), Y1")
	f.P("VMAXPS Y1, Y0, Y0")
	f.P("ADDQ $32, SI")
	f.P("JMP %s", loop)
	f.Mark(last)
	f.P("VMOVUPS (R8), Y1")
	f.P("VMAXPS Y1, Y0, Y0")
	f.P("VEXTRACTF128 $1, Y0, X1")
	f.P("VMAXPS X1, X0, X0")
	f.P("VPERMILPS $0x4e, X0, X1")
	f.P("VMAXPS X1, X0, X0")
	f.P("VPERMILPS $0xb1, X0, X1")
	f.P("VMAXPS X1, X0, X0")
	f.P("VMOVSS X0, (DI)")
	f.Return()
}

// expSumOne emits s = exp(s − m) for n vectors, and l += s, one after the other.
func expSumOne(f *asmgen.File) {
	f.Func("expSumOneY", "expSumOneY replaces n vectors of scores by exp(s − m) and adds them to l, one after the other.", "s, m, l *float32", "n int")
	f.Comment("Y14 m, X15 l, Y6–Y13 constants of exp.")
	f.Arg("s", "SI")
	f.Arg("m", "R8")
	f.Arg("l", "R9")
	f.Arg("n", "AX")
	e := f.NewExp(asmgen.Y, 6)
	e.Registers = 8
	e.NonPositive = true
	e.Load()
	f.P("VBROADCASTSS (R8), Y14")
	f.P("VMOVSS (R9), X15")
	unrolled(f, 2, "AX", "vectors", func(steps int) {
		var vs []asmgen.ExpVector
		for u := range steps {
			x := asmgen.Y.Reg(3 * u)
			f.P("VMOVUPS %d(SI), %s", 32*u, x)
			f.P("VSUBPS Y14, %s, %s", x, x)
			vs = append(vs, asmgen.ExpVector{X: 3 * u, T: 3*u + 1, P: 3*u + 2})
		}
		e.Emit(vs...)
		for u, v := range vs {
			f.P("VMOVUPS %s, %d(SI)", asmgen.Y.Reg(v.X), 32*u)
		}
		for i := range 8 * steps {
			f.P("VADDSS %d(SI), X15, X15", 4*i)
		}
		f.P("ADDQ $%d, SI", 32*steps)
	})
	f.P("VMOVSS X15, (R9)")
	f.Return()
}
