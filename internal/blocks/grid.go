package blocks

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"sync"

	"github.com/seed2010d43f/transformer/internal/half"
)

// In the IQ formats a code is the number of a point of a grid: neighbours whose magnitudes, or values, occur together.
// A point is a number that holds the index of each coordinate's value, the first lowest, in two bits or three.

var (
	pointsIQ2_XXS = sync.OnceValue(func() *[256]uint16 { return (*[256]uint16)(points(gridIQ2_XXS)) })
	pointsIQ2_XS  = sync.OnceValue(func() *[512]uint16 { return (*[512]uint16)(points(gridIQ2_XS)) })
	pointsIQ2_S   = sync.OnceValue(func() *[1024]uint16 { return (*[1024]uint16)(points(gridIQ2_S)) })
	pointsIQ3_XXS = sync.OnceValue(func() *[256]uint16 { return (*[256]uint16)(points(gridIQ3_XXS)) })
	pointsIQ3_S   = sync.OnceValue(func() *[512]uint16 { return (*[512]uint16)(points(gridIQ3_S)) })
	pointsIQ1     = sync.OnceValue(func() *[2048]uint16 { return (*[2048]uint16)(points(gridIQ1)) })
)

// points returns the points of a grid.
func points(grid string) []uint16 {
	b, err := base64.RawStdEncoding.DecodeString(grid)
	if err != nil {
		panic(err)
	}
	var all []uint16
	for last := uint16(0); len(b) > 0; {
		step, n := binary.Uvarint(b)
		last += uint16(step)
		all, b = append(all, last), b[n:]
	}
	return all
}

// withSigns sets the first half of table to scale times the values, the second to the same with the other sign.
func withSigns(table, values []float32, scale float32) {
	for i, v := range values {
		table[i], table[i+len(values)] = scale*v, -(scale * v)
	}
}

// eight sets dst to the coordinates of a point, two bits each, with signs of a bit each.
func eight(dst *[8]float32, point uint16, signs byte, table *[8]float32) {
	for i := range dst {
		dst[i] = table[point>>(2*i)&3|uint16(signs>>i&1)<<2]
	}
}

// fours sets dst to the coordinates of two points, three bits each, with signs of a bit each.
func fours(dst *[8]float32, first, second uint16, signs byte, table *[16]float32) {
	point := uint32(first) | uint32(second)<<12
	for i := range dst {
		dst[i] = table[point>>(3*i)&7|uint32(signs>>i&1)<<3]
	}
}

// evenSigns returns the signs of eight elements of which seven are stored: an even number of them is negative.
func evenSigns(seven uint32) byte {
	return byte(seven&127) | byte(bits.OnesCount32(seven&127)&1)<<7
}

var (
	magnitudesIQ2     = [4]float32{8, 25, 43}
	magnitudesIQ3_XXS = [8]float32{4, 12, 20, 28, 36, 44, 52, 62}
	magnitudesIQ3_S   = [8]float32{1, 3, 5, 7, 9, 11, 13, 15}
)

// DecodeIQ2_XXS: 256 elements in 66 bytes: a float16 factor; for each 32 elements four points, four times seven signs,
// four bits of scale.
func DecodeIQ2_XXS(dst []float32, blocks []byte) {
	grid := pointsIQ2_XXS()
	for ; len(dst) >= 256 && len(blocks) >= 66; dst, blocks = dst[256:], blocks[66:] {
		d := f16(blocks)
		for i := range 8 {
			b := blocks[2+8*i:]
			rest := binary.LittleEndian.Uint32(b[4:])
			var table [8]float32
			withSigns(table[:], magnitudesIQ2[:], d*(0.5+float32(rest>>28))*0.25)
			for j, p := range (*[4]byte)(b) {
				eight((*[8]float32)(dst[32*i+8*j:]), grid[p], evenSigns(rest>>(7*j)), &table)
			}
		}
	}
}

// DecodeIQ2_XS: 256 elements in 74 bytes: a float16 factor; for each eight elements nine bits of point and seven signs;
// four bits of scale for each 16 elements.
func DecodeIQ2_XS(dst []float32, blocks []byte) {
	grid := pointsIQ2_XS()
	for ; len(dst) >= 256 && len(blocks) >= 74; dst, blocks = dst[256:], blocks[74:] {
		d := f16(blocks)
		for i := range 16 {
			var table [8]float32
			withSigns(table[:], magnitudesIQ2[:], d*(0.5+float32(blocks[66+i/2]>>(i%2*4)&15))*0.25)
			for j := range 2 {
				code := binary.LittleEndian.Uint16(blocks[2+4*i+2*j:])
				eight((*[8]float32)(dst[16*i+8*j:]), grid[code&511], evenSigns(uint32(code>>9)), &table)
			}
		}
	}
}

// DecodeIQ2_S: 256 elements in 82 bytes: a float16 factor; for each eight elements the lower bits of a point, then the
// signs, then two upper bits of the point; four bits of scale for each 16 elements.
func DecodeIQ2_S(dst []float32, blocks []byte) {
	grid := pointsIQ2_S()
	for ; len(dst) >= 256 && len(blocks) >= 82; dst, blocks = dst[256:], blocks[82:] {
		d := f16(blocks)
		for i := range 16 {
			var table [8]float32
			withSigns(table[:], magnitudesIQ2[:], d*(0.5+float32(blocks[74+i/2]>>(i%2*4)&15))*0.25)
			for j := 2 * i; j < 2*i+2; j++ {
				p := uint16(blocks[2+j]) | uint16(blocks[66+j/4]>>(j%4*2)&3)<<8
				eight((*[8]float32)(dst[8*j:]), grid[p], blocks[34+j], &table)
			}
		}
	}
}

// DecodeIQ3_XXS: 256 elements in 98 bytes: a float16 factor; a point for each four elements; for each 32 elements four
// times seven signs and four bits of scale.
func DecodeIQ3_XXS(dst []float32, blocks []byte) {
	grid := pointsIQ3_XXS()
	for ; len(dst) >= 256 && len(blocks) >= 98; dst, blocks = dst[256:], blocks[98:] {
		d := f16(blocks)
		for i := range 8 {
			rest := binary.LittleEndian.Uint32(blocks[66+4*i:])
			var table [16]float32
			withSigns(table[:], magnitudesIQ3_XXS[:], d*(0.5+float32(rest>>28))*0.5)
			for j := range 4 {
				p := blocks[2+8*i+2*j:]
				fours((*[8]float32)(dst[32*i+8*j:]), grid[p[0]], grid[p[1]], evenSigns(rest>>(7*j)), &table)
			}
		}
	}
}

// DecodeIQ3_S: 256 elements in 110 bytes: a float16 factor; for each four elements the lower bits of a point, then its
// upper bit; the signs; four bits of scale for each 32 elements.
func DecodeIQ3_S(dst []float32, blocks []byte) {
	grid := pointsIQ3_S()
	for ; len(dst) >= 256 && len(blocks) >= 110; dst, blocks = dst[256:], blocks[110:] {
		d := f16(blocks)
		for i := range 8 {
			var table [16]float32
			withSigns(table[:], magnitudesIQ3_S[:], d*float32(1+2*int32(blocks[106+i/2]>>(i%2*4)&15)))
			high := uint16(blocks[66+i])
			for j := range 4 {
				p := blocks[2+8*i+2*j:]
				first, second := uint16(p[0])|high>>(2*j)&1<<8, uint16(p[1])|high>>(2*j+1)&1<<8
				fours((*[8]float32)(dst[32*i+8*j:]), grid[first], grid[second], blocks[74+4*i+j], &table)
			}
		}
	}
}

// shiftedSigns sets the table to scale times −1, 0 and 1, all moved up by an eighth, or down.
func shiftedSigns(table *[8]float32, scale float32, down bool) {
	shift := float32(0.125)
	if down {
		shift = -shift
	}
	for i := range 3 {
		table[i] = scale * (float32(i-1) + shift)
	}
}

// DecodeIQ1_S: 256 elements in 50 bytes: a float16 factor; for each eight elements the lower bits of a point; for each
// 32 elements four times three upper bits, three bits of scale, and which way the values move.
func DecodeIQ1_S(dst []float32, blocks []byte) {
	grid := pointsIQ1()
	for ; len(dst) >= 256 && len(blocks) >= 50; dst, blocks = dst[256:], blocks[50:] {
		d := f16(blocks)
		for i := range 8 {
			high := binary.LittleEndian.Uint16(blocks[34+2*i:])
			var table [8]float32
			shiftedSigns(&table, d*float32(2*(high>>12&7)+1), high>>15 == 1)
			for j, low := range (*[4]byte)(blocks[2+4*i:]) {
				eight((*[8]float32)(dst[32*i+8*j:]), grid[uint16(low)|high>>(3*j)&7<<8], 0, &table)
			}
		}
	}
}

// DecodeIQ1_M: 256 elements in 56 bytes: for each eight elements the lower bits of a point; then four bits, three of
// the point and which way the values move; three bits of scale for each 16 elements, in four words of 16 bits, of
// which the upper four bits make a float16 factor.
func DecodeIQ1_M(dst []float32, blocks []byte) {
	grid := pointsIQ1()
	for ; len(dst) >= 256 && len(blocks) >= 56; dst, blocks = dst[256:], blocks[56:] {
		var words [4]uint16
		var factor uint16
		for i := range words {
			words[i] = binary.LittleEndian.Uint16(blocks[48+2*i:])
			factor |= words[i] >> 12 << (4 * i)
		}
		d := half.FromF16(factor)
		for i := range 16 {
			scale := d * float32(2*(words[i/4]>>(3*(i%4))&7)+1)
			for j, low := range (*[2]byte)(blocks[2*i:]) {
				high := uint16(blocks[32+i] >> (4 * j) & 15)
				var table [8]float32
				shiftedSigns(&table, scale, high>>3 == 1)
				eight((*[8]float32)(dst[16*i+8*j:]), grid[uint16(low)|high&7<<8], 0, &table)
			}
		}
	}
}
