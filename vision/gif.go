package vision

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
)

// gifHead is what lies before the first frame of a GIF.
type gifHead struct {
	width, height int // of the screen
	frame         image.Rectangle
	palette       []byte // the frame's or the screen's, RGB triples; nil if there is none
	transparent   int    // index, or -1
}

func readGIFHead(b []byte) (h gifHead, err error) {
	short := malformed("gif: the file ends too early")
	if len(b) < 13 {
		return h, short
	}
	h.width, h.height = int(binary.LittleEndian.Uint16(b[6:])), int(binary.LittleEndian.Uint16(b[8:]))
	h.transparent = -1
	rest := b[13:]
	if h.palette, rest, err = gifPalette(b[10], rest); err != nil {
		return h, err
	}
	for len(rest) > 0 {
		switch rest[0] {
		case '!':
			if len(rest) < 3 {
				return h, short
			}
			if n := int(rest[2]); rest[1] == 0xf9 && n >= 4 && len(rest) >= 3+n && rest[3]&1 != 0 {
				h.transparent = int(rest[6])
			}
			rest = rest[2:]
			for len(rest) > 0 && rest[0] != 0 {
				rest = rest[min(len(rest), 1+int(rest[0])):]
			}
			rest = rest[min(len(rest), 1):]
		case ',':
			if len(rest) < 10 {
				return h, short
			}
			x, y := int(binary.LittleEndian.Uint16(rest[1:])), int(binary.LittleEndian.Uint16(rest[3:]))
			h.frame = image.Rect(x, y, x+int(binary.LittleEndian.Uint16(rest[5:])), y+int(binary.LittleEndian.Uint16(rest[7:])))
			own, _, err := gifPalette(rest[9], rest[10:])
			if own != nil {
				h.palette = own
			}
			return h, err
		case ';':
			return h, malformed("gif: there is no picture in the file")
		default:
			rest = rest[1:]
		}
	}
	return h, short
}

// gifPalette takes a palette from the front of b, if flags say that there is one.
func gifPalette(flags byte, b []byte) (palette, rest []byte, err error) {
	if flags&0x80 == 0 {
		return nil, b, nil
	}
	n := 3 << (flags&7 + 1)
	if len(b) < n {
		return nil, nil, malformed("gif: the file ends too early")
	}
	return b[:n], b[n:], nil
}

// grey reports whether each index of a palette stands for the grey of that value. Pillow opens such a picture in mode L.
func grey(palette []byte) bool {
	for i, v := range palette {
		if int(v) != i/3 {
			return false
		}
	}
	return true
}

func decodeGIF(b []byte, limit int) (*Image, error) {
	h, err := readGIFHead(b)
	if err != nil {
		return nil, err
	}
	if err := checkSize("gif", h.width, h.height, limit); err != nil {
		return nil, err
	}
	if h.frame.Empty() {
		return nil, malformed("gif: the first frame has no pixels")
	}
	if h.frame.Max.X > h.width || h.frame.Max.Y > h.height {
		return nil, unsupported("a GIF whose first frame is larger than its screen")
	}
	// A code of 12 bits stands for at most 4096 pixels.
	if err := checkRoom("gif", h.frame.Dx(), h.frame.Dy(), len(b), 4096); err != nil {
		return nil, err
	}
	if h.palette == nil { // image/gif asks for one
		b = greyGIF(b)
	}
	src, err := gif.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, broken("gif", err)
	}
	p, ok := src.(*image.Paletted)
	if !ok || p.Rect != h.frame {
		return nil, malformed("gif: the frame does not have the size that it claims")
	}
	return h.image(p), nil
}

// greyGIF returns a file with a palette of greys for the screen.
func greyGIF(b []byte) []byte {
	out := append([]byte(nil), b[:13]...)
	out[10] |= 0x87
	for i := range 256 {
		out = append(out, byte(i), byte(i), byte(i))
	}
	return append(out, b[13:]...)
}

// image lays the frame on a screen of the transparent index, or of index 0.
func (h *gifHead) image(p *image.Paletted) *Image {
	mode := P
	if grey(h.palette) {
		mode = L
	}
	m := blank(mode, h.width, h.height)
	if h.transparent >= 0 {
		for i := range m.pix {
			m.pix[i] = byte(h.transparent)
		}
	}
	for y := range h.frame.Dy() {
		copy(m.pix[(h.frame.Min.Y+y)*m.width+h.frame.Min.X:], p.Pix[y*p.Stride:][:h.frame.Dx()])
	}
	if mode == L {
		if h.transparent >= 0 {
			m.key = []uint16{uint16(h.transparent)}
		}
		return m
	}
	m.transparent = h.transparent >= 0
	m.palette = paletteOf(h.palette, func(i int) byte {
		if i == h.transparent {
			return 0
		}
		return 255
	})
	return m
}
