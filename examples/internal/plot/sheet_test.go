package plot

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"
	"testing"
)

func filled(width, height int, c color.Color) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(m, m.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	return m
}

// The part with the largest weight has the picture's colour, one without weight is grey and dark.
func TestSheet(t *testing.T) {
	red := color.RGBA{220, 30, 40, 255}
	m := filled(64, 64, red)
	s := Sheet{Title: "t", Tiles: []Tile{{"plain", m, nil}, {"lit", m, [][]float32{{0, 0, 0}, {0, 0, 0}, {0, 0, 0.5}}}}}
	got, err := s.Draw()
	if err != nil {
		t.Fatal(err)
	}
	var own, dim []image.Point
	for y := range got.Bounds().Dy() {
		for x := range got.Bounds().Dx() {
			switch c := got.RGBAAt(x, y); {
			case c == red:
				own = append(own, image.Pt(x, y))
			case c.R == c.G && c.G == c.B && c.R < 60 && c.R > 20:
				dim = append(dim, image.Pt(x, y))
			}
		}
	}
	// the plain picture, and of the second one the lower right corner from the middle of its last part
	if want := tile*tile + (tile/6)*(tile/6); math.Abs(float64(len(own)-want)) > 200 {
		t.Errorf("%d pixels are as bright as the picture, want about %d", len(own), want)
	}
	if len(dim) < tile*tile/3 {
		t.Errorf("%d pixels are dark", len(dim))
	}
}

// A picture that is wide or high keeps its form, however extreme.
func TestSheetForms(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {3000, 3}, {2, 900}, {100, 150}} {
		m := shrunk(filled(size.X, size.Y, color.White))
		if b := m.Bounds(); max(b.Dx(), b.Dy()) != tile || min(b.Dx(), b.Dy()) != max(min(size.X, size.Y)*tile/max(size.X, size.Y), 1) {
			t.Errorf("%v becomes %v", size, b)
		}
	}
}

func TestSheetRefuses(t *testing.T) {
	m := filled(8, 8, color.Black)
	inf := float32(math.Inf(1))
	for _, bad := range []struct {
		tiles []Tile
		says  string
	}{
		{nil, "0 tiles"},
		{make([]Tile, maxPanels+1), "257 tiles"},
		{[]Tile{{}}, "no picture"},
		{[]Tile{{"", m, [][]float32{}}}, "no weights"},
		{[]Tile{{"", m, [][]float32{{1, 1}, {1}}}}, "rows of 2 and 1"},
		{[]Tile{{"", m, [][]float32{{-1}}}}, "the weight -1"},
		{[]Tile{{"", m, [][]float32{{inf}}}}, "the weight +Inf"},
	} {
		if _, err := (Sheet{Tiles: bad.tiles}).Draw(); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("error %v, want one with %q", err, bad.says)
		}
	}
}
