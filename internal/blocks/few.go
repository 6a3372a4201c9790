package blocks

import "math"

var negativeZero = float32(math.Copysign(0, -1))

// DecodeNVFP4: 64 elements in 36 bytes, a scale for each 16 of them and nibbles that are floats. A scale is a float of
// 8 bits without a sign, 4 of exponent and 3 of mantissa. Each 16 elements have 8 bytes, of which byte i holds
// elements i, lower, and i+8.
func DecodeNVFP4(dst []float32, blocks []byte) {
	for ; len(dst) >= 64 && len(blocks) >= 36; dst, blocks = dst[64:], blocks[36:] {
		for s, scale := range blocks[:4] {
			table := scaled(&e2m1, unsignedE4M3(scale))
			out := (*[16]float32)(dst[16*s:])
			for i, c := range (*[8]byte)(blocks[4+8*s:]) {
				out[i] = table[c&15]
				out[i+8] = table[c>>4]
			}
		}
	}
}

// unsignedE4M3 returns a scale of NVFP4. Its upper bit is not looked at, but that 0x7F is 0, not NaN.
func unsignedE4M3(b byte) float32 {
	exponent, mantissa := int(b>>3&15), float64(b&7)
	switch {
	case b == 0x7F:
		return 0
	case exponent == 0:
		return float32(math.Ldexp(mantissa, -9))
	}
	return float32(math.Ldexp(8+mantissa, exponent-10))
}

// DecodeQ1_0: 128 elements in 18 bytes, a float16 scale and a bit each: minus the scale, or the scale.
func DecodeQ1_0(dst []float32, blocks []byte) {
	for ; len(dst) >= 128 && len(blocks) >= 18; dst, blocks = dst[128:], blocks[18:] {
		scale := f16(blocks)
		table := [2]float32{-scale, scale}
		for i, c := range (*[16]byte)(blocks[2:]) {
			out := (*[8]float32)(dst[8*i:])
			for j := range out {
				out[j] = table[c>>j&1]
			}
		}
	}
}

// DecodeQ2_0: 64 elements in 18 bytes, a float16 scale and two bits each: −1, 0, 1 or 2 times the scale.
func DecodeQ2_0(dst []float32, blocks []byte) {
	for ; len(dst) >= 64 && len(blocks) >= 18; dst, blocks = dst[64:], blocks[18:] {
		scale := f16(blocks)
		table := [4]float32{-scale, 0 * scale, scale, 2 * scale}
		for i, c := range (*[16]byte)(blocks[2:]) {
			out := (*[4]float32)(dst[4*i:])
			out[0], out[1], out[2], out[3] = table[c&3], table[c>>2&3], table[c>>4&3], table[c>>6]
		}
	}
}

// DecodeTQ1_0: 256 elements in 54 bytes, digits to the base of 3 and a float16 scale: −1, 0 or 1 times the scale. A
// byte holds five digits, ⌈256·n/243⌉ of their number n, the last four bytes only four. Digits of the same place in 32
// bytes are neighbours; then in 16; then in 4.
func DecodeTQ1_0(dst []float32, blocks []byte) {
	for ; len(dst) >= 256 && len(blocks) >= 54; dst, blocks = dst[256:], blocks[54:] {
		scale := f16(blocks[52:])
		table := [4]float32{-scale, 0 * scale, scale}
		digits(dst, blocks[:32], 5, &table)
		digits(dst[160:], blocks[32:48], 5, &table)
		digits(dst[240:], blocks[48:52], 4, &table)
	}
}

// digits sets dst to the first n digits of codes: of all codes the first, then of all the second.
func digits(dst []float32, codes []byte, n int, table *[4]float32) {
	power := byte(1)
	for range n {
		for i, c := range codes {
			dst[i] = table[uint16(c*power)*3>>8]
		}
		dst, power = dst[len(codes):], power*3
	}
}

// DecodeTQ2_0: 256 elements in 66 bytes, two bits each and a float16 scale: −1, 0, 1 or 2 times the scale. Each 32
// bytes hold 128 elements, byte i elements i, i+32, i+64 and i+96.
func DecodeTQ2_0(dst []float32, blocks []byte) {
	for ; len(dst) >= 256 && len(blocks) >= 66; dst, blocks = dst[256:], blocks[66:] {
		scale := f16(blocks[64:])
		var tables [8][4]float32
		for i := range tables {
			tables[i] = [4]float32{-scale, 0 * scale, scale, 2 * scale}
		}
		quarters((*[128]float32)(dst), (*[32]byte)(blocks), &tables)
		quarters((*[128]float32)(dst[128:]), (*[32]byte)(blocks[32:]), &tables)
	}
}

// quarters sets dst to the two-bit codes, byte i of which has elements i, i+32, i+64 and i+96. Each 16 elements have a
// table of their own.
func quarters(dst *[128]float32, codes *[32]byte, tables *[8][4]float32) {
	for i := range tables {
		t, out, shift := &tables[i], (*[16]float32)(dst[16*i:]), i/2*2
		for j, c := range (*[16]byte)(codes[i%2*16:]) {
			out[j] = t[c>>shift&3]
		}
	}
}
