// Gen writes the assembly of package resample and its declarations.
package main

import (
	"fmt"
	"log"
	"path/filepath"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

const generator = "internal/simd/resample/gen"

func main() {
	if err := generate("."); err != nil {
		log.Fatal(err)
	}
}

// generate writes the files to a folder.
func generate(dir string) error {
	f := asmgen.NewFile(generator)
	indices := f.Table("indices", 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)
	for _, channels := range []int{3, 4} {
		spread := f.Table(fmt.Sprintf("spread%d", channels), spreading(channels)...)
		for _, rows := range []int{4, 1} {
			rowKernel(f, channels, rows, indices, spread)
		}
	}
	columnKernel(f)
	if err := f.Write(filepath.Join(dir, "kernels_amd64.s")); err != nil {
		return err
	}
	return asmgen.WriteGo(filepath.Join(dir, "declarations_amd64.go"), generator, asmgen.AMD64, "resample", "", f)
}

// spreading returns the control of VPSHUFB that makes words of four pixels: of a channel, those of two pixels side by
// side; the first two pixels in the lower half.
func spreading(channels int) []uint32 {
	const zero = 0x80
	var words []uint32
	for half := range 2 {
		for c := range 4 {
			if c >= channels {
				words = append(words, zero<<24|zero<<16|zero<<8|zero)
				continue
			}
			first := uint32(2*half*channels + c)
			words = append(words, zero<<24|(first+uint32(channels))<<16|zero<<8|first)
		}
	}
	return words
}

// rowKernel emits the sums along some rows of pixels. Four taps are one step: their pixels, as words, are multiplied by
// the lower and the higher parts of the weights and added up in pairs.
func rowKernel(f *asmgen.File, channels, rows int, indices, spread string) {
	f.Func(fmt.Sprintf("rows%dx%dAVX2", channels, rows), fmt.Sprintf("rows%dx%dAVX2 computes n outputs of %d channels in each of %d rows. taps is the number of bytes of an output's weights.", channels, rows, channels, rows),
		"dst *byte", "dstStride int", "src *byte", "srcStride int", "first, count *int", "pairs *int16", "taps, n, half, shift int")
	for _, a := range [][2]string{{"dst", "DI"}, {"dstStride", "R9"}, {"src", "SI"}, {"srcStride", "R8"}, {"first", "DX"}, {"count", "CX"}, {"pairs", "BX"}, {"taps", "R11"}, {"n", "R10"}} {
		f.Arg(a[0], a[1])
	}
	f.P("VMOVDQU %s+0(SB), Y13", indices)
	f.P("VMOVDQU %s+32(SB), Y14", indices)
	f.P("VMOVDQU %s+0(SB), Y15", spread)
	output, step := f.Label("output"), f.Label("step")
	f.Mark(output)
	f.P("MOVQ (DX), AX")
	if channels == 3 {
		f.P("LEAQ (AX)(AX*2), AX")
	} else {
		f.P("SHLQ $2, AX")
	}
	f.P("LEAQ (SI)(AX*1), R12")
	f.P("LEAQ (R12)(R8*2), R13")
	f.P("MOVQ (CX), R15")
	f.P("ADDQ $3, R15")
	f.P("SHRQ $2, R15")
	f.P("MOVQ BX, AX")
	for r := range rows {
		f.P("VPXOR Y%d, Y%d, Y%d", r, r, r)
		f.P("VPXOR Y%d, Y%d, Y%d", 4+r, 4+r, 4+r)
	}
	f.Mark(step)
	f.P("VBROADCASTI128 (AX), Y8")
	f.P("VPERMD Y8, Y13, Y9")
	f.P("VPERMD Y8, Y14, Y10")
	for r, at := range []string{"(R12)", "(R12)(R8*1)", "(R13)", "(R13)(R8*1)"}[:rows] {
		f.P("VBROADCASTI128 %s, Y11", at)
		f.P("VPSHUFB Y15, Y11, Y11")
		f.P("VPMADDWD Y9, Y11, Y12")
		f.P("VPADDD Y12, Y%d, Y%d", r, r)
		f.P("VPMADDWD Y10, Y11, Y11")
		f.P("VPADDD Y11, Y%d, Y%d", 4+r, 4+r)
	}
	f.P("ADDQ $16, AX")
	f.P("ADDQ $%d, R12", 4*channels)
	f.P("ADDQ $%d, R13", 4*channels)
	f.P("DECQ R15")
	f.P("JNZ %s", step)
	f.P("VPBROADCASTD %s, X8", f.ArgAt("half"))
	f.P("VMOVQ %s, X9", f.ArgAt("shift"))
	f.P("MOVQ DI, AX")
	for r := range rows {
		join(f, r, 4+r, "Y")
		f.P("VEXTRACTI128 $1, Y%d, X10", r)
		f.P("VPADDD X10, X%d, X%d", r, r)
		f.P("VPADDD X8, X%d, X%d", r, r)
		f.P("VPSRAD X9, X%d, X%d", r, r)
		f.P("VPACKSSDW X%d, X%d, X%d", r, r, r)
		f.P("VPACKUSWB X%d, X%d, X%d", r, r, r)
		f.P("VMOVD X%d, R15", r)
		if channels == 3 {
			f.P("MOVW R15, (AX)")
			f.P("SHRL $16, R15")
			f.P("MOVB R15, 2(AX)")
		} else {
			f.P("MOVL R15, (AX)")
		}
		f.P("ADDQ R9, AX")
	}
	f.P("ADDQ $8, DX")
	f.P("ADDQ $8, CX")
	f.P("ADDQ R11, BX")
	f.P("ADDQ $%d, DI", channels)
	f.P("DECQ R10")
	f.P("JNZ %s", output)
	f.Return()
}

// join adds the sums of the higher parts to those of the lower.
func join(f *asmgen.File, low, high int, width string) {
	f.P("VPSLLD $15, %s%d, %s%d", width, high, width, high)
	f.P("VPADDD %s%d, %s%d, %s%d", width, high, width, low, width, low)
}

// columnKernel emits the sums along columns, for 16 bytes of a row at a time. Two taps are one step: the bytes of two rows
// side by side, as words.
func columnKernel(f *asmgen.File) {
	f.Func("columnsAVX2", "columnsAVX2 computes 16·n bytes of a row of sums of count rows.", "dst, src *byte", "stride int", "pairs *int16", "count, n, half, shift int")
	for _, a := range [][2]string{{"dst", "DI"}, {"src", "SI"}, {"stride", "R8"}, {"count", "CX"}, {"n", "R10"}} {
		f.Arg(a[0], a[1])
	}
	chunk, four, rest, odd, done := f.Label("chunk"), f.Label("four"), f.Label("rest"), f.Label("odd"), f.Label("done")
	f.Mark(chunk)
	f.Arg("pairs", "AX")
	f.P("MOVQ SI, R12")
	f.P("MOVQ CX, R13")
	for r := range 4 {
		f.P("VPXOR Y%d, Y%d, Y%d", r, r, r)
	}
	f.P("SUBQ $4, R13")
	f.P("JLT %s", rest)
	f.Mark(four)
	twoRows(f, "(R12)(R8*1)", 0)
	f.P("LEAQ (R12)(R8*2), R12")
	twoRows(f, "(R12)(R8*1)", 4)
	f.P("LEAQ (R12)(R8*2), R12")
	f.P("ADDQ $16, AX")
	f.P("SUBQ $4, R13")
	f.P("JGE %s", four)
	f.Mark(rest)
	f.P("ADDQ $4, R13")
	f.P("SUBQ $2, R13")
	f.P("JLT %s", odd)
	twoRows(f, "(R12)(R8*1)", 0)
	f.P("LEAQ (R12)(R8*2), R12")
	f.P("ADDQ $4, AX")
	f.P("SUBQ $2, R13")
	f.Mark(odd)
	f.P("ADDQ $2, R13")
	f.P("JZ %s", done)
	twoRows(f, "", 0)
	f.Mark(done)
	f.P("VPBROADCASTD %s, Y8", f.ArgAt("half"))
	f.P("VMOVQ %s, X9", f.ArgAt("shift"))
	for r := range 2 {
		join(f, r, 2+r, "Y")
		f.P("VPADDD Y8, Y%d, Y%d", r, r)
		f.P("VPSRAD X9, Y%d, Y%d", r, r)
	}
	f.P("VPACKSSDW Y1, Y0, Y0")
	f.P("VPACKUSWB Y0, Y0, Y0")
	f.P("VEXTRACTI128 $1, Y0, X1")
	f.P("VPUNPCKLDQ X1, X0, X0")
	f.P("VMOVDQU X0, (DI)")
	f.P("ADDQ $16, DI")
	f.P("ADDQ $16, SI")
	f.P("DECQ R10")
	f.P("JNZ %s", chunk)
	f.Return()
}

// twoRows adds the row at R12 and another, or none, with the weights at an offset.
func twoRows(f *asmgen.File, other string, offset int) {
	f.P("VMOVDQU (R12), X8")
	if other == "" {
		f.P("VPXOR X9, X9, X9")
	} else {
		f.P("VMOVDQU %s, X9", other)
	}
	f.P("VPUNPCKLBW X9, X8, X10")
	f.P("VPUNPCKHBW X9, X8, X11")
	f.P("VPMOVZXBW X10, Y10")
	f.P("VPMOVZXBW X11, Y11")
	f.P("VPBROADCASTD %d(AX), Y12", offset)
	f.P("VPBROADCASTD %d(AX), Y13", offset+8)
	for r, words := range []int{10, 11} {
		f.P("VPMADDWD Y12, Y%d, Y14", words)
		f.P("VPADDD Y14, Y%d, Y%d", r, r)
		f.P("VPMADDWD Y13, Y%d, Y%d", words, words)
		f.P("VPADDD Y%d, Y%d, Y%d", words, 2+r, 2+r)
	}
}
