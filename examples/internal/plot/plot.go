// Package plot draws the pictures of the examples: heat maps of
// attention weights and measurements on logarithmic axes.
//
//	m := plot.HeatMap{Title: "Layer 3", Rows: tokens, Cols: tokens, Panels: heads}
//	err := m.WritePNG("layer3.png")
//
// Values that cannot be drawn give errors that say which and what would be
// right. All functions may be used from several goroutines at once.
package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
)

// maxPixels bounds a picture, at 4 bytes a pixel.
const maxPixels = 40 << 20

// rgb is an opaque colour, 0xrrggbb.
type rgb uint32

const (
	white  rgb = 0xffffff
	ink    rgb = 0x22262e
	soft   rgb = 0x606670
	frame  rgb = 0x969ca6
	grid   rgb = 0xd6dae0
	faint  rgb = 0xeef0f3
	absent rgb = 0xcdcdcd
	accent rgb = 0xd55e00
)

// RGBA is the colour as package image/color has it.
func (c rgb) RGBA() (r, g, b, a uint32) {
	return uint32(c>>16) & 255 * 257, uint32(c>>8) & 255 * 257, uint32(c) & 255 * 257, 0xffff
}

// A canvas is a picture in the making and the faces to write on it.
type canvas struct {
	*image.RGBA
	*faces
}

// newCanvas makes a white picture.
func newCanvas(f *faces, width, height int) (*canvas, error) {
	if width <= 0 || height <= 0 || width > maxPixels/height {
		return nil, fmt.Errorf("plot: a picture of %d×%d pixels; it may have %d at most", width, height, maxPixels)
	}
	c := &canvas{image.NewRGBA(image.Rect(0, 0, width, height)), f}
	c.fill(c.Bounds(), white)
	return c, nil
}

func (c *canvas) fill(r image.Rectangle, paint color.Color) {
	draw.Draw(c.RGBA, r, image.NewUniform(paint), image.Point{}, draw.Src)
}

// outline draws a border of one pixel just outside r.
func (c *canvas) outline(r image.Rectangle, paint color.Color) {
	o := r.Inset(-1)
	c.fill(image.Rect(o.Min.X, o.Min.Y, o.Max.X, r.Min.Y), paint)
	c.fill(image.Rect(o.Min.X, r.Max.Y, o.Max.X, o.Max.Y), paint)
	c.fill(image.Rect(o.Min.X, o.Min.Y, r.Min.X, o.Max.Y), paint)
	c.fill(image.Rect(r.Max.X, o.Min.Y, o.Max.X, o.Max.Y), paint)
}

// writePNG writes what draw gives; no file is made if draw fails.
func writePNG(path string, draw func() (*image.RGBA, error)) (err error) {
	m, err := draw()
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("plot: %w", e)
		}
	}()
	if err := png.Encode(f, m); err != nil {
		return fmt.Errorf("plot: %s: %w", path, err)
	}
	return nil
}
