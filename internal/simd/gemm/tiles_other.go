//go:build !amd64 || purego

package gemm

var (
	f32Tiles       = [...]tiles{{set: portableF32, fetches: 1}}
	f16Tiles       [0]tiles
	bf16Tiles      [0]tiles
	bf16PairsTiles = [...]tiles{{set: portableBF16Pairs, fetches: 1}}
	int8Tiles      = [...]tiles{{set: portableInt8, expands: true, fetches: 1}}
)

func (t *tile) multiply(c, a []float32) { t.multiplyPortable(c, a) }

func peak(n int) float64 { return peakPortable(n) }

func read(buf []float32) float32 { return readPortable(buf) }
