//go:build !amd64 || purego

package gemm

import "github.com/seed2010d43f/transformer/internal/simd"

func (t *tile) multiply(c, a []float32) { t.multiplyGeneric(c, a) }

func widen(_ simd.Set, dst []float32, src []uint16, t Type) { widenGeneric(dst, src, t) }

// canWiden reports whether tiles can read 16-bit panels themselves, and canKeep whether they can keep a
// part of a panel, widened, for the next tile.
func canWiden(simd.Set) bool { return false }
func canKeep(simd.Set) bool  { return false }

// fetches returns how often a tile fetches from next for each k.
func fetches(simd.Set) int { return 1 }

func peak(n int) float64 { return peakGeneric(n) }

func read(buf []float32) float32 { return readGeneric(buf) }
