package vision

import "github.com/seed2010d43f/transformer/internal/simd/chroma"

// A plane holds the samples of one component of a JPEG.
type plane struct {
	pix           []byte
	stride        int
	width, height int
	across, down  int // columns and rows of the picture for one sample
}

// row writes row y of the picture, as wide as dst, with libjpeg's "fancy" upsampling: triangle filters over pairs of samples
// in rows and columns, and repeated samples where those are not defined.
func (p plane) row(dst []byte, y int) {
	line := p.pix[y/p.down*p.stride:][:p.width]
	switch {
	case p.across == 1 && p.down == 1:
		copy(dst, line)
	case p.across == 1 && p.down == 2:
		far, bias := p.neighbor(y), int32(1+y%2)
		for x := range dst {
			dst[x] = byte((3*int32(line[x]) + int32(far[x]) + bias) >> 2)
		}
	case p.across == 2 && p.down == 1 && p.width > 2:
		double(dst, line)
	case p.across == 2 && p.down == 2 && p.width > 2:
		chroma.Double(dst, line, p.neighbor(y))
	default:
		for x := range dst {
			dst[x] = line[x/p.across]
		}
	}
}

// neighbor returns the row of samples that is the second nearest to row y of the picture, of two rows for a sample.
func (p plane) neighbor(y int) []byte {
	n := y / 2
	if y%2 == 0 {
		n--
	} else {
		n++
	}
	return p.pix[min(max(n, 0), p.height-1)*p.stride:][:p.width]
}

// double makes two samples of one: three quarters of it and one of its neighbour.
func double(dst, src []byte) {
	n := len(src)
	for x := range len(dst) {
		v := 3 * int32(src[x/2])
		switch {
		case x == 0:
			dst[x] = src[0]
		case x == 2*n-1:
			dst[x] = src[n-1]
		case x%2 == 0:
			dst[x] = byte((v + int32(src[x/2-1]) + 1) >> 2)
		default:
			dst[x] = byte((v + int32(src[x/2+1]) + 2) >> 2)
		}
	}
}

// colors returns the picture of luma and chroma. The luma samples lie step bytes apart, inverted where invert is 255.
// mode is RGB, or CMYK, whose fourth byte it leaves.
func (h *jpegHead) colors(luma []byte, stride, step int, invert byte, samples [2]plane, mode Mode) *Image {
	m := blank(mode, h.width, h.height)
	cb, cr := make([]byte, h.width), make([]byte, h.width)
	n := mode.bytes()
	for y := range h.height {
		samples[0].row(cb, y)
		samples[1].row(cr, y)
		line, out := luma[y*stride:], m.pix[y*h.width*n:][:h.width*n]
		if step == 1 {
			chroma.RGB(out, line[:h.width], cb, cr)
			continue
		}
		for x := range h.width {
			d := out[x*n : x*n+3]
			d[0], d[1], d[2] = chroma.Pixel(line[x*step]^invert, cb[x], cr[x])
		}
	}
	return m
}
