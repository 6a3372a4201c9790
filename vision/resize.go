package vision

import (
	"fmt"
	"math"
)

// Filter is what a resized pixel is made of. The names are Pillow's. All but Nearest take in every source pixel when a
// picture gets smaller.
type Filter uint8

// The filters.
const (
	Nearest Filter = iota
	Box
	Bilinear
	Hamming
	Bicubic // a = −0.5
	Lanczos
)

var filters = [...]struct {
	name    string
	support float64
	weight  func(float64) float64
}{
	{"nearest", 0, nil}, {"box", 0.5, box}, {"bilinear", 1, triangle}, {"hamming", 1, hamming}, {"bicubic", 2, cubic}, {"lanczos", 3, lanczos},
}

// String returns the filter's name in lower case.
func (f Filter) String() string {
	if int(f) < len(filters) {
		return filters[f].name
	}
	return fmt.Sprintf("Filter(%d)", uint8(f))
}

// Arithmetic is the library whose bytes a resize gives.
type Arithmetic uint8

const (
	// Pillow gives the bytes of Pillow's Image.resize.
	Pillow Arithmetic = iota

	// Torchvision resizes as torchvision does tensors of bytes with antialias: with weights of 16 bits. transformers
	// uses it where torchvision is installed. It knows Nearest, Bilinear and Bicubic.
	Torchvision
)

// The products that are added to are converted, which keeps a compiler from fusing them: Pillow's weights are the same
// on every machine.

func box(x float64) float64 {
	if x > -0.5 && x <= 0.5 {
		return 1
	}
	return 0
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

func hamming(x float64) float64 {
	x = math.Abs(x)
	if x == 0 {
		return 1
	}
	if x >= 1 {
		return 0
	}
	x *= math.Pi
	return math.Sin(x) / x * (float64(float32(0.54)) + float64(float64(float32(0.46))*math.Cos(x)))
}

func cubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	if x < 1 {
		return float64((float64((a+2)*x)-(a+3))*x*x) + 1
	}
	if x < 2 {
		return (float64((float64((x-5)*x)+8)*x) - 4) * a
	}
	return 0
}

func lanczos(x float64) float64 {
	if -3 <= x && x < 3 {
		return sinc(x) * sinc(x/3)
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// Resize returns the picture in another size, with the bytes of Pillow's resize: of P and Bilevel it always takes the
// nearest pixel, and colours with alpha are multiplied by it meanwhile. It panics if the size is not positive.
func (m *Image) Resize(width, height int, f Filter) *Image {
	if width <= 0 || height <= 0 {
		panic(fmt.Sprintf("vision: resize to %d × %d", width, height))
	}
	return new(scratch).resize(m, span{m.width, width, 0, width}, span{m.height, height, 0, height}, f, Pillow)
}

// resize computes a part of the resized picture, with the bytes that the whole would have there. The result may lie in the
// scratch memory, or be m.
func (w *scratch) resize(m *Image, across, down span, f Filter, how Arithmetic) *Image {
	if across.size == m.width && down.size == m.height {
		if across.len() == m.width && down.len() == m.height {
			return m
		}
		return m.Crop(across.from, down.from, across.len(), down.len())
	}
	if f == Nearest || m.mode == P || m.mode == Bilevel {
		return m.nearest(across, down)
	}
	switch m.mode {
	case I16:
		return w.resample16(m, across, down, f)
	case LA, RGBA:
		out := w.resample(m.premultiplied(), across, down, f, how)
		out.divideAlpha()
		return out
	}
	return w.resample(m, across, down, f, how)
}

// nearest takes the pixels at the places that Pillow's affine transform comes to by adding up.
func (m *Image) nearest(across, down span) *Image {
	out, n := m.like(across.len(), down.len()), m.mode.bytes()
	columns, rows := across.places(), down.places()
	for y, sy := range rows {
		row := out.pix[y*out.width*n:][:out.width*n]
		src := m.pix[sy*m.width*n:]
		for x, sx := range columns {
			copy(row[x*n:][:n], src[sx*n:])
		}
	}
	return out
}

func (s span) places() []int {
	step := float64(s.in) / float64(s.size)
	at := step * 0.5
	places := make([]int, s.len())
	for i := range s.to {
		if i >= s.from {
			places[i-s.from] = min(int(at), s.in-1)
		}
		at += step
	}
	return places
}
