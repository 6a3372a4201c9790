package gemm

import (
	"encoding/binary"
	"math"
)

// The portable packing functions transpose rows × n elements, with rows stride bytes apart, into the first
// columns of dst, [n][width].

func pack32Portable(dst []float32, width, rows, n, stride int, src []byte) {
	for r := range rows {
		row := src[r*stride:][:n*4]
		for i := range n {
			dst[i*width+r] = math.Float32frombits(binary.LittleEndian.Uint32(row[i*4:]))
		}
	}
}

func pack16Portable(dst []uint16, width, rows, n, stride int, src []byte) {
	for r := range rows {
		row := src[r*stride:][:n*2]
		for i := range n {
			dst[i*width+r] = binary.LittleEndian.Uint16(row[i*2:])
		}
	}
}

// packTilePortable packs a tile of n rows of k, of which the first have exist.
func packTilePortable(dst []float32, n int, x []float32, have, ldx, k int) {
	for r := range n {
		for i, v := range x[min(r, have-1)*ldx:][:k] {
			dst[i*n+r] = v
		}
	}
}
