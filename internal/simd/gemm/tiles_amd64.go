//go:build amd64 && !purego

package gemm

import "github.com/seed2010d43f/transformer/internal/simd"

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
	q4_0Tiles   = int8Tiles(tilesQ4_0AVX512VNNI)
	q4_1Tiles   = int8Tiles(tilesQ4_1AVX512VNNI)
	q5_0Tiles   = int8Tiles(tilesQ5_0AVX512VNNI)
	q5_1Tiles   = int8Tiles(tilesQ5_1AVX512VNNI)
	q4_KTiles   = int8Tiles(tilesQ4_KAVX512VNNI)
	q5_KTiles   = int8Tiles(tilesQ5_KAVX512VNNI)
	q6_KTiles   = int8Tiles(tilesQ6_KAVX512VNNI)
	iq4_NLTiles = int8Tiles(tilesIQ4_NLAVX512VNNI)
	mxfp4Tiles  = int8Tiles(tilesMXFP4AVX512VNNI)
	q8_0Tiles   = []tiles{
		{needs: simd.AVX512VNNI, set: tilesQ8_0AVX512VNNI, again: true, fetches: 4},
		{set: portableInt8, expands: true},
	}
)

// int8Tiles returns tiles of which single are those that know the format's panels.
func int8Tiles(single tileSet) []tiles {
	return []tiles{
		{needs: simd.AVX512VNNI, set: tilesInt8AVX512VNNI, again: true, expands: true, single: single, fetches: 4},
		{set: portableInt8, expands: true},
	}
}
