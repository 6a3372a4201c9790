//go:build amd64 && !purego

package gemm

import (
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/simd"
)

//go:generate go run ./gen

// The tiles of each format, the fastest first. The functions behind a set of them are in kernels_amd64.go.

var f32Tiles = [...]tiles{
	{needs: simd.AVX512, set: tilesF32AVX512, fetches: 1},
	{needs: simd.AVX2, set: tilesF32AVX2, again: true, fetches: 3},
	{set: portableF32, fetches: 1},
}

var f16Tiles = [...]tiles{
	{needs: simd.AVX512, set: tilesF16AVX512, few: RowTile, keeps: true, fetches: 1},
	{needs: simd.AVX2, set: tilesF16AVX2, few: RowTile, again: true, fetches: 3},
}

var bf16Tiles = [...]tiles{
	{needs: simd.AVX512, set: tilesBF16AVX512, few: RowTile, keeps: true, fetches: 1},
	{needs: simd.AVX2, set: tilesBF16AVX2, few: RowTile, again: true, fetches: 3},
}

var bf16PairsTiles = [...]tiles{
	{needs: simd.AVX512BF16, set: tilesBF16PairsAVX512, fetches: 1},
	{set: portableBF16Pairs, fetches: 1},
}

// The tiles of formats by 8-bit activations.
var (
	q4_0Tiles   = int8Tiles(tilesQ4_0AVX512VNNI, tilesInt8FourAVX2, tilesQ4_0AVXVNNI, tilesQ4_0AVX2)
	q4_1Tiles   = int8Tiles(tilesQ4_1AVX512VNNI, tilesInt8FourAVX2, tilesQ4_1AVXVNNI, tilesQ4_1AVX2)
	q5_0Tiles   = int8Tiles(tilesQ5_0AVX512VNNI, tilesInt8FiveAVX2, tilesQ5_0AVXVNNI, tilesQ5_0AVX2)
	q5_1Tiles   = int8Tiles(tilesQ5_1AVX512VNNI, tilesInt8FiveAVX2, 0, 0)
	q4_KTiles   = int8Tiles(tilesQ4_KAVX512VNNI, tilesInt8FourAVX2, tilesQ4_KAVXVNNI, tilesQ4_KAVX2)
	q5_KTiles   = int8Tiles(tilesQ5_KAVX512VNNI, tilesInt8FiveAVX2, tilesQ5_KAVXVNNI, tilesQ5_KAVX2)
	q6_KTiles   = int8Tiles(tilesQ6_KAVX512VNNI, tilesInt8SixAVX2, tilesQ6_KAVXVNNI, tilesQ6_KAVX2)
	iq4_NLTiles = int8Tiles(tilesIQ4_NLAVX512VNNI, tilesInt8EightAVX2, 0, 0)
	mxfp4Tiles  = int8Tiles(tilesMXFP4AVX512VNNI, tilesInt8FiveAVX2, 0, 0)
	iq4_XSTiles = int8Tiles(0, tilesInt8EightAVX2, 0, 0)
	q2_KTiles   = int8Tiles(0, tilesInt8FourAVX2, 0, 0)
	q3_KTiles   = int8Tiles(0, tilesInt8FiveAVX2, 0, 0)
	q8_0Tiles   = int8Tiles(tilesQ8_0AVX512VNNI, tilesInt8EightAVX2, tilesQ8_0AVXVNNI, tilesQ8_0AVX2)
)

// int8Tiles returns tiles of which codes are those for codes of its bits, and the singles those that know its panels.
func int8Tiles(single, codes, singleVNNI, singleAVX2 tileSet) []tiles {
	return []tiles{
		{needs: simd.AVX512VNNI, set: tilesInt8AVX512VNNI, again: true, expands: true, single: single, narrow: singleAVX2, fetches: 4},
		{needs: simd.AVXVNNI, set: tilesInt8AVXVNNI, again: true, expands: true, single: singleVNNI, narrow: singleVNNI},
		{needs: simd.AVX2, set: codes, again: true, expands: true, single: singleAVX2, narrow: singleAVX2},
		{set: portableInt8, expands: true},
	}
}

// expandFast is expand in assembly, if t has it.
func (f *Format) expandFast(dst []float32, part []byte, width int, t *tiles, d *decoded) bool {
	w, n, panel := f.layout.units, len(part)/(width*f.Bytes), unsafe.Pointer(unsafe.SliceData(part))
	switch t.set {
	case portableInt8:
		return false
	case tilesInt8AVX512VNNI:
		return w.expandAVX512(n, &dst[0], panel, width)
	case tilesInt8EightAVX2:
		blocks := f.Elements / int8Inputs
		for i := range n {
			if !w.expandAVX2(1, &d.expanded[0], unsafe.Add(panel, i*width*f.Bytes), width) {
				return false
			}
			widenWordsAVX2(blocks, &dst[i*blocks*wordsOfWords*width], &d.expanded[0], width, int(w.bias))
		}
		return true
	}
	return w.expandAVX2(n, &dst[0], panel, width)
}

// wordsOfWords is the elements that an output has of 32 k in a panel for tilesInt8EightAVX2.
const wordsOfWords = 16 + 2

// decoded is memory for a part of a panel as float32, or expanded to mostWords elements for 32 k of an output, the most
// that int8Kind.words returns.
type decoded struct {
	decodedPart
	expanded [maxElements / int8Inputs * mostWords * PanelWidth]float32
}

const mostWords = 8 + 6

// unitsE2M1 is MXFP4 as exact values: nibbles are floats themselves, and the smallest scale counts.
var unitsE2M1 = int8Weights{}

// unpackFast sets dst to a part of a panel as float32 and reports whether it did. d is memory.
func (f *Format) unpackFast(dst []float32, part []byte, width int, d *decoded) bool {
	w, set := f.layout.units, simd.Active()
	if w == nil || !set.Has(simd.AVX2) {
		return false
	}
	if w == &unitsMXFP4 {
		w = &unitsE2M1
	}
	size, blocks, wide := width*f.Bytes, f.Elements/int8Inputs, set.Has(simd.AVX512)
	for ; len(part) > 0; part, dst = part[size:], dst[width*f.Elements:] {
		out, codes, unit := &dst[0], &d.expanded[0], unsafe.Pointer(unsafe.SliceData(part))
		switch {
		case wide && w.expandAVX512(1, codes, unit, width):
			w.floatsAVX512(blocks, out, codes, width)
		case !wide && w.expandAVX2(1, codes, unit, width):
			w.floatsAVX2(blocks, out, codes, width)
		default:
			return false
		}
	}
	return true
}
