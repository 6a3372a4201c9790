package vision

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"slices"
)

// jpegHead is what the markers of a JPEG say before its first scan.
type jpegHead struct {
	width, height int
	components    []jpegComponent
	jfif          bool
	adobe         int // the place of the Adobe marker's colour transform in the file, or 0
	transform     byte
	orientation   uint8
	xmp           uint8
}

type jpegComponent struct{ id, h, v byte }

func readJPEGHead(b []byte) (h jpegHead, err error) {
	for i := 2; i+4 <= len(b); {
		if b[i] != 0xff {
			i++ // decoders pass over bytes between segments
			continue
		}
		marker := b[i+1]
		if marker == 0xff || marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd8 {
			i++
			if marker != 0xff {
				i++
			}
			continue
		}
		n := int(binary.BigEndian.Uint16(b[i+2:]))
		if n < 2 || i+2+n > len(b) || marker == 0xda || marker == 0xd9 {
			break
		}
		if err := h.segment(marker, b[i+4:i+2+n], i+4); err != nil {
			return h, err
		}
		i += 2 + n
	}
	if h.components == nil {
		return h, malformed("jpeg: there is no picture in the file")
	}
	if h.orientation == 0 {
		h.orientation = h.xmp
	}
	return h, nil
}

// segment takes in one segment, whose data lies at a place in the file.
func (h *jpegHead) segment(marker byte, data []byte, place int) error {
	switch {
	case marker == 0xe0:
		h.jfif = h.jfif || at(data, 0, "JFIF\x00")
	case marker == 0xe1 && at(data, 0, "Exif\x00\x00"):
		if o := exifOrientation(data); h.orientation == 0 {
			h.orientation = o
		}
	case marker == 0xe1 && at(data, 0, "http://ns.adobe.com/xap/1.0/\x00"):
		h.xmp = xmpOrientation(data)
	case marker == 0xee && at(data, 0, "Adobe") && len(data) >= 12:
		h.adobe, h.transform = place+11, data[11]
	case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
		return h.frame(marker, data)
	}
	return nil
}

// frame takes in a SOF segment.
func (h *jpegHead) frame(marker byte, data []byte) error {
	switch {
	case marker == 0xc3 || marker >= 0xc5 && marker != 0xc9 && marker != 0xca:
		return unsupported("a lossless, hierarchical or otherwise rare JPEG (SOF%d)", marker-0xc0)
	case marker >= 0xc9:
		return unsupported("a JPEG with arithmetic coding")
	case h.components != nil:
		return malformed("jpeg: the file has two frames")
	case len(data) < 6 || len(data) != 6+3*int(data[5]):
		return malformed("jpeg: the frame's header has a wrong length")
	case data[0] != 8:
		return unsupported("a JPEG of %d bits", data[0])
	}
	h.height, h.width = int(binary.BigEndian.Uint16(data[1:])), int(binary.BigEndian.Uint16(data[3:]))
	for i := range int(data[5]) {
		c := data[6+3*i:]
		h.components = append(h.components, jpegComponent{c[0], c[1] >> 4, c[1] & 15})
	}
	return nil
}

// rgb reports whether three components are red, green and blue. libjpeg asks the markers first.
func (h *jpegHead) rgb() bool {
	switch {
	case h.jfif:
		return false
	case h.adobe != 0:
		return h.transform == 0
	}
	return h.components[0].id == 'R' && h.components[1].id == 'G' && h.components[2].id == 'B'
}

func decodeJPEG(b []byte, limit int) (*Image, error) {
	h, err := readJPEGHead(b)
	if err != nil {
		return nil, err
	}
	if err := checkSize("jpeg", h.width, h.height, limit); err != nil {
		return nil, err
	}
	// A block of 64 pixels has a bit at least.
	if err := checkRoom("jpeg", h.width, h.height, len(b), 8*64); err != nil {
		return nil, err
	}
	for _, c := range h.components {
		if c.h == 0 || c.v == 0 || c.h > 4 || c.v > 4 {
			return nil, malformed("jpeg: component %d has sampling factors %d and %d", c.id, c.h, c.v)
		}
	}
	if len(h.components) == 4 {
		b = h.unmarked(b)
	}
	src, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		if u, ok := err.(jpeg.UnsupportedError); ok {
			return nil, unsupported("a JPEG with this feature (%s)", string(u))
		}
		return nil, broken("jpeg", err)
	}
	if size := src.Bounds(); size.Dx() != h.width || size.Dy() != h.height {
		return nil, malformed("jpeg: the picture has %v pixels, and its header says %d × %d", size.Size(), h.width, h.height)
	}
	m, err := h.image(src)
	if err != nil {
		return nil, err
	}
	m.orientation = h.orientation
	return m, nil
}

// unmarked returns a file of four components with an Adobe marker that names no colour transform: image/jpeg asks for
// the marker, and gives the components as they are stored if it says so.
func (h *jpegHead) unmarked(b []byte) []byte {
	b = slices.Clone(b)
	if h.adobe != 0 {
		b[h.adobe] = 0
		return b
	}
	return slices.Insert(b, 2, []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00")...)
}

func (h *jpegHead) image(src image.Image) (*Image, error) {
	switch p := src.(type) {
	case *image.Gray:
		s, step, _ := samples(p)
		return s.take(L, step, 0), nil
	case *image.YCbCr:
		if h.rgb() {
			return nil, unsupported("a JPEG whose markers and components disagree about its colours")
		}
		chroma := [2]plane{h.plane(1, p.Cb, p.CStride, 1, 0), h.plane(2, p.Cr, p.CStride, 1, 0)}
		return h.colors(p.Y, p.YStride, 1, 0, chroma, RGB), nil
	case *image.RGBA:
		if !h.rgb() {
			return nil, unsupported("a JPEG whose markers and components disagree about its colours")
		}
		return h.stored(p.Pix, p.Stride, RGB, 0), nil
	case *image.CMYK:
		return h.inks(p), nil
	}
	return nil, unsupported("a JPEG that decodes to %T", src)
}

// plane returns component i as it is stored, out of samples that lie step bytes apart. Where they are repeated to the
// size of the picture, as image/jpeg does it in pictures of four components, it takes one of each. invert is 0, or 255
// if the samples are inverted.
func (h *jpegHead) plane(i int, pix []byte, stride, step int, invert byte) plane {
	first, c := h.components[0], h.components[i]
	p := plane{across: int(first.h / c.h), down: int(first.v / c.v)}
	p.width, p.height = (h.width+p.across-1)/p.across, (h.height+p.down-1)/p.down
	if step == 1 {
		p.pix, p.stride = pix, stride
		return p
	}
	p.stride, p.pix = p.width, make([]byte, p.width*p.height)
	for y := range p.height {
		row := pix[y*p.down*stride:]
		for x := range p.width {
			p.pix[y*p.width+x] = row[x*p.across*step] ^ invert
		}
	}
	return p
}

// stored returns a picture of components that are no luma and chroma. image/jpeg repeats their samples, libjpeg
// interpolates; invert is as in plane.
func (h *jpegHead) stored(pix []byte, stride int, mode Mode, invert byte) *Image {
	m := blank(mode, h.width, h.height)
	n := mode.bytes()
	row := make([]byte, h.width)
	for i := range n {
		p := h.plane(i, pix[i:], stride, 4, invert)
		for y := range h.height {
			p.row(row, y)
			for x, v := range row {
				m.pix[(y*h.width+x)*n+i] = v
			}
		}
	}
	return m
}

// inks returns a picture of four components in Pillow's CMYK, which is what the file stores, inverted. image/jpeg
// inverts too. Of YCCK, libjpeg gives the ink that red, green and blue lack, and so Pillow them themselves.
func (h *jpegHead) inks(p *image.CMYK) *Image {
	if h.adobe == 0 || h.transform != 2 {
		m := h.stored(p.Pix, p.Stride, CMYK, 255)
		for i := range m.pix {
			m.pix[i] ^= 255
		}
		return m
	}
	chroma := [2]plane{h.plane(1, p.Pix[1:], p.Stride, 4, 255), h.plane(2, p.Pix[2:], p.Stride, 4, 255)}
	m := h.colors(p.Pix, p.Stride, 4, 255, chroma, CMYK)
	black := h.plane(3, p.Pix[3:], p.Stride, 4, 255)
	row := make([]byte, h.width)
	for y := range h.height {
		black.row(row, y)
		for x, v := range row {
			m.pix[4*(y*h.width+x)+3] = 255 ^ v
		}
	}
	return m
}
