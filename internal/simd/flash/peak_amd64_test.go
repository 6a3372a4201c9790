//go:build !purego

package flash

import "github.com/seed2010d43f/transformer/internal/simd"

// Peak runs n rounds of independent fused multiply-adds with the instructions in use and returns their number of
// floating-point operations, 0 for plain Go.
func Peak(n int) float64 {
	switch set := simd.Active(); {
	case set.Has(simd.AVX512):
		peakZ(n)
		return float64(n) * 24 * 32
	case set.Has(simd.AVX2):
		peakY(n)
		return float64(n) * 12 * 16
	}
	return 0
}
