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

var int8Tiles = [...]tiles{
	{set: portableInt8, expands: true, fetches: 1},
}
