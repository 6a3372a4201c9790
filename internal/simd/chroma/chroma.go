// Package chroma makes rows of red, green and blue of a JPEG's luma and chroma, in libjpeg's arithmetic. Each kernel gives
// the same bytes as the portable code.
package chroma

//go:generate go run ./gen

// libjpeg's conversion, in units of 2⁻¹⁶.
const (
	redOfCr   = 91881
	greenOfCb = -22554
	greenOfCr = -46802
	blueOfCb  = 116130
	half      = 1 << 15
)

// RGB writes three bytes for each value of luma. cb and cr are as long as luma.
func RGB(dst, luma, cb, cr []byte) {
	n := len(luma)
	rgb(dst[:3*n], luma, cb[:n], cr[:n])
}

// Pixel converts one pixel.
func Pixel(y, cb, cr byte) (r, g, b byte) {
	l, u, v := int32(y)<<16+half, int32(cb)-128, int32(cr)-128
	return clip(l + redOfCr*v), clip(l + greenOfCb*u + greenOfCr*v), clip(l + blueOfCb*u)
}

// clip returns the whole part of v/2¹⁶ as a byte.
func clip(v int32) byte {
	if uint32(v) < 1<<24 {
		return byte(v >> 16)
	}
	return byte(^(v >> 31))
}

func rgbPortable(dst, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, v := range luma {
		d := dst[3*x : 3*x+3]
		d[0], d[1], d[2] = Pixel(v, cb[x], cr[x])
	}
}

// Double writes one of the two rows that a row of chroma stands for, with two values for each: three quarters of the
// nearest sample and a quarter of the next, in both directions. far is the second nearest row. dst has at most twice as
// many values as near and far, and at least one more than twice those but one.
func Double(dst, near, far []byte) {
	n := len(near)
	far = far[:n]
	sum := func(x int) int32 { return 3*int32(near[x]) + int32(far[x]) }
	dst[0] = byte((4*sum(0) + 8) >> 4)
	if inner := n - 2; inner > 0 {
		double(dst[2:2+2*inner], near, far)
	}
	if n > 1 {
		dst[1] = byte((3*sum(0) + sum(1) + 7) >> 4)
		dst[2*n-2] = byte((3*sum(n-1) + sum(n-2) + 8) >> 4)
	}
	if len(dst) == 2*n {
		dst[2*n-1] = byte((4*sum(n-1) + 7) >> 4)
	}
}

// doublePortable writes what lies between the first and the last sample.
func doublePortable(dst, near, far []byte) {
	before, here := 3*int32(near[0])+int32(far[0]), 3*int32(near[1])+int32(far[1])
	for x := range len(dst) / 2 {
		after := 3*int32(near[x+2]) + int32(far[x+2])
		dst[2*x], dst[2*x+1] = byte((3*here+before+8)>>4), byte((3*here+after+7)>>4)
		before, here = here, after
	}
}
