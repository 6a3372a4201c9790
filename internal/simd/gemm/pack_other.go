//go:build !amd64 || purego

package gemm

func packBytes32(dst []float32, width, rows, k int, src []byte) {
	packBytes32Generic(dst, width, rows, k, k, src)
}

func packBytes16(dst []uint16, width, rows, k int, src []byte) {
	packBytes16Generic(dst, width, rows, k, k, src)
}

func packFloats(dst []float32, width, rows, k int, src []float32) {
	packGeneric(dst, width, rows, k, k, src)
}

func packHalves(dst []uint16, width, rows, k int, src []uint16) {
	packGeneric(dst, width, rows, k, k, src)
}

func packTile(dst []float32, n int, x []float32, have, ldx, k int) {
	packTileGeneric(dst, n, x, have, ldx, k)
}
