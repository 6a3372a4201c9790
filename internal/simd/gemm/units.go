package gemm

import (
	"encoding/binary"
	"math"

	"github.com/seed2010d43f/transformer/internal/half"
)

// Panels of block formats. A panel lies as units, [K/Elements], of a block for each of its outputs. A unit has, for
// each 32 of its k,
//
//	codes   [4][width][4]  k = 4i+j and 16+4i+j in the lower and upper half of byte [i][output][j]
//	planes  [n][width][4]  the higher bits of codes: for one bit, bit i of byte [0][output][j] is that of k = 4i+j; for
//	                       two, bits 2i and 2i+1 of byte [p][output][j] are those of k = 16p+4i+j
//
// or, for codes of 8 bits, [8][width][4]; and then what scales the unit, as each format below has it. That is as many
// bytes as the blocks have, and nothing is lost: restore gives the blocks of the file back. All is little-endian.

var unitsQ8_0 = int8Weights{
	tiles: q8_0Tiles,
	bias:  128,
	pack: func(unit []byte, width, col int, block []byte) {
		for i := range 8 {
			setWord(unit, i*width+col, word(block[2:], i)^0x80808080)
		}
		copy16(unit[32*width:], col, block, 0)
	},
	restore: func(block, unit []byte, width, col int) {
		copy16(block, 0, unit[32*width:], col)
		for i := range 8 {
			setWord(block[2:], i, word(unit, i*width+col)^0x80808080)
		}
	},
	read: func(p *int8Part, unit []byte, width, col, _ int) {
		for i := range 8 {
			copy(p.codes[4*i:], unit[4*(i*width+col):][:4])
		}
		p.scales[0] = f16(unit[32*width:], col)
	},
}

var unitsQ4_0 = int8Weights{
	tiles: q4_0Tiles,
	bias:  8,
	pack: func(unit []byte, width, col int, block []byte) {
		packNibbles(unit, width, col, block[2:])
		copy16(unit[16*width:], col, block, 0)
	},
	restore: func(block, unit []byte, width, col int) {
		copy16(block, 0, unit[16*width:], col)
		restoreNibbles(block[2:], unit, width, col)
	},
	read: func(p *int8Part, unit []byte, width, col, _ int) {
		p.readNibbles(unit, width, col)
		p.scales[0] = f16(unit[16*width:], col)
	},
}

// Q4_1's scales are followed by its minima, here with the other sign.
var unitsQ4_1 = int8Weights{
	tiles: q4_1Tiles,
	kind:  int8Minima,
	pack: func(unit []byte, width, col int, block []byte) {
		packNibbles(unit, width, col, block[4:])
		copy16(unit[16*width:], col, block, 0)
		copy16(unit[18*width:], col, block, 1)
	},
	restore: func(block, unit []byte, width, col int) {
		copy16(block, 0, unit[16*width:], col)
		copy16(block, 1, unit[18*width:], col)
		restoreNibbles(block[4:], unit, width, col)
	},
	read: func(p *int8Part, unit []byte, width, col, _ int) {
		p.readNibbles(unit, width, col)
		p.scales = [2]float32{f16(unit[16*width:], col), -f16(unit[18*width:], col)}
	},
}

var unitsQ5_0 = int8Weights{
	tiles: q5_0Tiles,
	bias:  16,
	pack: func(unit []byte, width, col int, block []byte) {
		packNibbles(unit, width, col, block[6:])
		setWord(unit[16*width:], col, spread(word(block[2:], 0)))
		copy16(unit[20*width:], col, block, 0)
	},
	restore: func(block, unit []byte, width, col int) {
		copy16(block, 0, unit[20*width:], col)
		setWord(block[2:], 0, gather(word(unit[16*width:], col)))
		restoreNibbles(block[6:], unit, width, col)
	},
	read: func(p *int8Part, unit []byte, width, col, _ int) {
		p.readNibbles(unit, width, col)
		p.readPlane(unit[16*width:], col, 4)
		p.scales[0] = f16(unit[20*width:], col)
	},
}

var unitsQ5_1 = int8Weights{
	tiles: q5_1Tiles,
	kind:  int8Minima,
	pack: func(unit []byte, width, col int, block []byte) {
		packNibbles(unit, width, col, block[8:])
		setWord(unit[16*width:], col, spread(word(block[4:], 0)))
		copy16(unit[20*width:], col, block, 0)
		copy16(unit[22*width:], col, block, 1)
	},
	restore: func(block, unit []byte, width, col int) {
		copy16(block, 0, unit[20*width:], col)
		copy16(block, 1, unit[22*width:], col)
		setWord(block[4:], 0, gather(word(unit[16*width:], col)))
		restoreNibbles(block[8:], unit, width, col)
	},
	read: func(p *int8Part, unit []byte, width, col, _ int) {
		p.readNibbles(unit, width, col)
		p.readPlane(unit[16*width:], col, 4)
		p.scales = [2]float32{f16(unit[20*width:], col), -f16(unit[22*width:], col)}
	},
}

// iq4nl are the values of IQ4_NL's nibbles, more by its bias.
var iq4nl = [16]uint8{1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241}

var unitsIQ4_NL = int8Weights{
	tiles: iq4_NLTiles,
	bias:  128,
	pack:  unitsQ4_0.pack, restore: unitsQ4_0.restore,
	read: func(p *int8Part, unit []byte, width, col, _ int) {
		p.readNibbles(unit, width, col)
		p.translate(&iq4nl)
		p.scales[0] = f16(unit[16*width:], col)
	},
}

// mxfp4 are twice the values of MXFP4's nibbles, more by its bias.
var mxfp4 = [16]uint8{12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0}

// MXFP4's scale is a byte e, for 2^(e−127); that of e = 0 counts as 0.
var unitsMXFP4 = int8Weights{
	tiles: mxfp4Tiles,
	bias:  12,
	pack: func(unit []byte, width, col int, block []byte) {
		packNibbles(unit, width, col, block[1:])
		unit[16*width+col] = block[0]
	},
	restore: func(block, unit []byte, width, col int) {
		block[0] = unit[16*width+col]
		restoreNibbles(block[1:], unit, width, col)
	},
	read: func(p *int8Part, unit []byte, width, col, _ int) {
		p.readNibbles(unit, width, col)
		p.translate(&mxfp4)
		scale := math.Float32frombits(uint32(unit[16*width+col]) << 23)
		p.scales[0] = scale/2 + (scale - scale) // infinity is to be NaN
	},
}

// The units of Q4_K, Q5_K and Q6_K have parts for 8 times 32 k, side by side. After those of Q4_K and Q5_K come the
// scales of scales and of minima, [2][width] of 16 bits, and the file's 12 bytes of both, [3][width][4].

var unitsQ4_K = int8Weights{
	tiles: q4_KTiles,
	kind:  int8Minima,
	pack: func(unit []byte, width, col int, block []byte) {
		packNibblesK(unit, 16*width, width, col, block[16:])
		packScalesK(unit[8*16*width:], width, col, block)
	},
	restore: func(block, unit []byte, width, col int) {
		restoreScalesK(block, unit[8*16*width:], width, col)
		restoreNibblesK(block[16:], unit, 16*width, width, col)
	},
	read: func(p *int8Part, unit []byte, width, col, i int) {
		p.readNibbles(unit[i*16*width:], width, col)
		p.readScalesK(unit[8*16*width:], width, col, i)
	},
}

var unitsQ5_K = int8Weights{
	tiles: q5_KTiles,
	kind:  int8Minima,
	pack: func(unit []byte, width, col int, block []byte) {
		packNibblesK(unit, 20*width, width, col, block[48:])
		packBits(unit[16*width:], 20*width, col, block[16:48])
		packScalesK(unit[8*20*width:], width, col, block)
	},
	restore: func(block, unit []byte, width, col int) {
		restoreScalesK(block, unit[8*20*width:], width, col)
		restoreBits(block[16:48], unit[16*width:], 20*width, col)
		restoreNibblesK(block[48:], unit, 20*width, width, col)
	},
	read: func(p *int8Part, unit []byte, width, col, i int) {
		part := unit[i*20*width:]
		p.readNibbles(part, width, col)
		p.readPlane(part[16*width:], col, 4)
		p.readScalesK(unit[8*20*width:], width, col, i)
	},
}

// After the parts of Q6_K come its scales, [16][width] of 8 bits, and theirs, [width] of 16 bits.
var unitsQ6_K = int8Weights{
	tiles: q6_KTiles,
	bias:  32, kind: int8Halves,
	pack: func(unit []byte, width, col int, block []byte) {
		for i := range 8 {
			part := unit[i*24*width:]
			// 32 k take half a byte of 32, and two bits of 32.
			low := block[i/4*64+i%2*32:]
			shift := i % 4 / 2 * 4
			for j := range 4 {
				lower, upper := word(low, j)>>shift&0x0f0f0f0f, word(low, 4+j)>>shift&0x0f0f0f0f
				setWord(part, j*width+col, lower|upper<<4)
			}
		}
		packTwoBits(unit[16*width:], 24*width, width, col, block[128:])
		tail := unit[8*24*width:]
		for i, s := range block[192:208] {
			tail[i*width+col] = s
		}
		copy16(tail[16*width:], col, block[208:], 0)
	},
	restore: func(block, unit []byte, width, col int) {
		clear(block[:128])
		for i := range 8 {
			part := unit[i*24*width:]
			low := block[i/4*64+i%2*32:]
			shift := i % 4 / 2 * 4
			for j := range 4 {
				w := word(part, j*width+col)
				setWord(low, j, word(low, j)|w&0x0f0f0f0f<<shift)
				setWord(low, 4+j, word(low, 4+j)|w>>4&0x0f0f0f0f<<shift)
			}
		}
		restoreTwoBits(block[128:192], unit[16*width:], 24*width, width, col)
		tail := unit[8*24*width:]
		for i := range 16 {
			block[192+i] = tail[i*width+col]
		}
		copy16(block[208:], 0, tail[16*width:], col)
	},
	read: func(p *int8Part, unit []byte, width, col, i int) {
		part, tail := unit[i*24*width:], unit[8*24*width:]
		p.readNibbles(part, width, col)
		p.readPlanes(part[16*width:], width, col, 4)
		d := f16(tail[16*width:], col)
		for h := range p.scales {
			p.scales[h] = d * float32(int8(tail[(2*i+h)*width+col]))
		}
	},
}

// packNibblesK sets the codes of 8 parts, pitch bytes apart, from 128 bytes: each 32 of them have two parts.
func packNibblesK(unit []byte, pitch, width, col int, src []byte) {
	for i := range 8 {
		bytes, shift := src[i/2*32:], i%2*4
		for j := range 4 {
			lower, upper := word(bytes, j)>>shift&0x0f0f0f0f, word(bytes, 4+j)>>shift&0x0f0f0f0f
			setWord(unit[i*pitch:], j*width+col, lower|upper<<4)
		}
	}
}

// restoreNibblesK is the inverse of packNibblesK.
func restoreNibblesK(dst, unit []byte, pitch, width, col int) {
	for i := range 4 {
		for j := range 4 {
			w0, w1 := word(unit[2*i*pitch:], j*width+col), word(unit[(2*i+1)*pitch:], j*width+col)
			setWord(dst[i*32:], j, w0&0x0f0f0f0f|w1&0x0f0f0f0f<<4)
			setWord(dst[i*32:], 4+j, w0>>4&0x0f0f0f0f|w1&0xf0f0f0f0)
		}
	}
}

// packBits sets the planes of 8 parts from 32 bytes, of which each has a bit of every part.
func packBits(planes []byte, pitch, col int, src []byte) {
	for i := range 8 {
		var plane uint32
		for j := range 8 {
			plane |= word(src, j) >> i & 0x01010101 << j
		}
		setWord(planes[i*pitch:], col, plane)
	}
}

// restoreBits is the inverse of packBits.
func restoreBits(dst, planes []byte, pitch, col int) {
	clear(dst)
	for i := range 8 {
		plane := word(planes[i*pitch:], col)
		for j := range 8 {
			setWord(dst, j, word(dst, j)|plane>>j&0x01010101<<i)
		}
	}
}

func packScalesK(tail []byte, width, col int, block []byte) {
	copy16(tail, col, block, 0)
	copy16(tail[2*width:], col, block, 1)
	for i := range 3 {
		setWord(tail[4*width:], i*width+col, word(block[4:], i))
	}
}

// restoreScalesK is the inverse of packScalesK.
func restoreScalesK(block, tail []byte, width, col int) {
	copy16(block, 0, tail, col)
	copy16(block, 1, tail[2*width:], col)
	for i := range 3 {
		setWord(block[4:], i, word(tail[4*width:], i*width+col))
	}
}

// readScalesK reads the scale and the minimum of part i, of 6 bits each.
func (p *int8Part) readScalesK(tail []byte, width, col, i int) {
	words := tail[4*width:]
	w0, w1, w2 := word(words, col), word(words, width+col), word(words, 2*width+col)
	shift := i % 4 * 8
	scale, minimum := w0>>shift&63, w1>>shift&63
	if i >= 4 {
		scale = w2>>shift&15 | w0>>(shift+2)&48
		minimum = w2>>(shift+4)&15 | w1>>(shift+2)&48
	}
	p.scales = [2]float32{f16(tail, col) * float32(scale), f16(tail[2*width:], col) * float32(minimum)}
}

func word(b []byte, i int) uint32       { return binary.LittleEndian.Uint32(b[4*i:]) }
func setWord(b []byte, i int, x uint32) { binary.LittleEndian.PutUint32(b[4*i:], x) }

func f16(b []byte, i int) float32 { return half.FromF16(binary.LittleEndian.Uint16(b[2*i:])) }

// copy16 copies element j of src, of 16 bits, to element i of dst.
func copy16(dst []byte, i int, src []byte, j int) { dst[2*i], dst[2*i+1] = src[2*j], src[2*j+1] }

// packNibbles sets the codes of a column from 16 bytes whose lower halves are the first 16 codes.
func packNibbles(part []byte, width, col int, src []byte) {
	for i := range 4 {
		setWord(part, i*width+col, word(src, i))
	}
}

// restoreNibbles is the inverse of packNibbles.
func restoreNibbles(dst, part []byte, width, col int) {
	for i := range 4 {
		setWord(dst, i, word(part, i*width+col))
	}
}

// readNibbles reads codes of 4 bits.
func (p *int8Part) readNibbles(part []byte, width, col int) {
	for i := range 4 {
		for j, b := range part[4*(i*width+col):][:4] {
			p.codes[4*i+j], p.codes[16+4*i+j] = b&15, b>>4
		}
	}
}

// readPlane adds to codes a bit each, their bit at.
func (p *int8Part) readPlane(plane []byte, col, at int) {
	for j, b := range plane[4*col:][:4] {
		for i := range 8 {
			p.codes[4*i+j] |= b >> i & 1 << at
		}
	}
}

// readPlanes adds two bits each.
func (p *int8Part) readPlanes(planes []byte, width, col, at int) {
	for h := range 2 {
		for j, b := range planes[4*(h*width+col):][:4] {
			for i := range 4 {
				p.codes[16*h+4*i+j] |= b >> (2 * i) & 3 << at
			}
		}
	}
}

// translate replaces codes by what a table has for them.
func (p *int8Part) translate(table *[16]uint8) {
	for i, c := range p.codes {
		p.codes[i] = table[c]
	}
}

// spread moves bit 4i+j of 32 to bit i of byte j; gather is its inverse.
func spread(bits uint32) (plane uint32) {
	for j := range 4 {
		x := bits >> j & 0x11111111
		x = (x | x>>3) & 0x03030303
		x = (x | x>>6) & 0x000f000f
		plane |= (x | x>>12) & 0xff << (8 * j)
	}
	return plane
}

func gather(plane uint32) (bits uint32) {
	for j := range 4 {
		x := plane >> (8 * j) & 0xff
		x = (x | x<<12) & 0x000f000f
		x = (x | x<<6) & 0x03030303
		bits |= (x | x<<3) & 0x11111111 << j
	}
	return bits
}
