package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
)

// A Sheet shows pictures side by side: those of a folder, or one picture several times, each time with the light on
// what some weights say, such as which patches a model looked at.
type Sheet struct {
	Title string
	// Caption is one line below the title.
	Caption string
	Tiles   []Tile
	// Across is how many pictures stand side by side; 0 chooses.
	Across int
}

// Tile is a picture with a title below it.
type Tile struct {
	Title   string
	Picture image.Image
	// Weights, [rows][cols], belong to the parts of the picture from the upper left: the largest leaves a part as it is,
	// and 0 makes it dark and grey. nil shows the picture alone.
	Weights [][]float32
}

const tile = 224 // pixels of the longer side of a picture

// WritePNG draws the sheet to a file.
func (s Sheet) WritePNG(path string) error { return writePNG(path, s.Draw) }

// Draw returns the sheet. Weights that are negative, not finite or of unequal rows give an error, and so does a sheet
// without tiles.
func (s Sheet) Draw() (*image.RGBA, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	f, err := newFaces(14)
	if err != nil {
		return nil, err
	}
	var titles []string
	var small []*image.RGBA
	room := image.Pt(tile/2, 0)
	for _, t := range s.Tiles {
		m := shrunk(t.Picture)
		titles, small = append(titles, t.Title), append(small, m)
		room = image.Pt(max(room.X, m.Bounds().Dx()), max(room.Y, m.Bounds().Dy()))
	}
	titles = plainLabels(f.text, titles)
	room = image.Pt(max(room.X, widest(f.text, titles)), room.Y+height(f.text)+6)
	across := s.across()
	top := margin + height(f.title) + 6 + height(f.text) + 12
	wide := max(across*(room.X+gap)-gap, width(f.text, s.Caption), width(f.title, s.Title))
	c, err := newCanvas(f, 2*margin+wide, top+(len(small)+across-1)/across*(room.Y+gap)-gap+margin)
	if err != nil {
		return nil, err
	}
	c.write(c.title, s.Title, margin, margin, start, start, ink)
	c.write(c.text, s.Caption, margin, margin+height(f.title)+6, start, start, soft)
	for i, m := range small {
		at := image.Pt(margin+i%across*(room.X+gap), top+i/across*(room.Y+gap))
		area := m.Bounds().Add(at)
		c.write(c.text, titles[i], at.X, area.Max.Y+4, start, start, ink)
		if w := s.Tiles[i].Weights; w == nil {
			draw.Draw(c.RGBA, area, m, image.Point{}, draw.Src)
		} else {
			c.lit(area, m, w)
		}
		c.outline(area, frame)
	}
	return c.RGBA, nil
}

// across returns how many tiles stand side by side: at most 5 if nobody says, and as many in each row as can be.
func (s *Sheet) across() int {
	n := len(s.Tiles)
	if s.Across > 0 {
		return min(s.Across, n)
	}
	rows := (n + 4) / 5
	return (n + rows - 1) / rows
}

func (s *Sheet) check() error {
	if n := len(s.Tiles); n < 1 || n > maxPanels {
		return fmt.Errorf("plot: sheet %q has %d tiles; it has 1 to %d", s.Title, n, maxPanels)
	}
	for i, t := range s.Tiles {
		if t.Picture == nil || t.Picture.Bounds().Empty() {
			return fmt.Errorf("plot: sheet %q: tile %d has no picture", s.Title, i)
		}
		if t.Weights == nil {
			continue
		}
		if err := checkWeights(t.Weights); err != nil {
			return fmt.Errorf("plot: sheet %q: tile %d: %w", s.Title, i, err)
		}
	}
	return nil
}

func checkWeights(w [][]float32) error {
	if len(w) == 0 || len(w[0]) == 0 {
		return fmt.Errorf("no weights")
	}
	for _, row := range w {
		if len(row) != len(w[0]) {
			return fmt.Errorf("rows of %d and %d weights", len(w[0]), len(row))
		}
		for _, v := range row {
			if !(v >= 0) || math.IsInf(float64(v), 1) {
				return fmt.Errorf("the weight %v; weights are 0 or more, and finite", v)
			}
		}
	}
	return nil
}

// shrunk returns the picture with a longer side of tile pixels, over white.
func shrunk(m image.Image) *image.RGBA {
	b := m.Bounds()
	size := image.Pt(tile, max(b.Dy()*tile/b.Dx(), 1))
	if b.Dy() > b.Dx() {
		size = image.Pt(max(b.Dx()*tile/b.Dy(), 1), tile)
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(out, out.Bounds(), m, b, draw.Over, nil)
	return out
}

// lit draws a picture in grey, and in its own colours where the weights are large. A weight is that of the middle of its part;
// between the middles it changes evenly.
func (c *canvas) lit(area image.Rectangle, m *image.RGBA, w [][]float32) {
	most := float32(math.SmallestNonzeroFloat32)
	for _, row := range w {
		for _, v := range row {
			most = max(most, v)
		}
	}
	for y := range area.Dy() {
		for x := range area.Dx() {
			v := float64(between(w, at(x, area.Dx(), len(w[0])), at(y, area.Dy(), len(w))) / most)
			p := m.RGBAAt(x, y)
			grey := 0.299*float64(p.R) + 0.587*float64(p.G) + 0.114*float64(p.B)
			shade := func(k uint8) uint8 {
				own, dim := float64(k), 20+0.32*grey
				return uint8(math.Round(dim + v*(own-dim)))
			}
			c.SetRGBA(area.Min.X+x, area.Min.Y+y, color.RGBA{shade(p.R), shade(p.G), shade(p.B), 255})
		}
	}
}

// at returns the place of a pixel among parts whose middles are at 0, 1, 2, …
func at(pixel, pixels, parts int) float64 {
	v := (float64(pixel)+0.5)*float64(parts)/float64(pixels) - 0.5
	return min(max(v, 0), float64(parts-1))
}

func between(w [][]float32, x, y float64) float32 {
	i, j := int(x), int(y)
	right, below := min(i+1, len(w[0])-1), min(j+1, len(w)-1)
	dx, dy := float32(x-float64(i)), float32(y-float64(j))
	upper := w[j][i] + dx*(w[j][right]-w[j][i])
	lower := w[below][i] + dx*(w[below][right]-w[below][i])
	return upper + dy*(lower-upper)
}
