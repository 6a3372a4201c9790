//go:build !amd64 || purego

package gemm

var (
	f32Tiles       = [...]tiles{{set: portableF32, fetches: 1}}
	f16Tiles       [0]tiles
	bf16Tiles      [0]tiles
	bf16PairsTiles = [...]tiles{{set: portableBF16Pairs, fetches: 1}}

	q4_0Tiles, q4_1Tiles, q5_0Tiles, q5_1Tiles, q8_0Tiles = int8Tiles, int8Tiles, int8Tiles, int8Tiles, int8Tiles
	q4_KTiles, q5_KTiles, q6_KTiles                       = int8Tiles, int8Tiles, int8Tiles
	iq4_NLTiles, iq4_XSTiles, mxfp4Tiles                  = int8Tiles, int8Tiles, int8Tiles
	q2_KTiles, q3_KTiles                                  = int8Tiles, int8Tiles
	int8Tiles                                             = []tiles{{set: portableInt8, expands: true}}
)

func (f *Format) expandFast(dst []float32, part []byte, width int, t *tiles, d *decoded) bool {
	return false
}

func (f *Format) unpackFast(dst []float32, part []byte, width int, d *decoded) bool { return false }

func (t *tile) multiply(c, a []float32) { t.multiplyPortable(c, a) }

func peak(n int) float64 { return peakPortable(n) }

func peakInt8(n int) float64 { return 0 }

func read(buf []float32) float32 { return readPortable(buf) }

// decoded is memory for a part of a panel as float32.
type decoded struct{ decodedPart }
