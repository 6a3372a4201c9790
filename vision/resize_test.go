package vision

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// noise returns a picture of random bytes.
func noise(r *rand.Rand, mode Mode, width, height int) *Image {
	m := blank(mode, width, height)
	for i := range m.pix {
		m.pix[i] = byte(r.Uint32())
	}
	return m
}

// TestResizePart compares parts of resized pictures with the same parts of the whole.
func TestResizePart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		mode := []Mode{L, LA, RGB, RGBA, CMYK, I16}[r.IntN(6)]
		m := noise(r, mode, 1+r.IntN(60), 1+r.IntN(60))
		width, height := 1+r.IntN(60), 1+r.IntN(60)
		f := Filter(r.IntN(int(Lanczos) + 1))
		x, y := r.IntN(width), r.IntN(height)
		w, h := 1+r.IntN(width-x), 1+r.IntN(height-y)
		for _, how := range []Arithmetic{Pillow, Torchvision} {
			whole := m.resize(span{m.width, width, 0, width}, span{m.height, height, 0, height}, f, how).Crop(x, y, w, h)
			part := m.resize(span{m.width, width, x, x + w}, span{m.height, height, y, y + h}, f, how)
			if !bytes.Equal(whole.pix, part.pix) {
				t.Fatalf("%v of %d × %d to %d × %d, %v: the part of %d × %d at (%d, %d) differs from the whole's",
					mode, m.width, m.height, width, height, f, w, h, x, y)
			}
		}
	}
}
