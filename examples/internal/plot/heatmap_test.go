package plot

import (
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func square(n int, value func(row, col int) float32) [][]float32 {
	m := make([][]float32, n)
	for r := range m {
		m[r] = make([]float32, n)
		for c := range m[r] {
			m[r][c] = value(r, c)
		}
	}
	return m
}

// drawn returns the picture, where its parts are, and the faces of its texts.
func drawn(t *testing.T, m *HeatMap) (*image.RGBA, *heatLayout, *faces) {
	t.Helper()
	got, err := m.Draw()
	if err != nil {
		t.Fatal(err)
	}
	l := m.layout()
	f, err := newFaces(l.labelSize)
	if err != nil {
		t.Fatal(err)
	}
	l.measure(m, f)
	return got, l, f
}

// TestCells looks up the middle of every cell.
func TestCells(t *testing.T) {
	nan := float32(math.NaN())
	tokens := []string{"<s>", " Füße", "▁λόγος\n"}
	values := [][]float32{{0, 0.2, 1}, {nan, 0.6, -3}, {7, 0.4, 0.8}}
	m := HeatMap{Title: "Layer 0", Rows: tokens, Cols: tokens, Across: 2}
	for _, title := range []string{"head 0", "head 1", "head 2"} {
		m.Panels = append(m.Panels, Panel{Title: title, Values: values})
	}
	got, l, _ := drawn(t, &m)
	for p := range m.Panels {
		area := l.cells(p)
		if !area.In(got.Bounds()) {
			t.Fatalf("panel %d at %v is outside %v", p, area, got.Bounds())
		}
		for r, row := range values {
			for c, v := range row {
				x, y := area.Min.X+c*l.cell.X+l.cell.X/2, area.Min.Y+r*l.cell.Y+l.cell.Y/2
				if at, want := got.RGBAAt(x, y), Colour(float64(v)); at != want {
					t.Errorf("panel %d cell %d,%d of %v is %v, want %v", p, r, c, v, at, want)
				}
			}
		}
	}
	if l.cells(1).Min.Y != l.cells(0).Min.Y || l.cells(2).Min.X != l.cells(0).Min.X {
		t.Error("panels do not stand two by two")
	}
	for _, where := range []struct {
		name string
		area image.Rectangle
	}{
		{"title", image.Rect(0, 0, 200, margin+20)},
		{"row labels", image.Rect(0, l.cells(0).Min.Y, l.cells(0).Min.X-2, l.cells(0).Max.Y)},
		{"column labels", image.Rect(l.cells(2).Min.X, l.cells(2).Max.Y+2, l.cells(2).Max.X, got.Bounds().Max.Y)},
		{"colour bar", image.Rect(l.width-80, l.first.Y, l.width, l.first.Y+100)},
	} {
		if blank(got, where.area) {
			t.Errorf("nothing is drawn for the %s in %v", where.name, where.area)
		}
	}
	for _, edge := range edges(got.Bounds()) {
		if !blank(got, edge) {
			t.Errorf("the margin %v is not blank", edge)
		}
	}
}

func blank(m *image.RGBA, area image.Rectangle) bool {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if r, g, b, _ := m.At(x, y).RGBA(); r&g&b != 0xffff {
				return false
			}
		}
	}
	return true
}

func edges(b image.Rectangle) []image.Rectangle {
	const n = 5
	return []image.Rectangle{
		image.Rect(0, 0, n, b.Max.Y), image.Rect(0, 0, b.Max.X, n),
		image.Rect(b.Max.X-n, 0, b.Max.X, b.Max.Y), image.Rect(0, b.Max.Y-n, b.Max.X, b.Max.Y),
	}
}

// TestHeatMapSizes draws odd shapes; whatever their size, pictures stay legible
// and within bounds.
func TestHeatMapSizes(t *testing.T) {
	for _, c := range []struct{ rows, cols, panels int }{{1, 1, 1}, {1, 50, 1}, {50, 1, 3}, {300, 2, 1}, {600, 600, 1}, {3, 3, 64}, {2, 2, 7}, {4096, 1, 1}} {
		values := make([][]float32, c.rows)
		for r := range values {
			values[r] = make([]float32, c.cols)
		}
		m := HeatMap{Rows: make([]string, c.rows), Cols: make([]string, c.cols)}
		for range c.panels {
			m.Panels = append(m.Panels, Panel{Values: values})
		}
		got, err := m.Draw()
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if b := got.Bounds(); b.Dx() < 100 || b.Dy() < 100 || b.Dx() > 5000 || b.Dy() > 5000 {
			t.Errorf("%+v: the picture is %v", c, b)
		}
	}
}

func TestHeatMapErrors(t *testing.T) {
	two := square(2, func(int, int) float32 { return 0 })
	three := square(3, func(int, int) float32 { return 0 })
	huge := make([][]float32, 5000)
	for i := range huge {
		huge[i] = make([]float32, 1)
	}
	wide := make([][]float32, 4096)
	for i := range wide {
		wide[i] = make([]float32, 4096)
	}
	var grid []Panel
	for range 9 {
		grid = append(grid, Panel{Values: wide})
	}
	for _, c := range []struct {
		m     HeatMap
		words string
	}{
		{HeatMap{Title: "x"}, `"x" is empty`},
		{HeatMap{Panels: []Panel{{}}}, "is empty"},
		{HeatMap{Panels: []Panel{{Values: [][]float32{{}}}}}, "is empty"},
		{HeatMap{Panels: []Panel{{Values: two}, {Values: three}}}, "panel 1 has 3 rows, panel 0 has 2"},
		{HeatMap{Panels: []Panel{{Values: [][]float32{{1, 2}, {1}}}}}, "row 1 has 1 values, not 2"},
		{HeatMap{Rows: []string{"a"}, Panels: []Panel{{Values: two}}}, "1 row labels for 2 rows"},
		{HeatMap{Cols: []string{"a"}, Panels: []Panel{{Values: two}}}, "1 column labels for 2 columns"},
		{HeatMap{Panels: []Panel{{Values: two}, {Values: two, Rows: []string{"a"}}}}, "panel 1 has 1 row labels for 2 rows"},
		{HeatMap{Across: 2, Panels: []Panel{{Values: two}, {Values: two, Rows: []string{"a", "b"}}}}, "2 panels side by side and panels with labels of their own"},
		{HeatMap{Across: -1, Panels: []Panel{{Values: two}}}, "-1 panels side by side"},
		{HeatMap{Panels: []Panel{{Values: two, Texts: [][]string{{"a"}}}}}, "panel 0 has 1 rows of texts"},
		{HeatMap{Panels: []Panel{{Values: two, Texts: [][]string{{"a"}, {"b"}}}}}, "panel 0 row 0 has 1 texts, not 2"},
		{HeatMap{Frames: []image.Rectangle{image.Rect(0, 0, 3, 1)}, Panels: []Panel{{Values: two}}}, "frame (0,0)-(3,1); a panel has 2 columns"},
		{HeatMap{Frames: []image.Rectangle{{}}, Panels: []Panel{{Values: two}}}, "frame (0,0)-(0,0)"},
		{HeatMap{Panels: []Panel{{Values: huge}}}, "5000×1 cells; 4096×4096 at most"},
		{HeatMap{Panels: make([]Panel, 300)}, "is empty"},
		{HeatMap{Panels: append([]Panel{{Values: two}}, make([]Panel, 300)...)}, "301 panels; 256 at most"},
		{HeatMap{Panels: grid}, "pixels"},
		{HeatMap{Panels: []Panel{{Values: two, Title: strings.Repeat("long ", 1<<17)}}}, "pixels"},
	} {
		if _, err := c.m.Draw(); err == nil || !strings.Contains(err.Error(), c.words) || !strings.HasPrefix(err.Error(), "plot: ") {
			t.Errorf("error %v lacks %q", err, c.words)
		}
	}
}

// TestTexts has texts in cells, a frame, a caption and a key: each is where it belongs, and nothing is cut.
func TestTexts(t *testing.T) {
	values := [][]float32{{0, 1, 0.5}, {0.2, 0.9, 0}}
	texts := [][]string{{" a long token", "b", ""}, {"c", "d", "e"}}
	m := HeatMap{Rows: []string{"one", "two"}, Caption: "first\nsecond", Key: "how likely each of the tokens is, beside the bar",
		Panels: []Panel{{Values: values, Texts: texts}, {Values: values}}, Frames: []image.Rectangle{image.Rect(0, 1, 2, 2), image.Rect(2, 1, 3, 2)}}
	got, l, f := drawn(t, &m)
	if need := width(f.label, "·a·long·token"); l.cell.X <= need {
		t.Errorf("a cell is %d wide, its text %d", l.cell.X, need)
	}
	if need := width(f.text, m.Key); l.barHeight < need || got.Bounds().Dy() < l.first.Y+need {
		t.Errorf("the bar is %d high, its key %d", l.barHeight, need)
	}
	inks := func(panel, col, row int) map[rgb]bool { // the colours that a text may have, of those in a cell
		found := map[rgb]bool{}
		cell := l.block(panel, image.Rect(col, row, col+1, row+1)).Inset(3)
		for y := cell.Min.Y; y < cell.Max.Y; y++ {
			for x := cell.Min.X; x < cell.Max.X; x++ {
				for _, paint := range []rgb{ink, white} {
					if got.RGBAAt(x, y) == (color.RGBA{uint8(paint >> 16), uint8(paint >> 8 & 255), uint8(paint & 255), 255}) {
						found[paint] = true
					}
				}
			}
		}
		return found
	}
	for _, c := range []struct {
		panel, col, row int
		want            []rgb
	}{{0, 0, 0, []rgb{white}}, {0, 1, 0, []rgb{ink}}, {0, 2, 0, nil}, {0, 1, 1, []rgb{ink}}, {1, 0, 0, nil}, {1, 1, 1, nil}} {
		found := inks(c.panel, c.col, c.row)
		if len(found) != len(c.want) || len(found) == 1 && !found[c.want[0]] {
			t.Errorf("panel %d, column %d, row %d has texts in the colours %v, want %v", c.panel, c.col, c.row, found, c.want)
		}
	}
	for panel := range 2 {
		b := l.block(panel, image.Rect(0, 1, 3, 2))
		corner := color.RGBA{0xd5, 0x5e, 0, 255}
		for _, at := range []image.Point{b.Min.Sub(image.Pt(1, 1)), b.Min, b.Max.Sub(image.Pt(1, 1)), b.Max.Sub(image.Pt(2, 2))} {
			if got.RGBAAt(at.X, at.Y) != corner {
				t.Errorf("panel %d: no frame at %v", panel, at)
			}
		}
		if between := l.block(panel, m.Frames[1]).Min; got.RGBAAt(between.X-1, between.Y+5) == corner {
			t.Errorf("panel %d: a frame between two that touch", panel)
		}
		if above := l.block(panel, image.Rect(0, 0, 1, 1)); got.RGBAAt(above.Min.X, above.Min.Y) == corner {
			t.Errorf("panel %d: a frame in row 0", panel)
		}
	}
	if blank(got, image.Rect(0, l.captionTop, 200, l.captionTop+2*height(f.text))) {
		t.Error("no caption")
	}
	for _, edge := range edges(got.Bounds()) {
		if !blank(got, edge) {
			t.Errorf("the margin %v is not blank", edge)
		}
	}
}

// TestPlainLabels has labels far longer than tokens, many of them: each has room for all of it.
func TestPlainLabels(t *testing.T) {
	m := HeatMap{PlainRows: true, PlainCols: true}
	for range 120 {
		m.Rows = append(m.Rows, strings.Repeat("a word ", 20)+"end")
	}
	m.Cols = m.Rows[:2]
	m.Panels = []Panel{{Values: make([][]float32, 120)}}
	for i := range m.Rows {
		m.Panels[0].Values[i] = make([]float32, 2)
	}
	_, l, f := drawn(t, &m)
	if l.rowTags[0][0] != m.Rows[0] || l.colTags[1] != m.Cols[1] {
		t.Errorf("labels read %q and %q", l.rowTags[0][0], l.colTags[1])
	}
	if need := width(f.label, m.Rows[0]); l.first.X < margin+need || l.height < l.first.Y+120*l.cell.Y+need {
		t.Errorf("no room for %d in a picture %d high, with cells from %v", need, l.height, l.first)
	}
	if n := every(height(f.label), l.cell.Y); n != 1 {
		t.Errorf("one label in %d is shown", n)
	}
}

// Panels may have labels of their own: all are there, and the panels stand one below the other.
func TestPanelRows(t *testing.T) {
	two := square(2, func(int, int) float32 { return 0 })
	m := HeatMap{PlainRows: true, Rows: []string{"a", "b"}, Panels: []Panel{{Values: two}, {Values: two, Rows: []string{"c", "the longest of all"}}, {Values: two}}}
	picture, l, f := drawn(t, &m)
	if l.across != 1 || l.first.X < margin+width(f.label, "the longest of all") {
		t.Errorf("%d panels side by side, cells from %v", l.across, l.first)
	}
	for i, want := range [][]string{m.Rows, m.Panels[1].Rows, m.Rows} {
		cells := l.cells(i)
		area := image.Rect(margin, cells.Min.Y+l.cell.Y, cells.Min.X, cells.Max.Y)
		if !slices.Equal(l.rowTags[i], want) || blank(picture, area) {
			t.Errorf("panel %d has labels %q, want %q", i, l.rowTags[i], want)
		}
	}
	area := l.cells(0)
	if short := image.Rect(margin, area.Min.Y, area.Min.X-6-width(f.label, "a"), area.Max.Y); !blank(picture, short) {
		t.Error("the first panel has the labels of another one")
	}
}

func TestWritePNG(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	if err := (HeatMap{}).WritePNG(path); err == nil {
		t.Error("an empty heat map gives no error")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("a file is left behind by an error")
	}
	m := HeatMap{Title: "A", Panels: []Panel{{Values: square(4, func(r, c int) float32 { return float32(r*c) / 9 })}}}
	want, err := m.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.WritePNG(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Bounds() {
		t.Errorf("the file holds %v, want %v", got.Bounds(), want.Bounds())
	}
	if err := m.WritePNG(filepath.Join(path, "b.png")); err == nil || !strings.HasPrefix(err.Error(), "plot: ") {
		t.Errorf("a path that cannot be: error %v", err)
	}
}

// TestColour checks that lightness grows and that no channel is cut off, which
// would show as bands.
func TestColour(t *testing.T) {
	last := -1.0
	for i := range 257 {
		v := float64(i) / 256
		r, g, b := okLabLinear(ramp(v))
		if min(r, g, b) < -1e-3 || max(r, g, b) > 1.001 {
			t.Errorf("%v is outside sRGB: %v %v %v", v, r, g, b)
		}
		if y := 0.2126*r + 0.7152*g + 0.0722*b; y <= last {
			t.Errorf("%v is no lighter than the value before", v)
		} else {
			last = y
		}
	}
	if Colour(-1) != Colour(0) || Colour(2) != Colour(1) || Colour(math.NaN()) == Colour(0) {
		t.Error("values outside 0 to 1 have the wrong colour")
	}
}

func TestTokenLabels(t *testing.T) {
	f, err := newFaces(12)
	if err != nil {
		t.Fatal(err)
	}
	in := []string{"the", " of", "▁Füße", "\n\t", "\x00", "кот", "日", "\xff", strings.Repeat("é", 30), ""}
	want := []string{"the", "·of", "·Füße", `\n\t`, `\x00`, "кот", "□", "�", strings.Repeat("é", maxLabel) + "…", ""}
	for i, got := range tokenLabels(f.label, in) {
		if got != want[i] {
			t.Errorf("%q reads %q, want %q", in[i], got, want[i])
		}
	}
}
