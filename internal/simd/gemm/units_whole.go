package gemm

import "encoding/binary"

// Formats whose blocks stay whole in a unit, side by side, and are taken apart by Go alone: what that costs is divided
// by the rows that are multiplied.

// packWhole and restoreWhole are pack and restore for blocks of so many bytes.
func packWhole(bytes int) func(unit []byte, width, col int, block []byte) {
	return func(unit []byte, _, col int, block []byte) { copy(unit[col*bytes:][:bytes], block) }
}

func restoreWhole(bytes int) func(block, unit []byte, width, col int) {
	return func(block, unit []byte, _, col int) { copy(block, unit[col*bytes:][:bytes]) }
}

// IQ4_XS is IQ4_NL with scales of 6 bits, less 32, by one of float16 for 256 elements.
var unitsIQ4_XS = int8Weights{
	tiles: iq4_XSTiles,
	bias:  128,
	pack:  packWhole(136), restore: restoreWhole(136),
	read: func(p *int8Part, unit []byte, _, col, i int) {
		block := unit[col*136:][:136]
		for j, b := range block[8+16*i:][:16] {
			p.codes[j], p.codes[16+j] = iq4nl[b&15], iq4nl[b>>4]
		}
		low, high := block[4+i/2]>>(i%2*4)&15, byte(binary.LittleEndian.Uint16(block[2:])>>(2*i)&3)
		p.scales[0] = f16(block, 0) * float32(int(low|high<<4)-32)
	},
}

// Q3_K has codes of two bits and one, and for each 16 a scale of 6 bits, less 32.
var unitsQ3_K = int8Weights{
	tiles: q3_KTiles,
	bias:  4, kind: int8Halves,
	pack: packWhole(110), restore: restoreWhole(110),
	read: func(p *int8Part, unit []byte, _, col, i int) {
		block := unit[col*110:][:110]
		for j, b := range block[32+i/4*32:][:32] {
			p.codes[j] = b>>(i%4*2)&3 | block[j]>>i&1<<2
		}
		scales, d := block[96:108], f16(block[108:], 0)
		for h := range p.scales {
			at := 2*i + h // four bits of 16 scales in 8 bytes, then two bits in 4
			low, high := scales[at%8]>>(at/8*4)&15, scales[8+at%4]>>(at/4*2)&3
			p.scales[h] = d * float32(int(low|high<<4)-32)
		}
	},
}
