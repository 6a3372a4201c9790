package vision

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/image/bmp"
)

func decodeBMP(b []byte, limit int) (*Image, error) {
	if len(b) < 54 {
		return nil, malformed("bmp: the file ends too early")
	}
	le := binary.LittleEndian
	header := int(le.Uint32(b[14:]))
	if header != 40 && header != 108 && header != 124 {
		return nil, unsupported("a BMP with a header of %d bytes", header)
	}
	width, height := int(int32(le.Uint32(b[18:]))), int(int32(le.Uint32(b[22:])))
	if height < 0 {
		height = -height
	}
	bits, compression := int(le.Uint16(b[28:])), int(le.Uint32(b[30:]))
	switch {
	case compression == 1 || compression == 2:
		return nil, unsupported("a BMP with RLE")
	case compression != 0 && compression != 3:
		return nil, unsupported("a BMP with compression %d", compression)
	case bits != 1 && bits != 4 && bits != 8 && bits != 24 && bits != 32:
		return nil, unsupported("a BMP of %d bits", bits)
	}
	if err := checkSize("bmp", width, height, limit); err != nil {
		return nil, err
	}
	if (width*bits+31)/32*4 > len(b)/height {
		return nil, malformed("bmp: the file ends too early for %d × %d pixels", width, height)
	}
	src, err := bmp.Decode(bytes.NewReader(b))
	if err == bmp.ErrUnsupported {
		return nil, unsupported("a BMP laid out like this (header of %d bytes, %d bits, compression %d)", header, bits, compression)
	}
	if err != nil {
		return nil, broken("bmp", err)
	}
	s, step, ok := samples(src)
	switch {
	case ok && step == 1:
		return bmpPalette(s, b[14+header:], bits, int(le.Uint32(b[46:]))), nil
	case ok && step == 4 && bits == 32 && compression == 3:
		return s.take(RGBA, 4, 0, 1, 2, 3), nil
	case ok && step == 4:
		return s.take(RGB, 4, 0, 1, 2), nil // Pillow ignores the fourth byte
	}
	return nil, unsupported("a BMP that decodes to %T", src)
}

// bmpPalette returns a picture with a palette of four bytes an entry; without it where it says nothing but grey, as
// Pillow does.
func bmpPalette(s raw, table []byte, bits, colors int) *Image {
	if colors == 0 {
		colors = 1 << bits
	}
	rgb := make([]byte, 0, 3*colors)
	plain := true
	for i := range colors {
		e := table[4*i:]
		rgb = append(rgb, e[2], e[1], e[0])
		want := byte(i)
		if colors == 2 {
			want *= 255
		}
		plain = plain && e[0] == want && e[1] == want && e[2] == want
	}
	switch m := s.take(P, 1, 0); {
	case plain && colors <= 2:
		m.mode = Bilevel
		for i, v := range m.pix {
			m.pix[i] = -v // 1 becomes 255
		}
		return m
	case plain && bits == 8:
		m.mode = L
		return m
	default:
		m.palette = paletteOf(rgb, func(int) byte { return 255 })
		return m
	}
}
