package plot

import (
	"fmt"
	"image"
	"math"
	"slices"
)

// A heatLayout says where the parts of a heat map lie, in pixels.
type heatLayout struct {
	rows, cols    int // cells in a panel
	panels        int
	across, down  int         // panels
	cell          image.Point // size of a cell
	labelSize     float64
	rowTags       [][]string // of the panels
	colTags       []string
	texts         [][][]string // of the panels, as they are written
	upright       bool         // column labels are turned
	captionTop    int
	first         image.Point // top left of the cells of panel 0
	step          image.Point // from panel to panel
	barHeight     int
	width, height int
}

func (m *HeatMap) layout() *heatLayout {
	l := &heatLayout{rows: len(m.Panels[0].Values), cols: len(m.Panels[0].Values[0]), panels: len(m.Panels), across: m.Across}
	switch {
	case m.hasRows():
		l.across = 1
	case l.across == 0:
		l.across = panelsAcross(l.panels)
	}
	l.across = min(l.across, l.panels)
	l.down = (l.panels + l.across - 1) / l.across
	// A lone panel may fill a page, many share it.
	side := max(180, 620/l.across)
	least := 1
	if m.PlainRows || m.PlainCols {
		least = 18
	}
	cell := min(max(side/max(l.rows, l.cols), least), 44)
	l.cell = image.Pt(cell, cell)
	l.labelSize = min(max(float64(cell)*0.8, 10), 14)
	if m.hasTexts() {
		l.cell, l.labelSize = image.Pt(textCell*2, textCell), 13
	}
	return l
}

// textCell is the height of a cell with a text.
const textCell = 26

func (m *HeatMap) hasTexts() bool {
	for _, p := range m.Panels {
		if p.Texts != nil {
			return true
		}
	}
	return false
}

func (m *HeatMap) hasRows() bool {
	return slices.ContainsFunc(m.Panels, func(p Panel) bool { return p.Rows != nil })
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
	l.measureLabels(m, f)
	l.first = image.Pt(margin, margin)
	if wide := widest(f.label, slices.Concat(l.rowTags...)); wide > 0 {
		l.first.X += wide + 8
	}
	if m.Title != "" {
		l.first.Y += height(f.title) + 6
	}
	l.captionTop = l.first.Y
	l.first.Y += len(m.caption()) * height(f.text)
	if m.Title != "" || m.Caption != "" {
		l.first.Y += 10
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
	l.step = image.Pt(max(l.step.X, l.cols*l.cell.X+gap), l.rows*l.cell.Y+gap+titles)

	l.barHeight = max(min(max(l.rows*l.cell.Y, 120), 300), width(f.text, m.Key))
	l.width = l.first.X + l.across*l.step.X + barWidth + 8 + width(f.text, "0.00") + margin
	if m.Key != "" {
		l.width += keyGap + height(f.text)
	}
	l.width = max(l.width, 2*margin+max(width(f.title, m.Title), widest(f.text, m.caption())))
	l.height = l.first.Y + l.down*l.step.Y - gap - titles + margin
	if len(l.colTags) > 0 {
		if l.upright {
			l.height += widest(f.label, l.colTags) + 8
		} else {
			l.height += height(f.label) + 8
		}
	}
	l.height = max(l.height, l.first.Y+l.barHeight+margin)
}

const keyGap = 6 // between the bar's numbers and its key

// measureLabels makes labels and texts legible, and cells wide enough for texts.
func (l *heatLayout) measureLabels(m *HeatMap, f *faces) {
	tags := func(labels []string, plain bool) []string {
		if plain {
			return plainLabels(f.label, labels)
		}
		return tokenLabels(f.label, labels)
	}
	l.colTags = tags(m.Cols, m.PlainCols)
	for _, p := range m.Panels {
		rows := p.Rows
		if rows == nil {
			rows = m.Rows
		}
		l.rowTags = append(l.rowTags, tags(rows, m.PlainRows))
	}
	if m.hasTexts() {
		l.texts = make([][][]string, len(m.Panels))
		wide := widest(f.label, l.colTags)
		for i, p := range m.Panels {
			for _, row := range p.Texts {
				tags := tokenLabels(f.label, row)
				l.texts[i] = append(l.texts[i], tags)
				wide = max(wide, widest(f.label, tags))
			}
		}
		l.cell.X = max(l.cell.X, wide+12)
	}
	l.upright = widest(f.label, l.colTags) > l.cell.X-4
}

// cells is the area of a panel's cells.
func (l *heatLayout) cells(panel int) image.Rectangle {
	return l.block(panel, image.Rect(0, 0, l.cols, l.rows))
}

// block is the area of some of a panel's cells.
func (l *heatLayout) block(panel int, b image.Rectangle) image.Rectangle {
	at := l.first.Add(image.Pt(panel%l.across*l.step.X, panel/l.across*l.step.Y))
	return image.Rect(b.Min.X*l.cell.X, b.Min.Y*l.cell.Y, b.Max.X*l.cell.X, b.Max.Y*l.cell.Y).Add(at)
}

func (l *heatLayout) panel(c *canvas, i int, p Panel, colours *shades) {
	area := l.cells(i)
	c.write(c.text, p.Title, area.Min.X, area.Min.Y-4, start, end, ink)
	line := 0 // between cells that are large enough
	if min(l.cell.X, l.cell.Y) >= 12 {
		line = 1
	}
	for r, row := range p.Values {
		for k, v := range row {
			cell := l.block(i, image.Rect(k, r, k+1, r+1))
			paint := colours.of(v)
			for y := cell.Min.Y; y < cell.Max.Y-line; y++ {
				for x := cell.Min.X; x < cell.Max.X-line; x++ {
					c.SetRGBA(x, y, paint)
				}
			}
			if p.Texts != nil {
				c.write(c.label, l.texts[i][r][k], (cell.Min.X+cell.Max.X)/2, (cell.Min.Y+cell.Max.Y)/2, middle, middle, onShade(v))
			}
		}
	}
	if line == 0 {
		c.outline(area, frame)
	}
}

// frames draws the border around blocks of cells, where they touch as one.
func (l *heatLayout) frames(c *canvas, panel int, blocks []image.Rectangle) {
	framed := func(x, y int) bool {
		return slices.ContainsFunc(blocks, func(b image.Rectangle) bool { return image.Pt(x, y).In(b) })
	}
	for _, b := range blocks {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				r := l.block(panel, image.Rect(x, y, x+1, y+1))
				r.Min = r.Min.Sub(image.Pt(1, 1)) // the lines on both sides
				for _, side := range []struct {
					x, y int
					line image.Rectangle
				}{
					{x - 1, y, image.Rect(r.Min.X, r.Min.Y, r.Min.X+2, r.Max.Y)}, {x + 1, y, image.Rect(r.Max.X-2, r.Min.Y, r.Max.X, r.Max.Y)},
					{x, y - 1, image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+2)}, {x, y + 1, image.Rect(r.Min.X, r.Max.Y-2, r.Max.X, r.Max.Y)},
				} {
					if !framed(side.x, side.y) {
						c.fill(side.line, accent)
					}
				}
			}
		}
	}
}

// labels stand left of the first panel of each row and below the last one of
// each column.
func (l *heatLayout) labels(c *canvas, frames []image.Rectangle) {
	for row := range l.down {
		area, tags := l.cells(row*l.across), l.rowTags[row*l.across]
		for i := 0; i < len(tags); i += every(height(c.label), l.cell.Y) {
			paint := ink
			for _, b := range frames {
				if b.Dx() == l.cols && b.Min.Y <= i && i < b.Max.Y {
					paint = accent
				}
			}
			c.write(c.label, tags[i], area.Min.X-6, area.Min.Y+i*l.cell.Y+l.cell.Y/2, end, middle, paint)
		}
	}
	for col := range l.across {
		lowest := (l.panels - 1 - col) / l.across * l.across // first panel of its row
		area := l.cells(lowest + col)
		need := height(c.label)
		if !l.upright {
			need = 0 // they fit
		}
		for i := 0; i < len(l.colTags); i += every(need, l.cell.X) {
			x := area.Min.X + i*l.cell.X + l.cell.X/2
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

// bar is the key to the colours.
func (l *heatLayout) bar(c *canvas, key string) {
	x := l.first.X + l.across*l.step.X
	for y := range l.barHeight {
		v := 1 - float64(y)/float64(l.barHeight-1)
		c.fill(image.Rect(x, l.first.Y+y, x+barWidth, l.first.Y+y+1), Colour(v))
	}
	for i := range 5 {
		v := float64(i) / 4
		y := l.first.Y + int(math.Round(float64(l.barHeight-1)*(1-v)))
		c.fill(image.Rect(x+barWidth, y, x+barWidth+4, y+1), soft)
		c.write(c.text, fmt.Sprintf("%.2f", v), x+barWidth+8, y, start, middle, soft)
	}
	x += barWidth + 8 + width(c.text, "0.00") + keyGap
	c.writeUp(c.text, key, x, l.first.Y+l.barHeight/2, start, middle, soft)
}
