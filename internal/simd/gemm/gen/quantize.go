package main

import "github.com/seed2010d43f/transformer/internal/simd/asmgen"

// quantize512 writes the function that makes blocks of 8-bit activations, as package gemm's quantize.go says.
func quantize512(f *asmgen.File) {
	f.Table("quantizeWords", 0x7fffffff, 0x42fe0000) // all but the sign; 127
	f.Func("quantizeAVX512", "quantizeAVX512 makes n blocks of 32 elements of src, pitch bytes apart. It stops before one whose largest\n"+
		"magnitude is below 2⁻¹⁰⁰ or not finite, and sets done to the blocks made.", "n int", "src, dst *float32", "pitch int", "done *int")
	f.Arg("n", "CX")
	f.Arg("src", "SI")
	f.Arg("dst", "DI")
	f.Arg("pitch", "DX")
	f.P("VPBROADCASTD quantizeWords<>+0(SB), Z31")
	f.P("VMOVSS quantizeWords<>+4(SB), X30")
	f.P("VPTERNLOGD $0xff, Y29, Y29, Y29") // −1
	f.P("VPABSB Y29, Y28")                 // 1
	f.Mark("loop")
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
