package gemm

import "github.com/seed2010d43f/transformer/internal/half"

// e2m1 are the values of four bits without the sign: two bits of exponent, one of mantissa.
var e2m1 = [8]float32{0, 0.5, 1, 1.5, 2, 3, 4, 6}

// decodeMXFP4 decodes blocks of MXFP4 (OCP Microscaling Formats, version 1.0). A block is a byte s and then 16 bytes
// of two elements each, the even one in the lower four bits. All are multiplied by 2^(s−127); s = 255 is NaN. The
// result is exact in bfloat16 too, but for what exceeds both: s = 254 times 2 or more is infinite.
func decodeMXFP4(dst []float32, blocks []byte) {
	for ; len(blocks) > 0; dst, blocks = dst[32:], blocks[17:] {
		scale := half.FromE8M0(blocks[0])
		signed := [2]float32{scale, -scale}
		codes, out := (*[16]byte)(blocks[1:17]), (*[32]float32)(dst)
		for i, b := range codes {
			out[2*i] = e2m1[b&7] * signed[b>>3&1]
			out[2*i+1] = e2m1[b>>4&7] * signed[b>>7]
		}
	}
}
