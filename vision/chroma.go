package vision

// A plane holds the samples of one component of a JPEG.
type plane struct {
	pix           []byte
	stride        int
	width, height int
	across, down  int // columns and rows of the picture for one sample
}

// An upsampler makes rows of a component as wide as the picture, as libjpeg's "fancy" upsampling does: triangle filters
// over pairs of samples in rows and columns, and repeated samples where those are not defined.
type upsampler struct {
	sums []int32 // of 2×2: three times the near row and the far one
}

// row writes row y of the picture.
func (u *upsampler) row(dst []byte, p plane, y int) {
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
		u.quadruple(dst, line, p.neighbor(y))
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

// quadruple makes four samples of one, in one of their two rows.
func (u *upsampler) quadruple(dst, near, far []byte) {
	n := len(near)
	if cap(u.sums) < n {
		u.sums = make([]int32, n)
	}
	s := u.sums[:n]
	far = far[:n]
	for x, v := range near {
		s[x] = 3*int32(v) + int32(far[x])
	}
	dst[0] = byte((4*s[0] + 8) >> 4)
	x := 1
	for ; x+1 < len(dst) && x/2+1 < n; x += 2 {
		a, b := s[x/2], s[x/2+1]
		dst[x] = byte((3*a + b + 7) >> 4)
		dst[x+1] = byte((3*b + a + 8) >> 4)
	}
	if x < len(dst) {
		if x/2+1 < n {
			dst[x] = byte((3*s[x/2] + s[x/2+1] + 7) >> 4)
		} else {
			dst[x] = byte((4*s[x/2] + 7) >> 4)
		}
	}
}

// libjpeg's conversion, in units of 2⁻¹⁶.
const (
	redOfCr    = 91881
	greenOfCb  = -22554
	greenOfCr  = -46802
	blueOfCb   = 116130
	halfOf2p16 = 1 << 15
)

// colors returns the picture of luma and chroma. The luma samples lie step bytes apart, inverted where invert is 255.
// mode is RGB, or CMYK, whose fourth byte it leaves.
func (h *jpegHead) colors(luma []byte, stride, step int, invert byte, chroma [2]plane, mode Mode) *Image {
	m := blank(mode, h.width, h.height)
	cb, cr := make([]byte, h.width), make([]byte, h.width)
	var up upsampler
	n := mode.bytes()
	for y := range h.height {
		up.row(cb, chroma[0], y)
		up.row(cr, chroma[1], y)
		line, out := luma[y*stride:], m.pix[y*h.width*n:][:h.width*n]
		if step == 1 {
			rgbRow(out, line[:h.width], cb, cr)
			continue
		}
		for x := range h.width {
			d := out[x*n : x*n+3]
			d[0], d[1], d[2] = rgbOf(line[x*step]^invert, cb[x], cr[x])
		}
	}
	return m
}

func rgbRow(out, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, v := range luma {
		d := out[3*x : 3*x+3]
		d[0], d[1], d[2] = rgbOf(v, cb[x], cr[x])
	}
}

func rgbOf(y, cb, cr byte) (r, g, b byte) {
	l, u, v := int32(y)<<16+halfOf2p16, int32(cb)-128, int32(cr)-128
	return clip8(l + redOfCr*v), clip8(l + greenOfCb*u + greenOfCr*v), clip8(l + blueOfCb*u)
}

// clip8 returns the whole part of v/2¹⁶ as a byte.
func clip8(v int32) byte {
	if uint32(v) < 1<<24 {
		return byte(v >> 16)
	}
	return byte(^(v >> 31))
}
