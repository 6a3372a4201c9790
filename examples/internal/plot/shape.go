package plot

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/vector"
)

// A point is a place on a canvas, in pixels; whole numbers are pixel corners.
type point struct{ x, y float64 }

// polygon fills the area inside the corners, with soft edges.
func (c *canvas) polygon(corners []point, paint color.Color) {
	low := point{math.Inf(1), math.Inf(1)}
	high := point{math.Inf(-1), math.Inf(-1)}
	for _, p := range corners {
		low = point{min(low.x, p.x), min(low.y, p.y)}
		high = point{max(high.x, p.x), max(high.y, p.y)}
	}
	box := image.Rect(int(math.Floor(low.x)), int(math.Floor(low.y)), int(math.Ceil(high.x)), int(math.Ceil(high.y)))
	if box = box.Intersect(c.Bounds()); box.Empty() {
		return
	}
	r := vector.NewRasterizer(box.Dx(), box.Dy())
	at := func(p point) (x, y float32) {
		return float32(p.x) - float32(box.Min.X), float32(p.y) - float32(box.Min.Y)
	}
	r.MoveTo(at(corners[0]))
	for _, p := range corners[1:] {
		r.LineTo(at(p))
	}
	r.ClosePath()
	r.Draw(c.RGBA, box, image.NewUniform(paint), image.Point{})
}

// line draws a straight stroke from a to b.
func (c *canvas) line(a, b point, thick float64, paint color.Color) {
	dx, dy := b.x-a.x, b.y-a.y
	length := math.Hypot(dx, dy)
	if length == 0 {
		return
	}
	nx, ny := -dy/length*thick/2, dx/length*thick/2
	c.polygon([]point{{a.x + nx, a.y + ny}, {b.x + nx, b.y + ny}, {b.x - nx, b.y - ny}, {a.x - nx, a.y - ny}}, paint)
}

// dashes draws a stroke in pieces; offset is how far into the pattern it starts,
// and the result is how far in it ends.
func (c *canvas) dashes(a, b point, thick, offset float64, paint color.Color) float64 {
	const dash, period = 7.0, 11.0
	length := math.Hypot(b.x-a.x, b.y-a.y)
	along := func(t float64) point { return point{a.x + (b.x-a.x)*t/length, a.y + (b.y-a.y)*t/length} }
	for t := -offset; t < length; t += period {
		if from, to := max(t, 0), min(t+dash, length); from < to {
			c.line(along(from), along(to), thick, paint)
		}
	}
	return math.Mod(offset+length, period)
}

// marker draws the nth of a few shapes around p.
func (c *canvas) marker(n int, p point, size float64, paint color.Color) {
	sides, turn, grow := 32, 0.0, 1.0
	switch n % 4 {
	case 1:
		sides, turn, grow = 4, math.Pi/4, 1.2 // square
	case 2:
		sides, turn, grow = 3, -math.Pi/2, 1.3 // triangle
	case 3:
		sides, grow = 4, 1.3 // diamond
	}
	regular := func(radius float64) []point {
		corners := make([]point, sides)
		for i := range corners {
			sin, cos := math.Sincos(turn + 2*math.Pi*float64(i)/float64(sides))
			corners[i] = point{p.x + radius*cos, p.y + radius*sin}
		}
		return corners
	}
	c.polygon(regular((size+1.5)*grow), white) // a rim sets it off from lines
	c.polygon(regular(size*grow), paint)
}
