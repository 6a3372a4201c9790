package plot

import (
	"fmt"
	"image"
	"strings"
)

// A Panel is one matrix of a heat map.
type Panel struct {
	Title  string
	Values [][]float32 // [rows][cols], from 0 to 1
	Texts  [][]string  // [rows][cols], tokens to write in the cells; nil is none

	// Rows are the labels of this panel's rows; nil for those of the heat map.
	// A map of panels with such labels is one panel wide.
	Rows []string
}

// A HeatMap shows matrices as coloured cells: the attention weights of a head,
// or of all heads of a layer side by side. Row 0 is at the top.
//
// Values below 0 and above 1 take the colour of 0 and 1, and NaN is grey.
type HeatMap struct {
	Title string
	// Caption is one line or several below the title.
	Caption string
	// Rows and Cols are tokens or other labels for the rows and columns of
	// every panel; nil for none. Where cells are too small for all labels,
	// every second, fifth, … is shown.
	Rows, Cols []string
	// PlainRows and PlainCols say that labels are no tokens but plain text:
	// spaces are spaces, up to 200 characters are shown, and cells have room
	// for each.
	PlainRows, PlainCols bool
	// Panels have one shape, and there is at least one.
	Panels []Panel
	// Across is how many panels stand side by side; 0 chooses.
	Across int
	// Frames are blocks of cells, columns as X and rows as Y. A border goes
	// around them in every panel, and around blocks that touch as one. The
	// labels of a frame as wide as a panel have its colour.
	Frames []image.Rectangle
	// Key stands beside the colour bar and says what the values are.
	Key string
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
// panels differ in shape, if labels, texts or frames do not match it, or if the
// picture would be too large.
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
	for i, line := range m.caption() {
		c.write(c.text, line, margin, l.captionTop+i*height(c.text), start, start, soft)
	}
	colours := newShades()
	for i, p := range m.Panels {
		l.panel(c, i, p, colours)
		l.frames(c, i, m.Frames)
	}
	l.labels(c, m.Frames)
	l.bar(c, m.Key)
	return c.RGBA, nil
}

func (m *HeatMap) caption() []string {
	if m.Caption == "" {
		return nil
	}
	return strings.Split(m.Caption, "\n")
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
	case m.Across > 1 && m.hasRows():
		return fmt.Errorf("plot: heat map %q has %d panels side by side and panels with labels of their own, which have room one below the other only", m.Title, m.Across)
	}
	for _, block := range m.Frames {
		if block.Empty() || !block.In(image.Rect(0, 0, cols, rows)) {
			return fmt.Errorf("plot: heat map %q has a frame %v; a panel has %d columns and %d rows", m.Title, block, cols, rows)
		}
	}
	for i, p := range m.Panels {
		if err := checkPanel(p, rows, cols); err != nil {
			return fmt.Errorf("plot: heat map %q: panel %d %w", m.Title, i, err)
		}
	}
	return nil
}

func checkPanel(p Panel, rows, cols int) error {
	if len(p.Values) != rows {
		return fmt.Errorf("has %d rows, panel 0 has %d", len(p.Values), rows)
	}
	if p.Rows != nil && len(p.Rows) != rows {
		return fmt.Errorf("has %d row labels for %d rows", len(p.Rows), rows)
	}
	if p.Texts != nil && len(p.Texts) != rows {
		return fmt.Errorf("has %d rows of texts, panel 0 has %d rows", len(p.Texts), rows)
	}
	for r, row := range p.Values {
		if len(row) != cols {
			return fmt.Errorf("row %d has %d values, not %d", r, len(row), cols)
		}
		if p.Texts != nil && len(p.Texts[r]) != cols {
			return fmt.Errorf("row %d has %d texts, not %d", r, len(p.Texts[r]), cols)
		}
	}
	return nil
}
