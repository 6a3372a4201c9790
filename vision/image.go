package vision

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/resample"
)

// Mode says what the bytes of a picture mean. The names are Pillow's.
type Mode uint8

// The modes of pictures. A channel is a byte, but for I16.
const (
	Bilevel Mode = iota // black and white, Pillow's "1": a byte of 0 or 255 a pixel
	L                   // grey
	LA                  // grey and alpha
	P                   // an index into a palette
	RGB
	RGBA // alpha is not multiplied into the colours
	CMYK // 0 is no ink
	I16  // grey of 16 bits, the low byte first
)

var modes = [...]struct {
	name     string
	channels int // bytes of a pixel
}{{"1", 1}, {"L", 1}, {"LA", 2}, {"P", 1}, {"RGB", 3}, {"RGBA", 4}, {"CMYK", 4}, {"I;16", 2}}

// String returns Pillow's name of the mode.
func (m Mode) String() string {
	if int(m) < len(modes) {
		return modes[m].name
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// bytes returns the number of bytes of a pixel.
func (m Mode) bytes() int { return modes[m].channels }

// An Image is a picture as Pillow would hold it: its mode and bytes, not yet converted to anything. It does not
// change, so any number of goroutines may use it. Make one with [Decode], [DecodeFile], [FromImage] or [FromBytes].
type Image struct {
	mode          Mode
	width, height int
	pix           []byte        // rows from the top without gaps; resample.Slack bytes follow in its capacity
	palette       *[256][4]byte // of P: red, green, blue, alpha
	transparent   bool          // of P: the file gives the palette alpha
	key           []uint16      // of Bilevel, L, I16 and RGB: the colour that is transparent, a value a channel
	orientation   uint8         // 1 to 8 as EXIF counts them; 0 where the file says nothing
	format        string        // of the file: "png"; "" if it was made from memory
}

// Mode returns what the picture's bytes mean.
func (m *Image) Mode() Mode { return m.mode }

// Width returns the number of columns.
func (m *Image) Width() int { return m.width }

// Height returns the number of rows.
func (m *Image) Height() int { return m.height }

// Format returns the format of the file: "png", "jpeg", "gif", "webp", "bmp" or "tiff"; "" if there was none.
func (m *Image) Format() string { return m.format }

// HasAlpha reports whether anything may be transparent: by an alpha channel, by a palette with alpha, or by a colour
// that stands for transparent (tRNS of a PNG).
func (m *Image) HasAlpha() bool {
	return m.mode == LA || m.mode == RGBA || m.mode == P && m.transparent || m.key != nil
}

// AppendBytes appends the picture's bytes to dst and returns the result: rows from the top, pixels from the left,
// channels interleaved, nothing between rows.
func (m *Image) AppendBytes(dst []byte) []byte { return append(dst, m.pix...) }

// blank returns a picture with undefined bytes, and with memory behind them as the kernels ask for.
func blank(mode Mode, width, height int) *Image {
	n := width * height * mode.bytes()
	return &Image{mode: mode, width: width, height: height, pix: make([]byte, n, n+resample.Slack)}
}

// like returns a blank picture of another size, with m's palette and transparent colour.
func (m *Image) like(width, height int) *Image {
	out := blank(m.mode, width, height)
	out.palette, out.transparent, out.key, out.format = m.palette, m.transparent, m.key, m.format
	return out
}

// FromBytes returns a picture of bytes in a mode other than P, in the layout of [Image.AppendBytes]. It copies them.
// It returns an error if there are not exactly width × height pixels, or none.
func FromBytes(mode Mode, width, height int, pix []byte) (*Image, error) {
	if int(mode) >= len(modes) || mode == P {
		return nil, fmt.Errorf("vision: a picture of mode %v cannot be made from bytes alone", mode)
	}
	if width <= 0 || height <= 0 || height > math.MaxInt/8/width {
		return nil, fmt.Errorf("vision: a picture of %d × %d pixels is not possible", width, height)
	}
	if want := width * height * mode.bytes(); len(pix) != want {
		return nil, fmt.Errorf("vision: a picture of %d × %d pixels in mode %v has %d bytes, these are %d", width, height, mode, want, len(pix))
	}
	m := blank(mode, width, height)
	copy(m.pix, pix)
	return m, nil
}

// Crop returns the part of the picture that begins at column x and row y. It panics if the part is empty or does not
// lie within the picture.
func (m *Image) Crop(x, y, width, height int) *Image {
	if x < 0 || y < 0 || width <= 0 || height <= 0 || x > m.width-width || y > m.height-height {
		panic(fmt.Sprintf("vision: crop of %d × %d at (%d, %d) from a picture of %d × %d", width, height, x, y, m.width, m.height))
	}
	out, n := m.like(width, height), m.mode.bytes()
	for r := range height {
		copy(out.pix[r*width*n:][:width*n], m.pix[((y+r)*m.width+x)*n:])
	}
	return out
}

// Orientation returns how the camera says the picture is to be turned, 1 to 8 as in EXIF; 1 is upright, and is also
// what a file without that says.
func (m *Image) Orientation() int { return max(1, int(m.orientation)) }

// Upright returns the picture turned as [Image.Orientation] says.
func (m *Image) Upright() *Image {
	o := m.Orientation()
	if o == 1 {
		return m
	}
	width, height := m.width, m.height
	if o >= 5 {
		width, height = height, width
	}
	out, n := m.like(width, height), m.mode.bytes()
	for y := range height {
		row := out.pix[y*width*n:][:width*n]
		for x := range width {
			sx, sy := m.source(o, x, y)
			copy(row[x*n:][:n], m.pix[(sy*m.width+sx)*n:])
		}
	}
	return out
}

// source returns where the upright picture's pixel (x, y) lies in a picture of orientation o.
func (m *Image) source(o, x, y int) (int, int) {
	if o >= 5 {
		x, y = y, x
	}
	if o == 2 || o == 3 || o == 7 || o == 8 {
		x = m.width - 1 - x
	}
	if o == 3 || o == 4 || o == 6 || o == 7 {
		y = m.height - 1 - y
	}
	return x, y
}

// equal reports whether two pictures hold the same.
func (m *Image) equal(o *Image) bool {
	return m.mode == o.mode && m.width == o.width && m.height == o.height && slices.Equal(m.pix, o.pix)
}
