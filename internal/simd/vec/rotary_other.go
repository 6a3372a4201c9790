//go:build !amd64 || purego

package vec

func rotatePairs(x, cos, sin []float32) { rotatePairsPortable(x, cos, sin) }
