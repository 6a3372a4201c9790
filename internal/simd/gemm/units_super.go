package gemm

import "encoding/binary"

// Formats with blocks of 256 whose scales are of 4 or 6 bits for each 16 or 32 elements. In units of Q2_K and Q3_K the two lower
// bits of codes lie as planes of two bits do, [2][width][4], and the third bits as a plane of one.

// IQ4_XS is IQ4_NL with scales of 6 bits, less 32, by one of float16. After the parts come that, the upper two bits of
// the scales, both [width] of 16 bits, and their lower four, [width][4].
var unitsIQ4_XS = int8Weights{
	tiles: iq4_XSTiles,
	bias:  128,
	pack: func(unit []byte, width, col int, block []byte) {
		for i := range 8 {
			packNibbles(unit[16*i*width:], width, col, block[8+16*i:])
		}
		tail := unit[128*width:]
		copy16(tail, col, block, 0)
		copy16(tail[2*width:], col, block, 1)
		setWord(tail[4*width:], col, word(block, 1))
	},
	restore: func(block, unit []byte, width, col int) {
		tail := unit[128*width:]
		copy16(block, 0, tail, col)
		copy16(block, 1, tail[2*width:], col)
		setWord(block, 1, word(tail[4*width:], col))
		for i := range 8 {
			restoreNibbles(block[8+16*i:], unit[16*i*width:], width, col)
		}
	},
	read: func(p *int8Part, unit []byte, width, col, i int) {
		p.readNibbles(unit[16*i*width:], width, col)
		p.translate(&iq4nl)
		tail := unit[128*width:]
		low := word(tail[4*width:], col) >> (4 * i) & 15
		high := binary.LittleEndian.Uint16(tail[2*(width+col):]) >> (2 * i) & 3
		p.scales[0] = f16(tail, col) * float32(int(low)|int(high)<<4-32)
	},
}

// Q3_K has scales of 6 bits, less 32, by one of float16. After the parts come the 12 bytes of the scales, [3][width][4],
// and that.
var unitsQ3_K = int8Weights{
	tiles: q3_KTiles,
	bias:  4, kind: int8Halves,
	pack: func(unit []byte, width, col int, block []byte) {
		packTwoBits(unit, 12*width, width, col, block[32:])
		packBits(unit[8*width:], 12*width, col, block[:32])
		tail := unit[96*width:]
		for i := range 3 {
			setWord(tail, i*width+col, word(block[96:], i))
		}
		copy16(tail[12*width:], col, block[108:], 0)
	},
	restore: func(block, unit []byte, width, col int) {
		restoreTwoBits(block[32:96], unit, 12*width, width, col)
		restoreBits(block[:32], unit[8*width:], 12*width, col)
		tail := unit[96*width:]
		for i := range 3 {
			setWord(block[96:], i, word(tail, i*width+col))
		}
		copy16(block[108:], 0, tail[12*width:], col)
	},
	read: func(p *int8Part, unit []byte, width, col, i int) {
		part, tail := unit[12*i*width:], unit[96*width:]
		p.readTwoBits(part, width, col)
		p.readPlane(part[8*width:], col, 2)
		for h := range p.scales {
			at := 2*i + h // four bits of 16 scales in 8 bytes, then two bits in 4
			low := word(tail, at%8/4*width+col) >> (at%4*8 + at/8*4) & 15
			high := word(tail, 2*width+col) >> (at%4*8 + at/4*2) & 3
			p.scales[h] = f16(tail[12*width:], col) * float32(int(low|high<<4)-32)
		}
	},
}

// Q2_K has scales and minima of 4 bits, by one of float16 each. After the parts come the 16 bytes of both, [4][width][4],
// and those two, [2][width].
var unitsQ2_K = int8Weights{
	tiles: q2_KTiles,
	kind:  int8Quarters,
	pack: func(unit []byte, width, col int, block []byte) {
		packTwoBits(unit, 8*width, width, col, block[16:])
		tail := unit[64*width:]
		for i := range 4 {
			setWord(tail, i*width+col, word(block, i))
		}
		copy16(tail[16*width:], col, block[80:], 0)
		copy16(tail[18*width:], col, block[80:], 1)
	},
	restore: func(block, unit []byte, width, col int) {
		restoreTwoBits(block[16:80], unit, 8*width, width, col)
		tail := unit[64*width:]
		for i := range 4 {
			setWord(block, i, word(tail, i*width+col))
		}
		copy16(block[80:], 0, tail[16*width:], col)
		copy16(block[80:], 1, tail[18*width:], col)
	},
	read: func(p *int8Part, unit []byte, width, col, i int) {
		tail := unit[64*width:]
		p.readTwoBits(unit[8*i*width:], width, col)
		both := word(tail, i/2*width+col) >> (i % 2 * 16)
		for h := range p.scales {
			p.scales[h] = f16(tail[16*width:], col) * float32(both>>(8*h)&15)
			p.minima[h] = f16(tail[18*width:], col) * float32(both>>(8*h+4)&15)
		}
	},
}

// packTwoBits sets the lower bits of 8 parts, pitch bytes apart, from 64 bytes: each 32 of them have four parts.
func packTwoBits(unit []byte, pitch, width, col int, src []byte) {
	for i := range 8 {
		for h := range 2 {
			var plane uint32
			for j := range 4 {
				plane |= word(src[i/4*32:], 4*h+j) >> (2 * (i % 4)) & 0x03030303 << (2 * j)
			}
			setWord(unit[i*pitch:], h*width+col, plane)
		}
	}
}

// restoreTwoBits is the inverse of packTwoBits.
func restoreTwoBits(dst, unit []byte, pitch, width, col int) {
	clear(dst)
	for i := range 8 {
		for h := range 2 {
			plane := word(unit[i*pitch:], h*width+col)
			for j := range 4 {
				at := dst[i/4*32:]
				setWord(at, 4*h+j, word(at, 4*h+j)|plane>>(2*j)&0x03030303<<(2*(i%4)))
			}
		}
	}
}

// readTwoBits reads codes of two bits.
func (p *int8Part) readTwoBits(planes []byte, width, col int) {
	clear(p.codes[:])
	p.readPlanes(planes, width, col, 0)
}
