package scene

import "image"

const (
	width   = 16 * Size         // lengths are sixteenths of a pixel
	samples = 2                 // points on each side of a pixel
	points  = samples * Size    // points on each side of a picture
	step    = 16 / samples      // from a point to the next
	middle  = step / 2          // of the first point
	share   = samples * samples // points of a pixel
)

// canvas holds the points of a picture. A figure covers the points within it; a later one hides those before it.
type canvas [points][points]rgb

// paint gives a colour to the points from (left, top) to (right, bottom) that are inside.
func (c *canvas) paint(left, top, right, bottom int, colour rgb, inside func(x, y int) bool) {
	first := func(v int) int { return max((v+middle-1)>>3, 0) }
	after := func(v int) int { return min((v-middle)>>3+1, points) }
	for j := first(top); j < after(bottom); j++ {
		for i := first(left); i < after(right); i++ {
			if inside(step*i+middle, step*j+middle) {
				c[j][i] = colour
			}
		}
	}
}

func (c *canvas) box(left, top, right, bottom int, colour rgb) {
	c.paint(left, top, right, bottom, colour, func(int, int) bool { return true })
}

func (c *canvas) oval(x, y, rx, ry int, colour rgb) {
	most := int64(rx*ry) * int64(rx*ry)
	c.paint(x-rx, y-ry, x+rx, y+ry, colour, func(px, py int) bool {
		a, b := int64((px-x)*ry), int64((py-y)*rx)
		return a*a+b*b <= most
	})
}

// line covers the points that are at most w from the straight line between two points.
func (c *canvas) line(x0, y0, x1, y1, w int, colour rgb) {
	dx, dy := x1-x0, y1-y0
	length := dx*dx + dy*dy
	c.paint(min(x0, x1)-w, min(y0, y1)-w, max(x0, x1)+w, max(y0, y1)+w, colour, func(x, y int) bool {
		px, py := x-x0, y-y0
		switch along := px*dx + py*dy; {
		case along <= 0:
			return px*px+py*py <= w*w
		case along >= length:
			return (x-x1)*(x-x1)+(y-y1)*(y-y1) <= w*w
		}
		across := int64(px*dy - py*dx)
		return across*across <= int64(w*w)*int64(length)
	})
}

// shape covers a polygon: the points around which its edge goes an odd number of times.
func (c *canvas) shape(corners []at, colour rgb) {
	left, top, right, bottom := corners[0].x, corners[0].y, corners[0].x, corners[0].y
	for _, p := range corners {
		left, top, right, bottom = min(left, p.x), min(top, p.y), max(right, p.x), max(bottom, p.y)
	}
	c.paint(left, top, right, bottom, colour, func(x, y int) bool {
		odd, a := false, corners[len(corners)-1]
		for _, b := range corners {
			low, high := a, b
			if low.y > high.y {
				low, high = b, a
			}
			if low.y <= y && y < high.y && (x-low.x)*(high.y-low.y) < (y-low.y)*(high.x-low.x) {
				odd = !odd
			}
			a = b
		}
		return odd
	})
}

// picture returns the means of the points of each pixel, light 256ths of them.
func (c *canvas) picture(light int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, Size, Size))
	for y := range Size {
		for x := range Size {
			p := m.Pix[m.PixOffset(x, y):]
			for k := range 3 {
				sum := 0
				for j := range samples {
					for i := range samples {
						sum += c[samples*y+j][samples*x+i][k]
					}
				}
				p[k] = uint8(min(sum*light/(256*share), 255))
			}
			p[3] = 255
		}
	}
	return m
}

// at is a place.
type at struct{ x, y int }

// pen draws in 1024ths of a figure's height, from the middle of its foot, right and up; or left and up if side is -1.
type pen struct {
	c           *canvas
	x, y, scale int
	side        int
}

// none is no edge.
var none = rgb{-1}

const edgeWidth = 14

func (p pen) at(x, y int) at {
	return at{p.x + p.side*(x*p.scale>>10), p.y - (y * p.scale >> 10)}
}

func (p pen) moved(x, y, scale int) pen {
	q := p.at(x, y)
	return pen{p.c, q.x, q.y, p.scale * scale >> 10, p.side}
}

func (p pen) all(corners []at) []at {
	out := make([]at, len(corners))
	for i, q := range corners {
		out[i] = p.at(q.x, q.y)
	}
	return out
}

func (p pen) oval(x, y, rx, ry int, colour, edge rgb) {
	q := p.at(x, y)
	rx, ry = rx*p.scale>>10, ry*p.scale>>10
	if edge != none {
		p.c.oval(q.x, q.y, rx+edgeWidth, ry+edgeWidth, edge)
	}
	p.c.oval(q.x, q.y, rx, ry, colour)
}

func (p pen) line(w int, colour, edge rgb, corners ...at) {
	q, w := p.all(corners), max(w*p.scale>>10, 5)
	stroke := func(w int, colour rgb) {
		for i := range len(q) - 1 {
			p.c.line(q[i].x, q[i].y, q[i+1].x, q[i+1].y, w, colour)
		}
	}
	if edge != none {
		stroke(w+edgeWidth, edge)
	}
	stroke(w, colour)
}

func (p pen) shape(colour, edge rgb, corners ...at) {
	q := p.all(corners)
	if edge != none {
		for i, a := range q {
			b := q[(i+1)%len(q)]
			p.c.line(a.x, a.y, b.x, b.y, edgeWidth, edge)
		}
	}
	p.c.shape(q, colour)
}
