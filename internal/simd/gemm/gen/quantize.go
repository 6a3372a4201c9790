package main

import "github.com/seed2010d43f/transformer/internal/simd/asmgen"

// quantize512 writes the function that makes blocks of 8-bit activations, as package gemm's quantize.go says.
func quantize512(f *asmgen.File) {
	f.Table("quantizeWords", 0x7fffffff, 0x42fe0000)                               // all but the sign; 127
	f.Table("quantizeOrder", 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15) // of groups of 4 codes of two blocks
	f.FuncFrame(128, "quantizeAVX512", "quantizeAVX512 makes n blocks of 32 elements of src, pitch bytes apart. It stops before one whose largest\n"+
		"magnitude is below 2⁻¹⁰⁰ or not finite, and sets done to the blocks made.", "n int", "src, dst *float32", "pitch int", "done *int")
	f.Arg("n", "CX")
	f.Arg("src", "SI")
	f.Arg("dst", "DI")
	f.Arg("pitch", "DX")
	f.P("VPBROADCASTD quantizeWords<>+0(SB), Z31")
	f.P("VMOVSS quantizeWords<>+4(SB), X30")
	f.P("VPTERNLOGD $0xff, Y29, Y29, Y29") // −1
	f.P("VPABSB Y29, Y28")                 // 1
	f.P("VPTERNLOGD $0xff, Z27, Z27, Z27")
	f.P("VPABSB Z27, Z26")
	f.P("VMOVDQU64 quantizeOrder<>(SB), Z25")
	f.P("VBROADCASTSS X30, X24")
	f.P("LEAQ (DX)(DX*2), R8")
	f.P("LEAQ numbers-128(SP), R9")
	f.P("MOVL $0x0d800000, AX") // 2⁻¹⁰⁰
	f.P("VPBROADCASTD AX, X23")
	f.P("MOVL $0x72000000, AX") // from there up to infinity
	f.P("VPBROADCASTD AX, X22")
	f.Mark("loop")
	quantizeFour(f)
	f.Mark("one")
	f.P("VMOVUPS (SI), Z0")
	f.P("VMOVUPS 64(SI), Z1")
	f.P("VPANDD Z31, Z0, Z2")
	f.P("VPANDD Z31, Z1, Z3")
	f.P("VPMAXUD Z2, Z3, Z2")
	f.P("VEXTRACTI64X4 $1, Z2, Y3")
	f.P("VPMAXUD Y2, Y3, Y2")
	f.P("VEXTRACTI128 $1, Y2, X3")
	f.P("VPMAXUD X2, X3, X2")
	f.P("VPSHUFD $0x4e, X2, X3")
	f.P("VPMAXUD X2, X3, X2")
	f.P("VPSHUFD $0xb1, X2, X3")
	f.P("VPMAXUD X2, X3, X2")
	f.P("VMOVD X2, AX")
	f.P("SUBL $0x0d800000, AX") // 2⁻¹⁰⁰
	f.P("CMPL AX, $0x72000000") // up to infinity
	f.P("JAE stop")
	f.P("VUNPCKLPS X2, X30, X3") // 127, most
	f.P("VUNPCKLPS X30, X2, X4") // most, 127
	f.P("VDIVPS X4, X3, X3")     // 127/most, most/127
	f.P("VBROADCASTSS X3, Z4")
	f.P("VMULPS Z4, Z0, Z0")
	f.P("VMULPS Z4, Z1, Z1")
	f.P("VCVTPS2DQ Z0, Z0")
	f.P("VCVTPS2DQ Z1, Z1")
	f.P("VPMOVDB Z0, X0")
	f.P("VPMOVDB Z1, X1")
	f.P("VINSERTI128 $1, X1, Y0, Y0")
	f.P("VMOVDQU Y0, (DI)")
	f.P("VPMADDUBSW Y0, Y28, Y1")
	f.P("VPMADDWD Y29, Y1, Y1")
	endBlock(f, "X3")
}

// quantizeFour writes four blocks at a time, as long as there are so many, and all can be.
func quantizeFour(f *asmgen.File) {
	f.Comment("Four blocks: Z0–Z7, and the largest magnitudes of all in X16.")
	f.P("CMPQ CX, $4")
	f.P("JLT one")
	for i := range 8 {
		f.P("VMOVUPS %d(SI), Z%d", 64*i, i)
		f.P("VPANDD Z31, Z%d, Z%d", i, 8+i)
	}
	for i := range 4 {
		f.P("VPMAXUD Z%d, Z%d, Z%d", 9+2*i, 8+2*i, 8+2*i)
	}
	unite := func(low, high string, a, b, to, scratch int) {
		f.P("%s Z%d, Z%d, Z%d", high, b, a, scratch)
		f.P("%s Z%d, Z%d, Z%d", low, b, a, to)
		f.P("VPMAXUD Z%d, Z%d, Z%d", scratch, to, to)
	}
	unite("VPUNPCKLDQ", "VPUNPCKHDQ", 8, 10, 16, 18)
	unite("VPUNPCKLDQ", "VPUNPCKHDQ", 12, 14, 17, 19)
	unite("VPUNPCKLQDQ", "VPUNPCKHQDQ", 16, 17, 16, 18)
	for _, order := range []int{0x4e, 0xb1} {
		f.P("VSHUFI64X2 $%#x, Z16, Z16, Z17", order)
		f.P("VPMAXUD Z17, Z16, Z16")
	}
	f.P("VPSUBD X23, X16, X17")
	f.P("VPCMPUD $5, X22, X17, K1") // not below
	f.P("KMOVW K1, AX")
	f.P("TESTL AX, AX")
	f.P("JNZ one")
	f.P("VDIVPS X16, X24, X17")
	f.P("VDIVPS X24, X16, X16")
	f.P("VMOVUPS X17, (R9)")
	f.P("VMOVUPS X16, 16(R9)")
	for i := range 8 {
		f.P("VMULPS.BCST %d(R9), Z%d, Z%d", i/2*4, i, i)
		f.P("VCVTPS2DQ Z%d, Z%d", i, i)
	}
	f.Comment("Codes: Z0 and Z4 of two blocks each.")
	for i := 0; i < 8; i += 2 {
		f.P("VPACKSSDW Z%d, Z%d, Z%d", i+1, i, i)
	}
	for i := 0; i < 8; i += 4 {
		f.P("VPACKSSWB Z%d, Z%d, Z%d", i+2, i, i)
		f.P("VPERMD Z%d, Z25, Z%d", i, i)
	}
	f.P("VMOVDQU Y0, (DI)")
	f.P("VEXTRACTI64X4 $1, Z0, (DI)(DX*1)")
	f.P("VMOVDQU Y4, (DI)(DX*2)")
	f.P("VEXTRACTI64X4 $1, Z4, (DI)(R8*1)")
	f.Comment("Sums of 16: of the first and third block in Z0's first quarter and of their last 16 in its second, and so on.")
	for i := 0; i < 8; i += 4 {
		f.P("VPMADDUBSW Z%d, Z26, Z%d", i, i)
		f.P("VPMADDWD Z27, Z%d, Z%d", i, i)
	}
	f.P("VPUNPCKHDQ Z4, Z0, Z1")
	f.P("VPUNPCKLDQ Z4, Z0, Z0")
	f.P("VPADDD Z1, Z0, Z0")
	f.P("VPSHUFD $0x4e, Z0, Z1")
	f.P("VPADDD Z1, Z0, Z0")
	f.P("VSHUFI64X2 $0xb1, Z0, Z0, Z1")
	f.P("VPADDD Z1, Z0, Z1")
	f.P("VCVTDQ2PS Z1, Z1")
	f.P("VMOVDQU64 Z0, 32(R9)")
	f.P("VMOVDQU %s, 96(R9)", "X1")
	f.P("VEXTRACTI64X2 $2, Z1, 112(R9)")
	for i, block := range []string{"(DI)", "(DI)(DX*1)", "(DI)(DX*2)", "(DI)(R8*1)"} {
		sums := 32 + i%2*32 + i/2*4
		f.P("MOVL %d(R9), AX", 16+4*i)
		f.P("MOVL AX, 32%s", block)
		f.P("MOVWLZX %d(R9), AX", sums)
		f.P("MOVL %d(R9), BX", sums+16)
		f.P("SHLL $16, BX")
		f.P("ORL BX, AX")
		f.P("MOVL AX, 36%s", block)
		f.P("MOVL %d(R9), AX", 96+i%2*16+i/2*4)
		f.P("MOVL AX, 40%s", block)
	}
	f.P("ADDQ $512, SI")
	f.P("LEAQ (DI)(DX*4), DI")
	f.P("SUBQ $4, CX")
	f.P("JNZ loop")
	f.P("JMP stop")
}

// quantize256 writes the same with AVX2.
func quantize256(f *asmgen.File) {
	const all = 0x7fffffff // but the sign
	f.Table("quantizeWords", 0x42fe0000, 0, 0, 0, 0, 0, 0, 0, all, all, all, all, all, all, all, all,
		0, 4, 1, 5, 2, 6, 3, 7) // 127; all but the sign; where groups of 4 codes lie
	f.Func("quantizeAVX2", "quantizeAVX2 is quantizeAVX512 with AVX2.", "n int", "src, dst *float32", "pitch int", "done *int")
	f.Arg("n", "CX")
	f.Arg("src", "SI")
	f.Arg("dst", "DI")
	f.Arg("pitch", "DX")
	f.P("VMOVDQU quantizeWords<>+32(SB), Y15")
	f.P("VMOVDQU quantizeWords<>+64(SB), Y14")
	f.P("VMOVSS quantizeWords<>+0(SB), X13")
	f.P("VPCMPEQD Y12, Y12, Y12") // −1
	f.P("VPABSB Y12, Y11")        // 1
	f.Mark("loop")
	for i := range 4 {
		f.P("VMOVUPS %d(SI), Y%d", 32*i, i)
		f.P("VPAND Y15, Y%d, Y%d", i, 4+i)
	}
	f.P("VPMAXUD Y4, Y5, Y4")
	f.P("VPMAXUD Y6, Y7, Y6")
	f.P("VPMAXUD Y4, Y6, Y4")
	f.P("VEXTRACTI128 $1, Y4, X5")
	f.P("VPMAXUD X4, X5, X4")
	f.P("VPSHUFD $0x4e, X4, X5")
	f.P("VPMAXUD X4, X5, X4")
	f.P("VPSHUFD $0xb1, X4, X5")
	f.P("VPMAXUD X4, X5, X4")
	f.P("VMOVD X4, AX")
	f.P("SUBL $0x0d800000, AX") // 2⁻¹⁰⁰
	f.P("CMPL AX, $0x72000000") // up to infinity
	f.P("JAE stop")
	f.P("VUNPCKLPS X4, X13, X5") // 127, most
	f.P("VUNPCKLPS X13, X4, X6") // most, 127
	f.P("VDIVPS X6, X5, X5")     // 127/most, most/127
	f.P("VBROADCASTSS X5, Y6")
	for i := range 4 {
		f.P("VMULPS Y6, Y%d, Y%d", i, i)
		f.P("VCVTPS2DQ Y%d, Y%d", i, i)
	}
	f.P("VPACKSSDW Y1, Y0, Y0")
	f.P("VPACKSSDW Y3, Y2, Y2")
	f.P("VPACKSSWB Y2, Y0, Y0")
	f.P("VPERMD Y0, Y14, Y0")
	f.P("VMOVDQU Y0, (DI)")
	f.P("VPMADDUBSW Y0, Y11, Y1")
	f.P("VPMADDWD Y12, Y1, Y1")
	endBlock(f, "X5")
}

// endBlock stores what follows a block's codes, and goes on to the next block or ends. Y1 has sums of four codes, negated,
// and the second element of scale the scale.
func endBlock(f *asmgen.File, scale string) {
	f.P("VPSHUFD $0x4e, Y1, Y2")
	f.P("VPADDD Y1, Y2, Y1")
	f.P("VPSHUFD $0xb1, Y1, Y2")
	f.P("VPADDD Y1, Y2, Y1")
	f.P("VEXTRACTI128 $1, Y1, X2")
	f.P("VPADDD X1, X2, X4")
	f.P("VCVTDQ2PS X4, X4")
	f.P("VEXTRACTPS $1, %s, 32(DI)", scale)
	f.P("VPEXTRW $0, X1, 36(DI)")
	f.P("VPEXTRW $0, X2, 38(DI)")
	f.P("VMOVSS X4, 40(DI)")
	f.P("ADDQ $128, SI")
	f.P("ADDQ DX, DI")
	f.P("DECQ CX")
	f.P("JNZ loop")
	f.Mark("stop")
	f.Arg("n", "AX")
	f.P("SUBQ CX, AX")
	f.Arg("done", "BX")
	f.P("MOVQ AX, (BX)")
	f.Return()
}
