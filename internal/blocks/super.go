package blocks

import "encoding/binary"

// The K formats have blocks of 256 elements, whose groups of 16 or 32 have scales, and some of them minima, of a few
// bits: small integers that a float16 multiplies.

// DecodeQ2_K: 256 elements in 84 bytes: for each 16 elements four bits of scale and four of minimum; two bits each, as
// in TQ2_0; float16 factors of the scales and of the minima.
func DecodeQ2_K(dst []float32, blocks []byte) {
	for ; len(dst) >= 256 && len(blocks) >= 84; dst, blocks = dst[256:], blocks[84:] {
		d, dmin := f16(blocks[80:]), f16(blocks[82:])
		for part := range 2 {
			var tables [8][4]float32
			for i, s := range (*[8]byte)(blocks[8*part:]) {
				scale, least := d*float32(s&15), dmin*float32(s>>4)
				for q := range tables[i] {
					tables[i][q] = float32(scale*float32(q)) - float32(least)
				}
			}
			quarters((*[128]float32)(dst[128*part:]), (*[32]byte)(blocks[16+32*part:]), &tables)
		}
	}
}

// DecodeQ3_K: 256 elements in 110 bytes: the upper bit of each, bit i of byte j that of element 32i+j; two bits each,
// as in TQ2_0; six bits of scale for each 16 elements; a float16 factor.
func DecodeQ3_K(dst []float32, blocks []byte) {
	for ; len(dst) >= 256 && len(blocks) >= 110; dst, blocks = dst[256:], blocks[110:] {
		d, scales, high := f16(blocks[108:]), scalesQ3_K((*[12]byte)(blocks[96:])), (*[32]byte)(blocks)
		for i, s := range scales {
			scale := d * float32(int32(s)-32)
			var table [8]float32
			for q := range table {
				table[q] = scale * float32(q-4)
			}
			low, shift := (*[16]byte)(blocks[32+i/8*32+i%2*16:]), i%8/2*2
			out, upper := (*[16]float32)(dst[16*i:]), (*[16]byte)(high[i%2*16:])
			for j, c := range low {
				out[j] = table[c>>shift&3|upper[j]>>(i/2)&1<<2]
			}
		}
	}
}

// scalesQ3_K returns sixteen scales of six bits: the lower four of the first eight are the lower nibbles of the first
// eight bytes, those of the others the upper nibbles; the upper bits are in the last four bytes.
func scalesQ3_K(b *[12]byte) (scales [16]byte) {
	for i := range scales {
		scales[i] = b[i%8]>>(i/8*4)&15 | b[8+i%4]>>(i/4*2)&3<<4
	}
	return scales
}

// scalesK returns eight scales and minima of six bits. The first four of each are in the lower six bits of a byte of
// their own; the others have the lower four in a shared byte, the upper two above those.
func scalesK(b *[12]byte) (scales, minima [8]byte) {
	for i := range 4 {
		scales[i], minima[i] = b[i]&63, b[i+4]&63
		scales[i+4] = b[i+8]&15 | b[i]>>6<<4
		minima[i+4] = b[i+8]>>4 | b[i+4]>>6<<4
	}
	return scales, minima
}

// DecodeQ4_K: 256 elements in 144 bytes: float16 factors of the scales and of the minima; six bits of scale and of
// minimum for each 32 elements; nibbles. Each 32 bytes hold 64 elements, byte i elements i, lower, and i+32.
func DecodeQ4_K(dst []float32, blocks []byte) {
	for ; len(dst) >= 256 && len(blocks) >= 144; dst, blocks = dst[256:], blocks[144:] {
		d, dmin := f16(blocks), f16(blocks[2:])
		scales, minima := scalesK((*[12]byte)(blocks[4:]))
		for i, s := range scales {
			table, least := scaled(&unsigned4, d*float32(s)), dmin*float32(minima[i])
			for q, v := range table {
				table[q] = v - float32(least)
			}
			out, shift := (*[32]float32)(dst[32*i:]), i%2*4
			for j, c := range (*[32]byte)(blocks[16+i/2*32:]) {
				out[j] = table[c>>shift&15]
			}
		}
	}
}

// DecodeQ5_K: 256 elements in 176 bytes: as Q4_K, but that the fifth bits come before the nibbles, bit i of byte j that
// of element 32i+j.
func DecodeQ5_K(dst []float32, blocks []byte) {
	for ; len(dst) >= 256 && len(blocks) >= 176; dst, blocks = dst[256:], blocks[176:] {
		d, dmin := f16(blocks), f16(blocks[2:])
		scales, minima := scalesK((*[12]byte)(blocks[4:]))
		high := (*[32]byte)(blocks[16:])
		for i, s := range scales {
			scale, least := d*float32(s), dmin*float32(minima[i])
			out, shift := (*[32]float32)(dst[32*i:]), i%2*4
			for j, c := range (*[32]byte)(blocks[48+i/2*32:]) {
				out[j] = float32(scale*float32(int32(c>>shift&15|high[j]>>i&1<<4))) - float32(least)
			}
		}
	}
}

// DecodeQ6_K: 256 elements in 210 bytes: nibbles; two upper bits each; a signed byte of scale for each 16 elements; a
// float16 factor. Of each 128 elements the nibbles are 64 bytes, byte i elements i, lower, and i+64; the upper bits are
// 32 bytes, as in TQ2_0.
func DecodeQ6_K(dst []float32, blocks []byte) {
	for ; len(dst) >= 256 && len(blocks) >= 210; dst, blocks = dst[256:], blocks[210:] {
		d := f16(blocks[208:])
		for i, s := range (*[16]byte)(blocks[192:]) {
			scale := d * float32(int8(s))
			part, group := i/8, i%8 // group/2 is which 32 of 128
			low, lowShift := (*[16]byte)(blocks[64*part+group%4*16:]), group/4*4
			high, highShift := (*[16]byte)(blocks[128+32*part+group%2*16:]), group/2*2
			out := (*[16]float32)(dst[16*i:])
			for j, c := range low {
				out[j] = scale * float32(int32(c>>lowShift&15|high[j]>>highShift&3<<4)-32)
			}
		}
	}
}

// DecodeIQ4_XS: 256 elements in 136 bytes: a float16 factor; for each 32 elements the upper two of six bits of scale,
// then the lower four; nibbles that stand for [nonlinear] values, 16 bytes for 32 elements as in IQ4_NL.
func DecodeIQ4_XS(dst []float32, blocks []byte) {
	for ; len(dst) >= 256 && len(blocks) >= 136; dst, blocks = dst[256:], blocks[136:] {
		d, high := f16(blocks), binary.LittleEndian.Uint16(blocks[2:])
		for i := range 8 {
			scale := int32(blocks[4+i/2]>>(i%2*4)&15) | int32(high>>(2*i)&3)<<4
			table := scaled(&nonlinear, d*float32(scale-32))
			nibbles((*[32]float32)(dst[32*i:]), (*[16]byte)(blocks[8+16*i:]), &table)
		}
	}
}
