//go:build !amd64 || purego

package gemm

import "github.com/seed2010d43f/transformer/internal/simd"

func (t *tile) multiply(c, a []float32) { t.multiplyGeneric(c, a) }

func widen(_ simd.Tier, dst []float32, src []uint16, t Type) { widenGeneric(dst, src, t) }

// widensInTile reports whether tiles read 16-bit panels themselves.
func widensInTile(_ simd.Tier, rows int) bool { return false }

// fetches returns how often a tile fetches from next for each k.
func fetches(simd.Tier) int { return 1 }

func peak(n int) float64 { return peakGeneric(n) }

func read(buf []float32) float32 { return readGeneric(buf) }
