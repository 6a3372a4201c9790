package plot

import (
	"image"
	"image/draw"
)

// WriteStack draws charts below each other to a PNG file. It is an error if
// one of them cannot be drawn, or if there are none.
func WriteStack(path string, charts ...LogLog) error {
	return writePNG(path, func() (*image.RGBA, error) {
		var drawn []*image.RGBA
		width, height := 0, 0
		for _, c := range charts {
			m, err := c.Draw()
			if err != nil {
				return nil, err
			}
			drawn = append(drawn, m)
			width, height = max(width, m.Rect.Dx()), height+m.Rect.Dy()
		}
		f, err := newFaces(13)
		if err != nil {
			return nil, err
		}
		all, err := newCanvas(f, width, height)
		if err != nil {
			return nil, err
		}
		y := 0
		for _, m := range drawn {
			draw.Draw(all.RGBA, m.Rect.Add(image.Pt(0, y)), m, image.Point{}, draw.Src)
			y += m.Rect.Dy()
		}
		return all.RGBA, nil
	})
}
