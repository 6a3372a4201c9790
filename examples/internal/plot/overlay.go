package plot

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
)

// An Overlay shows a picture several times, each time with the light on what some weights say: which patches a model
// looked at.
type Overlay struct {
	Title string
	// Caption is one line below the title.
	Caption string
	Picture image.Image
	Name    string // of the picture, which stands first without weights
	Panels  []Light
	// Across is how many pictures stand side by side; 0 chooses.
	Across int
}

// Light is where the light falls.
type Light struct {
	Title string
	// Weights, [rows][cols], belong to the parts of the picture from the upper left; the largest gives full light.
	Weights [][]float32
}

const tile = 224 // pixels of the longer side of a picture

// WritePNG draws the overlay to a file.
func (o Overlay) WritePNG(path string) error { return writePNG(path, o.Draw) }

// Draw returns the picture. Weights that are negative, not finite or of unequal rows give an error.
func (o Overlay) Draw() (*image.RGBA, error) {
	if o.Picture == nil || o.Picture.Bounds().Empty() {
		return nil, fmt.Errorf("plot: overlay %q has no picture", o.Title)
	}
	if len(o.Panels) > maxPanels {
		return nil, fmt.Errorf("plot: overlay %q has %d panels; %d at most can be drawn", o.Title, len(o.Panels), maxPanels)
	}
	for i, p := range o.Panels {
		if err := checkLight(p.Weights); err != nil {
			return nil, fmt.Errorf("plot: overlay %q: panel %d: %w", o.Title, i, err)
		}
	}
	f, err := newFaces(14)
	if err != nil {
		return nil, err
	}
	titles := []string{o.Name}
	for _, p := range o.Panels {
		titles = append(titles, p.Title)
	}
	titles = plainLabels(f.text, titles)
	small := shrunk(o.Picture)
	across := o.across(len(titles))
	room := image.Pt(max(small.Bounds().Dx(), widest(f.text, titles)), small.Bounds().Dy()+height(f.text)+6)
	top := margin + height(f.title) + 6 + height(f.text) + 12
	rows := (len(titles) + across - 1) / across
	c, err := newCanvas(f, max(2*margin+across*(room.X+gap)-gap, 2*margin+width(f.text, o.Caption), 2*margin+width(f.title, o.Title)), top+rows*(room.Y+gap)-gap+margin)
	if err != nil {
		return nil, err
	}
	c.write(c.title, o.Title, margin, margin, start, start, ink)
	c.write(c.text, o.Caption, margin, margin+height(f.title)+6, start, start, soft)
	for i, title := range titles {
		at := image.Pt(margin+i%across*(room.X+gap), top+i/across*(room.Y+gap))
		area := small.Bounds().Add(at)
		c.write(c.text, title, at.X, at.Y+small.Bounds().Dy()+4, start, start, ink)
		if i == 0 {
			draw.Draw(c.RGBA, area, small, image.Point{}, draw.Src)
		} else {
			c.lit(area, small, o.Panels[i-1].Weights)
		}
		c.outline(area, frame)
	}
	return c.RGBA, nil
}

func (o *Overlay) across(n int) int {
	if o.Across > 0 {
		return min(o.Across, n)
	}
	return min(n, max(4, int(math.Ceil(math.Sqrt(float64(n))))))
}

func checkLight(w [][]float32) error {
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
