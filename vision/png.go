package vision

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/png"
)

// pngHead is what the chunks of a PNG say that image/png does not tell.
type pngHead struct {
	width, height int
	depth, color  byte
	palette       []byte // RGB triples
	alpha         []byte // tRNS
	hasAlpha      bool
	orientation   uint8
	xmp           uint8
}

// Kinds of colour of a PNG.
const (
	pngGrey      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGreyAlpha = 4
	pngRGBA      = 6
)

func readPNGHead(b []byte) (h pngHead, err error) {
	if !at(b, 12, "IHDR") || len(b) < 33 {
		return h, malformed("png: the file does not begin with a header")
	}
	h.width, h.height = int(binary.BigEndian.Uint32(b[16:])), int(binary.BigEndian.Uint32(b[20:]))
	h.depth, h.color = b[24], b[25]
	for rest := b[8:]; len(rest) >= 12; {
		n := int64(binary.BigEndian.Uint32(rest))
		if n+12 > int64(len(rest)) {
			break
		}
		name, data := string(rest[4:8]), rest[8:8+n]
		switch name {
		case "PLTE":
			h.palette = data
		case "tRNS":
			h.alpha, h.hasAlpha = data, true
		case "eXIf":
			h.orientation = exifOrientation(data)
		case "iTXt":
			if at(data, 0, "XML:com.adobe.xmp\x00") {
				h.xmp = xmpOrientation(data)
			}
		}
		rest = rest[n+12:]
	}
	if h.orientation == 0 {
		h.orientation = h.xmp
	}
	return h, nil
}

func decodePNG(b []byte, limit int) (*Image, error) {
	h, err := readPNGHead(b)
	if err != nil {
		return nil, err
	}
	if err := checkSize("png", h.width, h.height, limit); err != nil {
		return nil, err
	}
	// Deflate packs at most 1032 bytes into one; a pixel of one bit is an eighth of a byte.
	if err := checkRoom("png", h.width, h.height, len(b), 8*1032); err != nil {
		return nil, err
	}
	src, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, broken("png", err)
	}
	m := h.image(src)
	if m == nil {
		return nil, unsupported("a PNG of colour type %d and %d bits that decodes to %T", h.color, h.depth, src)
	}
	m.orientation = h.orientation
	return m, nil
}

// image returns what Pillow makes of the pixels that image/png has read, or nil if they are not as expected.
func (h *pngHead) image(src image.Image) *Image {
	s, step, ok := samples(src)
	if !ok {
		return nil
	}
	wide := step == 8 || step == 2
	switch {
	case h.color == pngPalette && step == 1:
		m := s.take(P, 1, 0)
		m.palette, m.transparent = h.colors(), h.hasAlpha
		return m
	case h.color == pngGrey && h.depth == 16 && wide:
		m := s.take(I16, step, 1, 0)
		return h.keyed(m, 1)
	case h.color == pngGrey && h.depth < 16 && !wide:
		mode := L
		if h.depth == 1 {
			mode = Bilevel
		}
		m := h.keyed(s.take(mode, step, 0), 1)
		if h.depth == 1 && m.key != nil && m.key[0] != 0 {
			m.key[0] = 255
		}
		return m
	case h.color == pngGreyAlpha && step == 4:
		return s.take(LA, 4, 0, 3)
	case h.color == pngRGB && step == 4:
		return h.keyed(s.take(RGB, 4, 0, 1, 2), 3)
	case h.color == pngRGB && step == 8:
		return h.keyed(s.take(RGB, 8, 0, 2, 4), 3)
	case h.color == pngRGBA && step == 4:
		return s.take(RGBA, 4, 0, 1, 2, 3)
	case (h.color == pngRGBA || h.color == pngGreyAlpha) && step == 8:
		return s.take(RGBA, 8, 0, 2, 4, 6)
	}
	return nil
}

// keyed gives m the transparent colour of tRNS, of n values, if there is one.
func (h *pngHead) keyed(m *Image, n int) *Image {
	if h.hasAlpha && len(h.alpha) >= 2*n {
		for i := range n {
			m.key = append(m.key, binary.BigEndian.Uint16(h.alpha[2*i:]))
		}
	}
	return m
}

// colors returns the palette with its alpha. Entries that the file lacks are black.
func (h *pngHead) colors() *[256][4]byte {
	return paletteOf(h.palette, func(i int) byte {
		if i < len(h.alpha) {
			return h.alpha[i]
		}
		return 255
	})
}

func paletteOf(rgb []byte, alpha func(i int) byte) *[256][4]byte {
	var p [256][4]byte
	for i := range p {
		if 3*i+3 <= len(rgb) {
			copy(p[i][:], rgb[3*i:3*i+3])
		}
		p[i][3] = alpha(i)
	}
	return &p
}

// raw is the memory of a picture of the standard library.
type raw struct {
	pix           []byte
	stride        int
	width, height int
}

// samples returns the bytes of a picture and how many a pixel has.
func samples(src image.Image) (s raw, step int, ok bool) {
	b := src.Bounds()
	s.width, s.height = b.Dx(), b.Dy()
	switch p := src.(type) {
	case *image.Gray:
		s.pix, s.stride, step = p.Pix, p.Stride, 1
	case *image.Paletted:
		s.pix, s.stride, step = p.Pix, p.Stride, 1
	case *image.Gray16:
		s.pix, s.stride, step = p.Pix, p.Stride, 2
	case *image.RGBA:
		s.pix, s.stride, step = p.Pix, p.Stride, 4
	case *image.NRGBA:
		s.pix, s.stride, step = p.Pix, p.Stride, 4
	case *image.RGBA64:
		s.pix, s.stride, step = p.Pix, p.Stride, 8
	case *image.NRGBA64:
		s.pix, s.stride, step = p.Pix, p.Stride, 8
	default:
		return s, 0, false
	}
	return s, step, true
}

// take returns a picture of some bytes of each pixel, of step bytes, in the order of the offsets.
func (s raw) take(mode Mode, step int, offsets ...int) *Image {
	m := blank(mode, s.width, s.height)
	n := len(offsets)
	for y := range s.height {
		src, dst := s.pix[y*s.stride:], m.pix[y*s.width*n:][:s.width*n]
		switch {
		case n == 1 && step == 1:
			copy(dst, src)
		case n == 3 && step == 4 && offsets[2] == 2:
			for x := range s.width {
				d, p := dst[3*x:3*x+3], src[4*x:4*x+3]
				d[0], d[1], d[2] = p[0], p[1], p[2]
			}
		default:
			for x := range s.width {
				for i, o := range offsets {
					dst[x*n+i] = src[x*step+o]
				}
			}
		}
	}
	return m
}
