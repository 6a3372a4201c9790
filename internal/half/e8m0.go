package half

import "math"

// FromE8M0 returns the power of two whose exponent is stored in a byte, 2^(e−127), or NaN for 255: the scale of a
// block in the Microscaling formats.
func FromE8M0(e byte) float32 {
	switch e {
	case 0:
		return 0x1p-127 // a subnormal
	case 255:
		return float32(math.NaN())
	}
	return math.Float32frombits(uint32(e) << 23)
}
