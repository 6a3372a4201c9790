package main

import "fmt"

// vector is a vector register class.
type vector struct {
	name  string // Z or Y
	bytes int
	regs  int
}

var (
	zmm = vector{"Z", 64, 32}
	ymm = vector{"Y", 32, 16}
)

func (v vector) reg(i int) string { return fmt.Sprintf("%s%d", v.name, i) }

// lanes returns the float32s in a register.
func (v vector) lanes() int { return v.bytes / 4 }

// element is a type of weights.
type element struct {
	name string
	size int
}

var elements = []element{{"F32", 4}, {"F16", 2}, {"BF16", 2}}

// load loads a register of elements at address, widened.
func (o *out) load(e element, address, reg string) {
	switch e.name {
	case "F32":
		o.p("VMOVUPS %s, %s", address, reg)
	case "F16":
		o.p("VCVTPH2PS %s, %s", address, reg)
	case "BF16":
		o.p("VPMOVZXWD %s, %s", address, reg)
		o.p("VPSLLD $16, %s, %s", reg, reg)
	}
}

// shape is a tile: rows of activations by width columns of a panel.
type shape struct{ rows, width int }

var shapes = []shape{{8, 48}, {8, 32}, {8, 16}, {4, 48}, {4, 32}, {4, 16}, {1, 48}, {1, 32}, {1, 16}}

func tiles(o *out) {
	for _, v := range []vector{zmm, ymm} {
		for _, e := range elements {
			tile(o, v, e)
		}
		for _, e := range elements[1:] {
			widen(o, v, e)
		}
		peak(o, v)
	}
	read(o)
}

// tile writes the function for all shapes of one element type.
func tile(o *out, v vector, e element) {
	tier := map[string]string{"Z": "512", "Y": "256"}[v.name]
	o.text("tile"+e.name+"x"+tier, 80)
	o.p("MOVQ k+0(FP), R8")
	o.p("MOVQ a+8(FP), SI")
	o.p("MOVQ b+16(FP), BX")
	o.p("MOVQ c+24(FP), DI")
	o.p("MOVQ ldc+32(FP), DX")
	o.p("SHLQ $2, DX")
	o.p("MOVQ rows+40(FP), AX")
	o.p("MOVQ width+48(FP), CX")
	o.p("MOVQ chain+56(FP), R10")
	o.p("MOVQ next+64(FP), R11")
	o.p("MOVQ step+72(FP), R12")
	for _, s := range shapes {
		o.p("CMPQ AX, $%d", s.rows)
		o.p("JNE %s", s.label("not"))
		o.p("CMPQ CX, $%d", s.width)
		o.p("JEQ %s", s.label("tile"))
		o.label("%s", s.label("not"))
	}
	o.p("RET")
	for _, s := range shapes {
		o.label("%s", s.label("tile"))
		if v.name == "Z" {
			o.kernel(kernel{v: v, e: e, shape: s, label: s.label(""), rows: s.rows, vectors: s.width / 16, next: s.rows == 8})
		} else {
			quadrants(o, v, e, s)
		}
		o.ret()
	}
}

func (s shape) label(prefix string) string { return fmt.Sprintf("%s%dx%d", prefix, s.rows, s.width) }

// quadrants writes a tile that has more outputs than there are registers as a loop over parts of its
// columns, and for each over halves of its rows.
func quadrants(o *out, v vector, e element, s shape) {
	k := kernel{v: v, e: e, shape: s, label: s.label(""), rows: min(4, s.rows), vectors: s.width / 8, next: s.rows == 8}
	if s.rows > 1 {
		k.vectors = min(k.vectors, map[int]int{48: 3, 32: 2, 16: 2}[s.width])
	}
	parts, halves := s.width/8/k.vectors, s.rows/k.rows
	if parts > 1 {
		o.p("MOVQ $%d, R13", parts)
		o.label("%s", s.label("part"))
	}
	if halves > 1 {
		// The second half starts 4 rows on; both start at the first k.
		o.p("MOVQ $%d, AX", halves)
		o.label("%s", s.label("half"))
	}
	if parts > 1 || halves > 1 {
		o.p("MOVQ SI, R14")
		o.p("MOVQ BX, R15")
	}
	o.kernel(k)
	if halves > 1 {
		o.p("LEAQ %d(R14), SI", k.rows*4)
		o.p("MOVQ R15, BX")
		o.p("DECQ AX")
		o.p("JNZ %s", s.label("half"))
	}
	if parts > 1 {
		o.p("MOVQ a+8(FP), SI")
		o.p("LEAQ %d(R15), BX", k.vectors*v.lanes()*e.size)
		o.p("MOVQ c+24(FP), DI")
		o.p("ADDQ $%d, DI", k.vectors*v.bytes)
		o.p("DECQ R13")
		o.p("JNZ %s", s.label("part"))
	}
}

// kernel is a block of outputs that fits the registers: rows × vectors of a tile of the given shape,
// whose rows of a and columns of b it steps over.
type kernel struct {
	v             vector
	e             element
	shape         shape
	label         string
	rows, vectors int
	next          bool // prefetch from R11 on, R12 bytes for each k
}

// kernel writes k. It expects k in R8, a in SI, b in BX, c in DI and its row stride in DX, chain in R10,
// and uses CX and R9; DI is left at the row after the last.
func (o *out) kernel(k kernel) {
	acc := func(i, j int) string { return k.v.reg(i*k.vectors + j) }
	n := k.rows * k.vectors
	b := func(j int) string { return k.v.reg(n + j) }
	a := func(i int) string { return k.v.reg(n + k.vectors + i%min(4, k.v.regs-n-k.vectors)) }

	o.p("TESTQ R10, R10")
	o.p("JNZ chain%s", k.label)
	for i := range n {
		if k.v.name == "Z" {
			o.p("VPXORD %s, %s, %s", k.v.reg(i), k.v.reg(i), k.v.reg(i))
		} else {
			o.p("VXORPS %s, %s, %s", k.v.reg(i), k.v.reg(i), k.v.reg(i))
		}
	}
	o.p("JMP start%s", k.label)
	o.label("chain%s", k.label)
	o.p("MOVQ DI, R9")
	for i := range k.rows {
		for j := range k.vectors {
			o.p("VMOVUPS %d(R9), %s", j*k.v.bytes, acc(i, j))
		}
		o.p("ADDQ DX, R9")
	}
	o.label("start%s", k.label)

	rowBytes := k.shape.width * k.e.size
	step := func(u int) {
		for j := range k.vectors {
			o.load(k.e, fmt.Sprintf("%d(BX)", u*rowBytes+j*k.v.lanes()*k.e.size), b(j))
		}
		for i := range k.rows {
			o.p("VBROADCASTSS %d(SI), %s", (u*k.shape.rows+i)*4, a(i))
			for j := range k.vectors {
				o.p("VFMADD231PS %s, %s, %s", b(j), a(i), acc(i, j))
			}
		}
	}
	const unroll = 4
	o.p("MOVQ R8, CX")
	o.p("SHRQ $2, CX")
	o.p("JZ tail%s", k.label)
	o.p("PCALIGN $32")
	o.label("loop%s", k.label)
	for u := range unroll {
		if k.vectors*k.v.lanes() < k.shape.width {
			// Loads limit these: half of the lines have to do.
			o.p("PREFETCHT0 %d(BX)", u*rowBytes+rowBytes/6+1024)
		} else {
			for at := u * rowBytes; at < (u+1)*rowBytes; at++ {
				if at%64 == 0 {
					o.p("PREFETCHT0 %d(BX)", at+1024)
				}
			}
		}
		if k.next && (k.v.name == "Z" || u > 0) {
			o.p("PREFETCHT1 (R11)")
			o.p("ADDQ R12, R11")
		}
		step(u)
	}
	o.p("ADDQ $%d, BX", unroll*rowBytes)
	o.p("ADDQ $%d, SI", unroll*k.shape.rows*4)
	o.p("DECQ CX")
	o.p("JNZ loop%s", k.label)
	o.label("tail%s", k.label)
	o.p("MOVQ R8, CX")
	o.p("ANDQ $%d, CX", unroll-1)
	o.p("JZ store%s", k.label)
	o.label("one%s", k.label)
	step(0)
	o.p("ADDQ $%d, BX", rowBytes)
	o.p("ADDQ $%d, SI", k.shape.rows*4)
	o.p("DECQ CX")
	o.p("JNZ one%s", k.label)

	o.label("store%s", k.label)
	for i := range k.rows {
		for j := range k.vectors {
			o.p("VMOVUPS %s, %d(DI)", acc(i, j), j*k.v.bytes)
		}
		o.p("ADDQ DX, DI")
	}
}

// widen writes a function that converts n groups of 16 elements to float32.
func widen(o *out, v vector, e element) {
	o.text("widen"+e.name+"x"+map[string]string{"Z": "512", "Y": "256"}[v.name], 24)
	o.p("MOVQ n+0(FP), CX")
	o.p("MOVQ src+8(FP), SI")
	o.p("MOVQ dst+16(FP), DI")
	o.label("loop")
	for i := range 64 / v.bytes {
		o.load(e, fmt.Sprintf("%d(SI)", i*v.bytes/2), v.reg(i))
		o.p("VMOVUPS %s, %d(DI)", v.reg(i), i*v.bytes)
	}
	o.p("PREFETCHT0 1024(SI)")
	o.p("ADDQ $32, SI")
	o.p("ADDQ $64, DI")
	o.p("DECQ CX")
	o.p("JNZ loop")
	o.ret()
}

// peak writes n rounds of independent multiply-adds, as many as registers allow.
func peak(o *out, v vector) {
	o.text("peakx"+map[string]string{"Z": "512", "Y": "256"}[v.name], 8)
	o.p("MOVQ n+0(FP), CX")
	n := v.regs * 3 / 4
	for i := range v.regs {
		o.p("VXORPS Y%d, Y%d, Y%d", i%16, i%16, i%16)
		if i >= 16 {
			o.p("VPXORD Z%d, Z%d, Z%d", i, i, i)
		}
	}
	o.p("PCALIGN $32")
	o.label("loop")
	for i := range n {
		o.p("VFMADD231PS %s, %s, %s", v.reg(n), v.reg(n+1), v.reg(i))
	}
	o.p("DECQ CX")
	o.p("JNZ loop")
	o.ret()
}

// read writes a function that sums n groups of 64 float32s.
func read(o *out) {
	o.text("sumx256", 20)
	o.p("MOVQ n+0(FP), CX")
	o.p("MOVQ src+8(FP), SI")
	for i := range 8 {
		o.p("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	o.p("PCALIGN $32")
	o.label("loop")
	for i := range 8 {
		if i%2 == 0 {
			o.p("PREFETCHT0 %d(SI)", 1024+i*32)
		}
		o.p("VADDPS %d(SI), Y%d, Y%d", i*32, i, i)
	}
	o.p("ADDQ $256, SI")
	o.p("DECQ CX")
	o.p("JNZ loop")
	for _, step := range []int{4, 2, 1} {
		for i := range step {
			o.p("VADDPS Y%d, Y%d, Y%d", i+step, i, i)
		}
	}
	o.p("VEXTRACTF128 $1, Y0, X1")
	o.p("VADDPS X1, X0, X0")
	o.p("VHADDPS X0, X0, X0")
	o.p("VHADDPS X0, X0, X0")
	o.p("VMOVSS X0, sum+16(FP)")
	o.ret()
}
