package plot

import (
	"fmt"
	"image"
	"math"
)

// A Series is one line of a chart. Points that a logarithmic axis cannot show —
// zero, negative, infinite or NaN in either coordinate — leave a gap.
type Series struct {
	Name   string
	X, Y   []float64 // of one length, in order along the line
	Dashed bool      // for an expectation beside measurements; without markers
}

// A LogLog is a line chart with logarithmic axes: what grows as a power is a
// straight line, and the power its slope.
type LogLog struct {
	Title          string
	XLabel, YLabel string
	XUnit, YUnit   Unit
	Series         []Series
	// Width and Height of the picture in pixels; 0 takes 860 and 540.
	Width, Height int
}

const (
	maxSeries = 64
	maxPoints = 1 << 20 // in a chart
	minWidth  = 320
	minHeight = 240
)

// WritePNG draws the chart to a file.
func (p LogLog) WritePNG(path string) error { return writePNG(path, p.Draw) }

// Draw returns the picture. It is an error if no point can be shown, if a
// series has more of one coordinate than of the other, or if the picture or
// the chart is too large, or the picture too small for it.
func (p LogLog) Draw() (*image.RGBA, error) {
	if p.Width == 0 {
		p.Width = 860
	}
	if p.Height == 0 {
		p.Height = 540
	}
	xs, ys, err := p.points()
	if err != nil {
		return nil, err
	}
	f, err := newFaces(13)
	if err != nil {
		return nil, err
	}
	l := chartLayout{x: newLogAxis(p.XUnit, xs, max(2, p.Width/80)), y: newLogAxis(p.YUnit, ys, max(2, p.Height/40))}
	if err := l.measure(&p, f); err != nil {
		return nil, err
	}
	c, err := newCanvas(f, p.Width, p.Height)
	if err != nil {
		return nil, err
	}
	l.axes(c, &p)
	for i, s := range p.Series {
		l.series(c, i, s)
	}
	l.legend(c, &p)
	return c.RGBA, nil
}

// points checks the chart and returns the coordinates that can be shown.
func (p *LogLog) points() (xs, ys []float64, err error) {
	if p.Width < minWidth || p.Height < minHeight {
		return nil, nil, fmt.Errorf("plot: chart %q of %d×%d pixels; it needs at least %d×%d", p.Title, p.Width, p.Height, minWidth, minHeight)
	}
	if len(p.Series) > maxSeries {
		return nil, nil, fmt.Errorf("plot: chart %q has %d series; %d at most can be drawn", p.Title, len(p.Series), maxSeries)
	}
	total := 0
	for _, s := range p.Series {
		if len(s.X) != len(s.Y) {
			return nil, nil, fmt.Errorf("plot: chart %q: series %q has %d x and %d y; there must be as many", p.Title, s.Name, len(s.X), len(s.Y))
		}
		if total += len(s.X); total > maxPoints {
			return nil, nil, fmt.Errorf("plot: chart %q has more than %d points", p.Title, maxPoints)
		}
		for i := range s.X {
			if shown(s.X[i]) && shown(s.Y[i]) {
				xs, ys = append(xs, s.X[i]), append(ys, s.Y[i])
			}
		}
	}
	if len(xs) == 0 {
		return nil, nil, fmt.Errorf("plot: chart %q has no point to show; logarithmic axes need positive, finite values", p.Title)
	}
	return xs, ys, nil
}

func shown(v float64) bool { return v > 0 && !math.IsInf(v, 1) }

// A chartLayout says where the parts of a chart lie.
type chartLayout struct {
	x, y logAxis
	area image.Rectangle // between the axes
}

const legendLine = 30 // length of the sample beside a name

func (l *chartLayout) measure(p *LogLog, f *faces) error {
	left := margin + widest(f.label, l.y.labels()) + 8
	if p.YLabel != "" {
		left += height(f.text) + 8
	}
	top := margin
	if p.Title != "" {
		top += height(f.title) + 14
	}
	bottom := margin + height(f.label) + 8
	if p.XLabel != "" {
		bottom += height(f.text) + 6
	}
	names := 0
	for _, s := range p.Series {
		names = max(names, width(f.text, s.Name))
	}
	right := margin + 8
	if names > 0 {
		right = margin + names + legendLine + 26
	}
	l.area = image.Rect(left, top, p.Width-right, p.Height-bottom)
	if p.Width-right-left < 100 || p.Height-bottom-top < 80 {
		return fmt.Errorf("plot: chart %q of %d×%d pixels has no room beside its labels; make it larger or series names shorter", p.Title, p.Width, p.Height)
	}
	return nil
}

// place is where a value lies in the picture.
func (l *chartLayout) place(x, y float64) point {
	return point{
		float64(l.area.Min.X) + l.x.at(x)*float64(l.area.Dx()-1) + 0.5,
		float64(l.area.Max.Y) - l.y.at(y)*float64(l.area.Dy()-1) - 0.5,
	}
}

func (l *chartLayout) axes(c *canvas, p *LogLog) {
	a := l.area
	vertical := func(v float64, paint rgb) int {
		x := int(l.place(v, l.y.low).x)
		c.fill(image.Rect(x, a.Min.Y, x+1, a.Max.Y), paint)
		return x
	}
	horizontal := func(v float64, paint rgb) int {
		y := int(l.place(l.x.low, v).y)
		c.fill(image.Rect(a.Min.X, y, a.Max.X, y+1), paint)
		return y
	}
	for _, v := range l.x.minor {
		vertical(v, faint)
	}
	for _, v := range l.y.minor {
		horizontal(v, faint)
	}
	for i, s := range l.x.labels() {
		c.write(c.label, s, vertical(l.x.ticks[i], grid), a.Max.Y+6, middle, start, ink)
	}
	for i, s := range l.y.labels() {
		c.write(c.label, s, a.Min.X-8, horizontal(l.y.ticks[i], grid), end, middle, ink)
	}
	c.outline(a.Inset(1), frame)
	c.write(c.title, p.Title, a.Min.X, margin, start, start, ink)
	c.write(c.text, p.XLabel, (a.Min.X+a.Max.X)/2, p.Height-margin, middle, end, soft)
	c.writeUp(c.text, p.YLabel, margin, (a.Min.Y+a.Max.Y)/2, start, middle, soft)
}

const (
	lineWidth  = 2.2
	markerSize = 4.2
)

func (l *chartLayout) series(c *canvas, n int, s Series) {
	paint := seriesColour(n)
	var last point
	drawn := false // last is a point of this line
	offset := 0.0
	for i := range s.X {
		if !shown(s.X[i]) || !shown(s.Y[i]) {
			drawn = false
			continue
		}
		at := l.place(s.X[i], s.Y[i])
		switch {
		case drawn && s.Dashed:
			offset = c.dashes(last, at, lineWidth, offset, paint)
		case drawn:
			c.line(last, at, lineWidth, paint)
		}
		last, drawn = at, true
	}
	if s.Dashed {
		return
	}
	for i := range s.X {
		if shown(s.X[i]) && shown(s.Y[i]) {
			c.marker(n, l.place(s.X[i], s.Y[i]), markerSize, paint)
		}
	}
}

// legend stands right of the chart, where no line can be below it.
func (l *chartLayout) legend(c *canvas, p *LogLog) {
	x, y := float64(l.area.Max.X+14), float64(l.area.Min.Y+8)
	for n, s := range p.Series {
		if s.Name == "" {
			continue
		}
		from, to := point{x, y}, point{x + legendLine, y}
		if s.Dashed {
			c.dashes(from, to, lineWidth, 0, seriesColour(n))
		} else {
			c.line(from, to, lineWidth, seriesColour(n))
			c.marker(n, point{x + legendLine/2, y}, markerSize, seriesColour(n))
		}
		c.write(c.text, s.Name, int(x)+legendLine+8, int(y), start, middle, ink)
		y += float64(height(c.text) + 7)
	}
}
