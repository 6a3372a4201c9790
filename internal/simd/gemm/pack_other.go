//go:build !amd64 || purego

package gemm

func pack32(panel []byte, width, col, rows, k int, src []byte) {
	pack32Portable(words[float32](panel)[col:], width, rows, k, src)
}

func pack16(panel []byte, width, col, rows, k int, src []byte) {
	pack16Portable(words[uint16](panel)[col:], width, rows, k, k, src)
}

func packTile(dst []float32, n int, x []float32, have, ldx, k int) {
	packTilePortable(dst, n, x, have, ldx, k)
}
