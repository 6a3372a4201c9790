package plot

import (
	"fmt"
	"image"
	"math"
)

// A Panel is one matrix of a heat map.
type Panel struct {
	Title  string
	Values [][]float32 // [rows][cols], from 0 to 1
}

// A HeatMap shows matrices as coloured cells: the attention weights of a head,
// or of all heads of a layer side by side. Row 0 is at the top.
//
// Values below 0 and above 1 take the colour of 0 and 1, and NaN is grey.
type HeatMap struct {
	Title string
	// Rows and Cols are tokens or other labels for the rows and columns of
	// every panel; nil for none. Where cells are too small for all labels,
	// every second, fifth, … is shown.
	Rows, Cols []string
	// Panels have one shape, and there is at least one.
	Panels []Panel
	// Across is how many panels stand side by side; 0 chooses.
	Across int
}

const (
	maxSide   = 4096 // rows or columns
	maxPanels = 256
	margin    = 20
	gap       = 16 // between panels
	barWidth  = 14
)

// WritePNG draws the heat map to a file.
func (m HeatMap) WritePNG(path string) error { return writePNG(path, m.Draw) }

// Draw returns the picture. It is an error if there is nothing to draw, if
// panels differ in shape, if labels do not match it, or if the picture would
// be too large.
func (m HeatMap) Draw() (*image.RGBA, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	l := m.layout()
	f, err := newFaces(l.labelSize)
	if err != nil {
		return nil, err
	}
	l.measure(&m, f)
	c, err := newCanvas(f, l.width, l.height)
	if err != nil {
		return nil, err
	}
	c.write(c.title, m.Title, margin, margin, start, start, ink)
	colours := newShades()
	for i, p := range m.Panels {
		l.panel(c, i, p, colours)
	}
	l.labels(c)
	l.bar(c)
	return c.RGBA, nil
}

func (m *HeatMap) check() error {
	if len(m.Panels) == 0 || len(m.Panels[0].Values) == 0 || len(m.Panels[0].Values[0]) == 0 {
		return fmt.Errorf("plot: heat map %q is empty; it needs a panel with a row and a column", m.Title)
	}
	rows, cols := len(m.Panels[0].Values), len(m.Panels[0].Values[0])
	switch {
	case rows > maxSide || cols > maxSide:
		return fmt.Errorf("plot: heat map %q has %d×%d cells; %d×%d at most can be drawn", m.Title, rows, cols, maxSide, maxSide)
	case len(m.Panels) > maxPanels:
		return fmt.Errorf("plot: heat map %q has %d panels; %d at most can be drawn", m.Title, len(m.Panels), maxPanels)
	case m.Rows != nil && len(m.Rows) != rows:
		return fmt.Errorf("plot: heat map %q has %d row labels for %d rows", m.Title, len(m.Rows), rows)
	case m.Cols != nil && len(m.Cols) != cols:
		return fmt.Errorf("plot: heat map %q has %d column labels for %d columns", m.Title, len(m.Cols), cols)
	case m.Across < 0:
		return fmt.Errorf("plot: heat map %q has %d panels side by side; it must be 0 (chosen) or more", m.Title, m.Across)
	}
	for i, p := range m.Panels {
		if len(p.Values) != rows {
			return fmt.Errorf("plot: heat map %q: panel %d has %d rows, panel 0 has %d", m.Title, i, len(p.Values), rows)
		}
		for r, row := range p.Values {
			if len(row) != cols {
				return fmt.Errorf("plot: heat map %q: panel %d row %d has %d values, not %d", m.Title, i, r, len(row), cols)
			}
		}
	}
	return nil
}

// A heatLayout says where the parts of a heat map lie, in pixels.
type heatLayout struct {
	rows, cols    int // cells in a panel
	panels        int
	across, down  int // panels
	cell          int // side of a cell
	labelSize     float64
	rowTags       []string
	colTags       []string
	upright       bool        // column labels are turned
	first         image.Point // top left of the cells of panel 0
	step          image.Point // from panel to panel
	width, height int
}

func (m *HeatMap) layout() *heatLayout {
	l := &heatLayout{rows: len(m.Panels[0].Values), cols: len(m.Panels[0].Values[0]), panels: len(m.Panels), across: m.Across}
	if l.across == 0 {
		l.across = panelsAcross(l.panels)
	}
	l.across = min(l.across, l.panels)
	l.down = (l.panels + l.across - 1) / l.across
	// A lone panel may fill a page, many share it.
	side := max(180, 620/l.across)
	l.cell = min(max(side/max(l.rows, l.cols), 1), 44)
	l.labelSize = min(max(float64(l.cell)*0.8, 10), 14)
	return l
}

// panelsAcross is nearly the square root, and more if that fills the rows.
func panelsAcross(n int) int {
	root := int(math.Ceil(math.Sqrt(float64(n))))
	for a := root; a <= 2*root && a <= 8; a++ {
		if n%a == 0 {
			return a
		}
	}
	return root
}

// measure places everything, now that texts have a width.
func (l *heatLayout) measure(m *HeatMap, f *faces) {
	l.rowTags, l.colTags = tokenLabels(f.label, m.Rows), tokenLabels(f.label, m.Cols)
	l.upright = widest(f.label, l.colTags) > l.cell-4
	l.first = image.Pt(margin, margin)
	if len(l.rowTags) > 0 {
		l.first.X += widest(f.label, l.rowTags) + 8
	}
	if m.Title != "" {
		l.first.Y += height(f.title) + 12
	}
	titles := 0
	for _, p := range m.Panels {
		if p.Title != "" {
			titles = height(f.text) + 4
		}
		// A narrow panel leaves room for its title.
		l.step.X = max(l.step.X, width(f.text, p.Title)+gap)
	}
	l.first.Y += titles
	l.step = image.Pt(max(l.step.X, l.cols*l.cell+gap), l.rows*l.cell+gap+titles)

	l.width = l.first.X + l.across*l.step.X + barWidth + 8 + width(f.text, "0.00") + margin
	l.width = max(l.width, 2*margin+width(f.title, m.Title))
	l.height = l.first.Y + l.down*l.step.Y - gap - titles + margin
	if len(l.colTags) > 0 {
		if l.upright {
			l.height += widest(f.label, l.colTags) + 8
		} else {
			l.height += height(f.label) + 8
		}
	}
	l.height = max(l.height, l.first.Y+l.barHeight()+margin)
}

// cells is the area of a panel's cells.
func (l *heatLayout) cells(panel int) image.Rectangle {
	at := l.first.Add(image.Pt(panel%l.across*l.step.X, panel/l.across*l.step.Y))
	return image.Rectangle{at, at.Add(image.Pt(l.cols*l.cell, l.rows*l.cell))}
}

func (l *heatLayout) panel(c *canvas, i int, p Panel, colours *shades) {
	area := l.cells(i)
	c.write(c.text, p.Title, area.Min.X, area.Min.Y-4, start, end, ink)
	line := 0 // between cells that are large enough
	if l.cell >= 12 {
		line = 1
	}
	for r, row := range p.Values {
		for k, v := range row {
			x, y, paint := area.Min.X+k*l.cell, area.Min.Y+r*l.cell, colours.of(v)
			for j := y; j < y+l.cell-line; j++ {
				for i := x; i < x+l.cell-line; i++ {
					c.SetRGBA(i, j, paint)
				}
			}
		}
	}
	if line == 0 {
		c.outline(area, frame)
	}
}

// labels stand left of the first panel of each row and below the last one of
// each column.
func (l *heatLayout) labels(c *canvas) {
	for row := range l.down {
		area := l.cells(row * l.across)
		for i := 0; i < len(l.rowTags); i += every(height(c.label), l.cell) {
			c.write(c.label, l.rowTags[i], area.Min.X-6, area.Min.Y+i*l.cell+l.cell/2, end, middle, ink)
		}
	}
	for col := range l.across {
		lowest := (l.panels - 1 - col) / l.across * l.across // first panel of its row
		area := l.cells(lowest + col)
		for i := 0; i < len(l.colTags); i += every(height(c.label), l.cell) {
			x := area.Min.X + i*l.cell + l.cell/2
			if l.upright {
				c.writeUp(c.label, l.colTags[i], x, area.Max.Y+6, middle, end, ink)
			} else {
				c.write(c.label, l.colTags[i], x, area.Max.Y+4, middle, start, ink)
			}
		}
	}
}

// every is how many labels to move on so that they do not touch: 1, 2, 5, 10, …
func every(need, cell int) int {
	for unit := 1; ; unit *= 10 {
		for _, n := range [...]int{1, 2, 5} {
			if n*unit*cell >= need-2 {
				return n * unit
			}
		}
	}
}

func (l *heatLayout) barHeight() int { return min(max(l.rows*l.cell, 120), 300) }

// bar is the key to the colours.
func (l *heatLayout) bar(c *canvas) {
	x := l.first.X + l.across*l.step.X
	high := l.barHeight()
	for y := range high {
		v := 1 - float64(y)/float64(high-1)
		c.fill(image.Rect(x, l.first.Y+y, x+barWidth, l.first.Y+y+1), Colour(v))
	}
	for i := range 5 {
		v := float64(i) / 4
		y := l.first.Y + int(math.Round(float64(high-1)*(1-v)))
		c.fill(image.Rect(x+barWidth, y, x+barWidth+4, y+1), soft)
		c.write(c.text, fmt.Sprintf("%.2f", v), x+barWidth+8, y, start, middle, soft)
	}
}
