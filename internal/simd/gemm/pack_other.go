//go:build !amd64 || purego

package gemm

func pack32(panel []byte, width, col, rows, k int, src []byte, stride int) {
	pack32Portable(words[float32](panel)[col:], width, rows, k, stride, src)
}

func pack16(panel []byte, width, col, rows, k int, src []byte, stride int) {
	pack16Portable(words[uint16](panel)[col:], width, rows, k, stride, src)
}

func packTile(dst []float32, n int, x []float32, have, ldx, k int) {
	packTilePortable(dst, n, x, have, ldx, k)
}

func quantizeInt8(dst []float32, pitch int, x []float32) { quantizePortable(dst, pitch, x) }
