// Gen writes the assembly of package chroma and its declarations.
package main

import (
	"log"
	"path/filepath"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

const generator = "internal/simd/chroma/gen"

func main() {
	if err := generate("."); err != nil {
		log.Fatal(err)
	}
}

// generate writes the files to a folder.
func generate(dir string) error {
	f := asmgen.NewFile(generator)
	rgbKernel(f)
	doubleKernel(f)
	if err := f.Write(filepath.Join(dir, "kernels_amd64.s")); err != nil {
		return err
	}
	return asmgen.WriteGo(filepath.Join(dir, "declarations_amd64.go"), generator, asmgen.AMD64, "chroma", "", f)
}

// pair returns two words, the first in the lower half.
func pair(low, high int16) uint32 { return uint32(uint16(low)) | uint32(uint16(high))<<16 }

// rgbKernel emits the conversion of 16 pixels at a time in words. What the factors have above a half is added as whole
// values: 91881 = 65536 + 26345.
func rgbKernel(f *asmgen.File) {
	factors := f.Table("factors", pair(0, 26345), pair(-22554, 18734), pair(-14942, 0), 1<<15, pair(128, 128))
	shuffles := f.Table("shuffles", shuffles()...)
	f.Func("rgbAVX2", "rgbAVX2 converts 16·n pixels.", "dst, luma, cb, cr *byte", "n int")
	for _, a := range [][2]string{{"dst", "DI"}, {"luma", "SI"}, {"cb", "DX"}, {"cr", "CX"}, {"n", "BX"}} {
		f.Arg(a[0], a[1])
	}
	for i := range 5 {
		f.P("VPBROADCASTD %s+%d(SB), Y%d", factors, 4*i, 11+i)
	}
	loop := f.Label("loop")
	f.Mark(loop)
	f.P("VPMOVZXBW (SI), Y0")
	f.P("VPMOVZXBW (DX), Y1")
	f.P("VPMOVZXBW (CX), Y2")
	f.P("VPSUBW Y15, Y1, Y1")
	f.P("VPSUBW Y15, Y2, Y2")
	f.P("VPUNPCKLWD Y2, Y1, Y3")
	f.P("VPUNPCKHWD Y2, Y1, Y4")
	for c := range 3 { // into Y5, Y6, Y7
		f.P("VPMADDWD Y%d, Y3, Y8", 11+c)
		f.P("VPMADDWD Y%d, Y4, Y9", 11+c)
		for _, r := range []int{8, 9} {
			f.P("VPADDD Y14, Y%d, Y%d", r, r)
			f.P("VPSRAD $16, Y%d, Y%d", r, r)
		}
		f.P("VPACKSSDW Y9, Y8, Y%d", 5+c)
		f.P("VPADDW Y0, Y%d, Y%d", 5+c, 5+c)
	}
	f.P("VPADDW Y2, Y5, Y5")
	f.P("VPSUBW Y2, Y6, Y6")
	f.P("VPADDW Y1, Y7, Y7")
	f.P("VPADDW Y1, Y7, Y7")
	f.P("VPACKUSWB Y6, Y5, Y5")
	f.P("VPACKUSWB Y7, Y7, Y7")
	for i, out := range []int{0, 1} {
		f.P("VPSHUFB %s+%d(SB), Y5, Y8", shuffles, 64*i)
		f.P("VPSHUFB %s+%d(SB), Y7, Y9", shuffles, 64*i+32)
		f.P("VPOR Y8, Y9, Y%d", out)
	}
	f.P("VMOVDQU X0, (DI)")
	f.P("VMOVQ X1, 16(DI)")
	f.P("VEXTRACTI128 $1, Y0, 24(DI)")
	f.P("VEXTRACTI128 $1, Y1, X1")
	f.P("VMOVQ X1, 40(DI)")
	f.P("ADDQ $16, SI")
	f.P("ADDQ $16, DX")
	f.P("ADDQ $16, CX")
	f.P("ADDQ $48, DI")
	f.P("DECQ BX")
	f.P("JNZ %s", loop)
	f.Return()
}

// shuffles returns controls of VPSHUFB that interleave colours: the first 16 bytes of eight pixels, of red and green and of
// blue, and then the last 8. Red lies in the first half of its register, green and blue in the second.
func shuffles() []uint32 {
	var words []uint32
	for _, from := range []int{0, 16} {
		for _, blue := range []bool{false, true} {
			var lane [16]byte
			for i := range lane {
				lane[i] = 0x80
				pixel, c := (from+i)/3, (from+i)%3
				if from+i < 24 && (c == 2) == blue {
					lane[i] = byte(pixel)
					if c > 0 {
						lane[i] += 8
					}
				}
			}
			for range 2 {
				for i := 0; i < 16; i += 4 {
					words = append(words, uint32(lane[i])|uint32(lane[i+1])<<8|uint32(lane[i+2])<<16|uint32(lane[i+3])<<24)
				}
			}
		}
	}
	return words
}

// doubleKernel emits the interpolation between 16 samples at a time and their neighbours.
func doubleKernel(f *asmgen.File) {
	rounding := f.Table("rounding", pair(8, 8), pair(7, 7))
	f.Func("doubleAVX2", "doubleAVX2 computes 32·n values of the samples from the second on.", "dst, near, far *byte", "n int")
	for _, a := range [][2]string{{"dst", "DI"}, {"near", "SI"}, {"far", "DX"}, {"n", "BX"}} {
		f.Arg(a[0], a[1])
	}
	f.P("VPBROADCASTD %s+0(SB), Y14", rounding)
	f.P("VPBROADCASTD %s+4(SB), Y15", rounding)
	loop := f.Label("loop")
	f.Mark(loop)
	for i := range 3 { // sums before, here and after
		f.P("VPMOVZXBW %d(SI), Y%d", i, i)
		f.P("VPMOVZXBW %d(DX), Y%d", i, 3+i)
		f.P("VPADDW Y%d, Y%d, Y%d", i, 3+i, 3+i)
		f.P("VPADDW Y%d, Y%d, Y%d", i, i, i)
		f.P("VPADDW Y%d, Y%d, Y%d", i, 3+i, i)
	}
	f.P("VPADDW Y1, Y1, Y3")
	f.P("VPADDW Y1, Y3, Y3")
	f.P("VPADDW Y3, Y0, Y0")
	f.P("VPADDW Y3, Y2, Y2")
	f.P("VPADDW Y14, Y0, Y0")
	f.P("VPADDW Y15, Y2, Y2")
	f.P("VPSRLW $4, Y0, Y0")
	f.P("VPSRLW $4, Y2, Y2")
	f.P("VPSLLW $8, Y2, Y2")
	f.P("VPOR Y0, Y2, Y0")
	f.P("VMOVDQU Y0, (DI)")
	f.P("ADDQ $16, SI")
	f.P("ADDQ $16, DX")
	f.P("ADDQ $32, DI")
	f.P("DECQ BX")
	f.P("JNZ %s", loop)
	f.Return()
}
