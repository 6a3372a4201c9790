package main

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

// shape is a register tile: rows (keys of Scores, dimensions of Accumulate) by vectors of lanes. The rows
// that are left over go through the smaller tiles of rows[1:], which end in 1.
type shape struct {
	suffix  string
	w       asmgen.Width
	evex    bool // AVX-512: 32 registers and broadcasts within instructions
	vectors int
	stride  int // bytes from one row of lanes to the next
	rows    []int
}

func tiles(f *asmgen.File) {
	for _, s := range []shape{
		{"48Z", asmgen.Z, true, 3, 4 * 48, []int{8, 4, 2, 1}},
		{"32Z", asmgen.Z, true, 2, 4 * 32, []int{12, 8, 4, 2, 1}},
		{"16Z", asmgen.Z, true, 1, 4 * 16, []int{16, 8, 4, 2, 1}},
		{"8V", asmgen.Y, true, 1, 4 * 8, []int{16, 8, 4, 2, 1}},
		{"24Y", asmgen.Y, false, 3, 4 * 48, []int{4, 2, 1}},        // half of 48
		{"16of32Y", asmgen.Y, false, 2, 4 * 32, []int{6, 4, 2, 1}}, // half of 32
		{"16Y", asmgen.Y, false, 2, 4 * 16, []int{6, 4, 2, 1}},
		{"8Y", asmgen.Y, false, 1, 4 * 8, []int{12, 8, 4, 2, 1}},
	} {
		scores(f, s)
		accumulate(f, s)
	}
	peak(f)
}

// Registers: accumulators from 0, then the vectors of one row of lanes, then broadcasts.

func (s shape) acc(row, v int) string { return s.w.Reg(row*s.vectors + v) }

func (s shape) firstFree() int {
	if s.evex {
		return 24
	}
	return 12
}

func (s shape) lane(v int) string { return s.w.Reg(s.firstFree() + v) }

// broadcast returns the register for the broadcast of a row, in turn.
func (s shape) broadcast(row int) string {
	first := s.firstFree() + s.vectors
	last := 16
	if s.evex {
		last = 32
	}
	return s.w.Reg(first + row%(last-first))
}

// describe says in a comment what the registers of a tile hold.
func (s shape) describe(f *asmgen.File, rows int, name, lanes, scalars string) {
	sums := s.w.Regs(0, rows*s.vectors)
	if s.vectors == 1 && s.evex {
		f.Comment("%d %s × %d lanes: %s sums, %s %s; %s are broadcast from memory.", rows, name, s.lanes(), sums, s.lane(0), lanes, scalars)
		return
	}
	f.Comment("%d %s × %d lanes: %s sums, %s %s, from %s %s.", rows, name, s.lanes(), sums,
		s.w.Regs(s.firstFree(), s.vectors), lanes, s.broadcast(0), scalars)
}

// step emits one step of all chains: the row of lanes at lanes(v), times the scalars at scalar(row).
func (s shape) step(f *asmgen.File, rows int, lanes string, offset int, scalar func(row int) string) {
	for v := range s.vectors {
		f.P("VMOVUPS %d(%s), %s", offset+v*int(s.w), lanes, s.lane(v))
	}
	for i := range rows {
		if s.vectors == 1 && s.evex {
			f.P("VFMADD231PS.BCST %s, %s, %s", scalar(i), s.lane(0), s.acc(i, 0))
			continue
		}
		b := s.broadcast(i)
		f.P("VBROADCASTSS %s, %s", scalar(i), b)
		for v := range s.vectors {
			f.P("VFMADD231PS %s, %s, %s", s.lane(v), b, s.acc(i, v))
		}
	}
}

// store emits the storing of an accumulator tile to ptr.
func (s shape) store(f *asmgen.File, rows int, ptr string) {
	for i := range rows {
		for v := range s.vectors {
			f.P("VMOVUPS %s, %d(%s)", s.acc(i, v), i*s.stride+v*int(s.w), ptr)
		}
	}
}

// eachRows emits, for a count in reg, loops over the largest tile and one tile of each smaller size.
func (s shape) eachRows(f *asmgen.File, reg string, tile func(rows int)) {
	for i, rows := range s.rows {
		top, next := f.Label("tile"), f.Label("smaller")
		f.Mark(top)
		f.P("CMPQ %s, $%d", reg, rows)
		f.P("JLT %s", next)
		tile(rows)
		f.P("SUBQ $%d, %s", rows, reg)
		if i == 0 || s.rows[i-1] > 2*rows {
			f.P("JMP %s", top)
		}
		f.Mark(next)
	}
}

// unrolled emits a loop of count (in reg, destroyed) steps, several at a time and the rest one by one. unit says
// what steps are.
func unrolled(f *asmgen.File, several int, reg, unit string, body func(steps int)) {
	for _, steps := range []int{several, 1} {
		loop, done := f.Label("loop"), f.Label("done")
		f.Comment("Loop over %s, %d at a time.", unit, steps)
		f.P("SUBQ $%d, %s", steps, reg)
		f.P("JLT %s", done)
		f.P("PCALIGN $32")
		f.Mark(loop)
		body(steps)
		f.P("SUBQ $%d, %s", steps, reg)
		f.P("JGE %s", loop)
		f.Mark(done)
		f.P("ADDQ $%d, %s", steps, reg)
	}
}

// scores emits s[j] = Σ k[j][x]·qt[x] with the running maximum, if mx is not nil.
func scores(f *asmgen.File, s shape) {
	f.Func("scores"+s.suffix, fmt.Sprintf("scores%s sets s[j] = Σ k[j][x]·qt[x], x < d, for n keys and %d lanes whose rows lie %d bytes apart,\n"+
		"and raises mx, unless it is nil, to the largest of each lane.", s.suffix, s.lanes(), s.stride),
		"s, qt, k, mx *float32", "n, d, ldk int")
	f.Comment("SI s, R8 k, CX keys left, BX bytes between keys, R13 three times that, DX bytes in a key.")
	f.Arg("s", "SI")
	f.Arg("k", "R8")
	f.Arg("n", "CX")
	f.Arg("ldk", "BX")
	f.P("SHLQ $2, BX")
	f.P("LEAQ (BX)(BX*2), R13")
	f.Arg("d", "DX")
	f.P("SHLQ $2, DX")
	base := []string{"R9", "R10", "R11", "R12"} // rows 0, 4, 8, 12 of the tile
	s.eachRows(f, "CX", func(rows int) {
		bases := base[:(rows+3)/4]
		s.describe(f, rows, "keys", "queries", "keys")
		f.P("MOVQ R8, R9")
		for i := range bases[1:] {
			f.P("LEAQ (%s)(BX*4), %s", base[i], base[i+1])
		}
		f.Arg("qt", "DI")
		f.Arg("d", "AX")
		for i := range rows * s.vectors {
			r := s.w.Reg(i)
			if s.evex {
				f.P("VPXORD %s, %s, %s", r, r, r)
			} else {
				f.P("VXORPS %s, %s, %s", r, r, r)
			}
		}
		ahead := rows == s.rows[0]
		if ahead {
			f.P("LEAQ (%s)(BX*4), R14", bases[len(bases)-1])
			f.P("LEAQ (R14)(DX*1), R15")
		}
		unrolled(f, 4, "AX", "dimensions", func(steps int) {
			if ahead && steps > 1 {
				prefetchKeys(f, (rows+3)/4)
			}
			for u := range steps {
				s.step(f, rows, "DI", u*s.stride, func(row int) string {
					index := []string{"", "(BX*1)", "(BX*2)", "(R13*1)"}[row%4]
					return fmt.Sprintf("%d(%s)%s", 4*u, base[row/4], index)
				})
			}
			for _, b := range bases {
				f.P("ADDQ $%d, %s", 4*steps, b)
			}
			f.P("ADDQ $%d, DI", steps*s.stride)
		})
		s.epilogue(f, rows)
		f.P("ADDQ $%d, SI", rows*s.stride)
		f.P("IMUL3Q $%d, BX, AX", rows)
		f.P("ADDQ AX, R8")
	})
	f.Return()
}

// prefetchKeys emits the prefetching of some lines of the tile that follows: R14 walks along its rows, R15 is
// the end of a row, DX the bytes in it.
func prefetchKeys(f *asmgen.File, lines int) {
	inRow := f.Label("row")
	for i := range lines {
		f.P("PREFETCHT0 %d(R14)", 64*i)
	}
	f.P("ADDQ $%d, R14", 64*lines)
	f.P("CMPQ R14, R15")
	f.P("JLT %s", inRow)
	f.P("ADDQ BX, R15")
	f.P("MOVQ R15, R14")
	f.P("SUBQ DX, R14")
	f.Mark(inRow)
}

// epilogue emits the running maximum of a tile of scores, if wanted, and its storing to SI.
func (s shape) epilogue(f *asmgen.File, rows int) {
	store := f.Label("store")
	f.Comment("The maximum of the tile, if it is wanted, and the scores.")
	f.Arg("mx", "DI")
	f.P("TESTQ DI, DI")
	f.P("JEQ %s", store)
	for v := range s.vectors {
		f.P("VMOVUPS %d(DI), %s", v*int(s.w), s.lane(v))
	}
	for i := range rows {
		for v := range s.vectors {
			f.P("VMAXPS %s, %s, %s", s.acc(i, v), s.lane(v), s.lane(v))
		}
	}
	for v := range s.vectors {
		f.P("VMOVUPS %s, %d(DI)", s.lane(v), v*int(s.w))
	}
	f.Mark(store)
	s.store(f, rows, "SI")
}

// accumulate emits o[x] += Σ v[j][x]·p[j]. Values in rows far apart escape the hardware's prefetching and are
// read in narrow columns, so the tile that meets a new stretch of 64 columns fetches all of it, some rows ahead.
func accumulate(f *asmgen.File, s shape) {
	f.Func("accumulate"+s.suffix, fmt.Sprintf("accumulate%s adds Σ v[j][x]·p[j], j < n, to o[x] for d dimensions and %d lanes whose rows lie %d bytes\n"+
		"apart.", s.suffix, s.lanes(), s.stride), "o, p, v *float32", "n, d, ldv int")
	f.Comment("DX o, R8 v, CX dimensions left, BX bytes between values, R9 end of what was fetched, R10 bytes that fetching is ahead.")
	f.Arg("o", "DX")
	f.Arg("v", "R8")
	f.Arg("d", "CX")
	f.Arg("ldv", "BX")
	f.P("SHLQ $2, BX")
	f.P("IMUL3Q $%d, BX, R10", s.ahead())
	f.P("MOVQ R8, R9") // end of the columns that were fetched
	s.eachRows(f, "CX", func(rows int) {
		s.describe(f, rows, "dimensions", "weights", "values")
		f.P("MOVQ R8, SI")
		f.Arg("p", "DI")
		f.Arg("n", "AX")
		for i := range rows {
			for v := range s.vectors {
				f.P("VMOVUPS %d(DX), %s", i*s.stride+v*int(s.w), s.acc(i, v))
			}
		}
		store := f.Label("store")
		if rows == s.rows[0] {
			fetched := f.Label("fetched")
			f.Comment("Columns that nobody has fetched yet are fetched ahead.")
			f.P("LEAQ %d(R8), R11", 4*rows)
			f.P("CMPQ R11, R9")
			f.P("JLE %s", fetched)
			f.P("LEAQ (R9)(R10*1), R12")
			f.P("ADDQ $256, R9")
			s.products(f, rows, true)
			f.P("JMP %s", store)
			f.Mark(fetched)
		}
		s.products(f, rows, false)
		f.Mark(store)
		s.store(f, rows, "DX")
		f.P("ADDQ $%d, DX", rows*s.stride)
		f.P("ADDQ $%d, R8", 4*rows)
	})
	f.Return()
}

// products emits the loop over the keys of one tile of accumulate.
func (s shape) products(f *asmgen.File, rows int, fetch bool) {
	unrolled(f, 4, "AX", "keys", func(steps int) {
		for u := range steps {
			if fetch {
				for line := range 4 {
					f.P("PREFETCHT0 %d(R12)", 64*line)
				}
				f.P("ADDQ BX, R12")
			}
			s.step(f, rows, "DI", u*s.stride, func(row int) string { return fmt.Sprintf("%d(SI)", 4*row) })
			f.P("ADDQ BX, SI")
		}
		f.P("ADDQ $%d, DI", steps*s.stride)
	})
}

// ahead is how many rows ahead values are fetched: the fewer lanes, the less time a row takes.
func (s shape) ahead() int { return max(8, 256/s.lanes()) }

func (s shape) lanes() int { return s.vectors * s.w.Lanes() }

// peak emits n rounds of 24 (Z) or 12 (Y) independent fused multiply-adds, the most that a tile could reach.
func peak(f *asmgen.File) {
	for _, w := range []asmgen.Width{asmgen.Z, asmgen.Y} {
		acc := 24
		if w == asmgen.Y {
			acc = 12
		}
		name := fmt.Sprintf("peak%c", w.Reg(0)[0])
		f.Func(name, fmt.Sprintf("%s does n rounds of %d independent multiply-adds of %d lanes: the register peak.", name, acc, w.Lanes()), "n int")
		f.Arg("n", "CX")
		loop := f.Label("loop")
		f.P("PCALIGN $32")
		f.Mark(loop)
		for i := range acc {
			f.P("VFMADD231PS %s, %s, %s", w.Reg(acc), w.Reg(acc+1), w.Reg(i))
		}
		f.P("DECQ CX")
		f.P("JNZ %s", loop)
		f.Return()
	}
}
