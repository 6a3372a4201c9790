package machine

import "math"

// Point is a speed that was measured: operations or bytes a second at a size.
type Point struct {
	Size float64 // rows, or keys
	Rate float64
}

// Curve is a speed by size, in ascending order of sizes.
type Curve []Point

// At returns the speed at a size: between two points it follows a power, beyond the ends it is that of the end.
func (c Curve) At(size float64) float64 {
	if len(c) == 0 {
		return math.NaN()
	}
	for i, p := range c {
		if size > p.Size {
			continue
		}
		if i == 0 {
			return p.Rate
		}
		before := c[i-1]
		share := math.Log(size/before.Size) / math.Log(p.Size/before.Size)
		return before.Rate * math.Pow(p.Rate/before.Rate, share)
	}
	return c[len(c)-1].Rate
}
