package vision

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/webp"
)

// webpHead is what the chunks of a WebP say.
type webpHead struct {
	width, height int // of the canvas
	lossless      bool
	alpha         bool
	orientation   uint8
	xmp           uint8
}

func readWebPHead(b []byte) (h webpHead, err error) {
	le := binary.LittleEndian
	short := malformed("webp: the file ends too early")
	if n := int64(le.Uint32(b[4:])); n+8 > int64(len(b)) {
		return h, short
	}
	extended, picture := false, false
	for rest := b[12:]; len(rest) >= 8; {
		n := int64(le.Uint32(rest[4:]))
		if n+8 > int64(len(rest)) {
			return h, short
		}
		data := rest[8 : 8+n]
		switch string(rest[:4]) {
		case "VP8X":
			if n < 10 {
				return h, short
			}
			if data[0]&2 != 0 {
				return h, unsupported("an animated WebP")
			}
			extended, h.alpha = true, data[0]&16 != 0
		case "ANIM", "ANMF":
			return h, unsupported("an animated WebP")
		case "VP8 ":
			if n < 10 {
				return h, short
			}
			picture = true
			h.width, h.height = int(le.Uint16(data[6:])&0x3fff), int(le.Uint16(data[8:])&0x3fff)
		case "VP8L":
			if n < 5 {
				return h, short
			}
			bits := le.Uint32(data[1:])
			picture, h.lossless = true, true
			h.width, h.height = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
			h.alpha = bits>>28&1 != 0
		case "EXIF":
			h.orientation = exifOrientation(data)
		case "XMP ":
			h.xmp = xmpOrientation(data)
		}
		if rest = rest[8+n:]; n%2 != 0 {
			rest = rest[min(1, len(rest)):]
		}
		if picture && !extended {
			break
		}
	}
	if !picture {
		return h, malformed("webp: there is no picture in the file")
	}
	if h.orientation == 0 {
		h.orientation = h.xmp
	}
	return h, nil
}

func decodeWebP(b []byte, limit int) (*Image, error) {
	if len(b) < 12 {
		return nil, malformed("webp: the file ends too early")
	}
	h, err := readWebPHead(b)
	if err != nil {
		return nil, err
	}
	if err := checkSize("webp", h.width, h.height, limit); err != nil {
		return nil, err
	}
	src, err := webp.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, broken("webp", err)
	}
	if size := src.Bounds(); size.Dx() != h.width || size.Dy() != h.height {
		return nil, malformed("webp: the picture has %v pixels, and its header says %d × %d", size.Size(), h.width, h.height)
	}
	m := h.image(src)
	if m == nil {
		return nil, unsupported("a WebP that decodes to %T", src)
	}
	m.orientation = h.orientation
	return m, nil
}

func (h *webpHead) image(src image.Image) *Image {
	switch p := src.(type) {
	case *image.NRGBA:
		s, _, _ := samples(p)
		if h.alpha {
			return s.take(RGBA, 4, 0, 1, 2, 3)
		}
		return s.take(RGB, 4, 0, 1, 2)
	case *image.YCbCr:
		return limitedRGB(p, RGB)
	case *image.NYCbCrA:
		m := limitedRGB(&p.YCbCr, RGBA)
		for y := range m.height {
			for x := range m.width {
				m.pix[4*(y*m.width+x)+3] = p.A[y*p.AStride+x]
			}
		}
		return m
	}
	return nil
}

// limitedRGB converts the planes of VP8, whose black is 16 and whose white is 235, as libwebp does: chroma is
// interpolated from the four nearest samples with weights of 9, 3, 3 and 1, and colours are computed in 14 bits. Of mode
// RGBA it leaves the alpha.
func limitedRGB(p *image.YCbCr, mode Mode) *Image {
	m := blank(mode, p.Rect.Dx(), p.Rect.Dy())
	n := mode.bytes()
	half := (m.width + 1) / 2
	last := (m.height+1)/2 - 1
	u, v := make([]byte, m.width), make([]byte, m.width)
	for y := range m.height {
		near := y / 2
		far := min(max(near-1+y%2*2, 0), last)
		mix(u, p.Cb[near*p.CStride:][:half], p.Cb[far*p.CStride:][:half])
		mix(v, p.Cr[near*p.CStride:][:half], p.Cr[far*p.CStride:][:half])
		line, out := p.Y[y*p.YStride:], m.pix[y*m.width*n:]
		for x := range m.width {
			d := out[x*n : x*n+3]
			d[0], d[1], d[2] = limited(line[x], u[x], v[x])
		}
	}
	return m
}

// mix interpolates chroma along a row, out of the samples of the near and the far row.
func mix(dst, near, far []byte) {
	for x := range dst {
		a := x / 2
		b := min(max(a-1+x%2*2, 0), len(near)-1)
		nearA, nearB, farA, farB := uint32(near[a]), uint32(near[b]), uint32(far[a]), uint32(far[b])
		// libwebp averages with the mean of the diagonal, in this order.
		sum := nearA + nearB + farA + farB + 8
		diagonal := (sum + 2*(nearB+farA)) >> 3
		dst[x] = byte((diagonal + nearA) >> 1)
	}
}

// limited converts one pixel, in libwebp's 14 bits.
func limited(y, u, v byte) (r, g, b byte) {
	l := high(y, 19077)
	return clip6(l + high(v, 26149) - 14234), clip6(l - high(u, 6419) - high(v, 13320) + 8708), clip6(l + high(u, 33050) - 17685)
}

func high(v byte, factor int32) int32 { return int32(v) * factor >> 8 }

func clip6(v int32) byte { return byte(min(max(v>>6, 0), 255)) }
