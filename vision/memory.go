package vision

import (
	"fmt"
	"image"
	"image/color"
)

// FromImage returns a picture of the standard library in the form of this package. Values of 16 bits keep their high
// byte. A *image.YCbCr, such as image/jpeg gives, becomes RGB as libjpeg makes it. The picture is copied; its alpha
// becomes an alpha channel, unless all of it is opaque. It returns an error if there are no pixels.
//
// Prefer [Decode] for files: the standard library does not tell all that it has read.
func FromImage(src image.Image) (*Image, error) {
	b := src.Bounds()
	if b.Empty() {
		return nil, fmt.Errorf("vision: a picture of %d × %d pixels", b.Dx(), b.Dy())
	}
	switch p := src.(type) {
	case *image.Gray:
		s := raw{p.Pix[p.PixOffset(b.Min.X, b.Min.Y):], p.Stride, b.Dx(), b.Dy()}
		return s.take(L, 1, 0), nil
	case *image.Gray16:
		s := raw{p.Pix[p.PixOffset(b.Min.X, b.Min.Y):], p.Stride, b.Dx(), b.Dy()}
		return s.take(L, 2, 0), nil
	case *image.CMYK:
		s := raw{p.Pix[p.PixOffset(b.Min.X, b.Min.Y):], p.Stride, b.Dx(), b.Dy()}
		return s.take(CMYK, 4, 0, 1, 2, 3), nil
	case *image.YCbCr:
		if m := fromYCbCr(p); m != nil {
			return m, nil
		}
	}
	return fromColors(src), nil
}

// fromYCbCr returns nil if the picture is part of another and begins within a sample of its chroma.
func fromYCbCr(p *image.YCbCr) *Image {
	across, down := 1, 1
	switch p.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		across = 2
	case image.YCbCrSubsampleRatio420:
		across, down = 2, 2
	case image.YCbCrSubsampleRatio440:
		down = 2
	case image.YCbCrSubsampleRatio411:
		across = 4
	case image.YCbCrSubsampleRatio410:
		across, down = 4, 2
	}
	corner := p.Rect.Min
	if corner.X%across != 0 || corner.Y%down != 0 {
		return nil
	}
	h := jpegHead{width: p.Rect.Dx(), height: p.Rect.Dy(), components: []jpegComponent{
		{h: byte(across), v: byte(down)}, {h: 1, v: 1}, {h: 1, v: 1}}}
	at := p.COffset(corner.X, corner.Y)
	chroma := [2]plane{h.plane(1, p.Cb[at:], p.CStride, 1, 0), h.plane(2, p.Cr[at:], p.CStride, 1, 0)}
	return h.colors(p.Y[p.YOffset(corner.X, corner.Y):], p.YStride, 1, 0, chroma, RGB)
}

// fromColors asks for each pixel.
func fromColors(src image.Image) *Image {
	b := src.Bounds()
	m := blank(RGBA, b.Dx(), b.Dy())
	opaque := true
	for y := range m.height {
		for x := range m.width {
			c := color.NRGBAModel.Convert(src.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			*(*[4]byte)(m.pix[4*(y*m.width+x):]) = [4]byte{c.R, c.G, c.B, c.A}
			opaque = opaque && c.A == 255
		}
	}
	if opaque {
		return m.RGB(DropAlpha)
	}
	return m
}

// ToImage returns a copy of the picture for the standard library: *image.Gray for L and Bilevel, *image.Gray16 for I16,
// *image.CMYK for CMYK, *image.NRGBA otherwise.
func (m *Image) ToImage() image.Image {
	r := image.Rect(0, 0, m.width, m.height)
	switch {
	case m.key == nil && (m.mode == L || m.mode == Bilevel):
		g := image.NewGray(r)
		copy(g.Pix, m.pix)
		return g
	case m.key == nil && m.mode == I16:
		g := image.NewGray16(r)
		for i := 0; i < len(m.pix); i += 2 {
			g.Pix[i], g.Pix[i+1] = m.pix[i+1], m.pix[i]
		}
		return g
	case m.mode == CMYK:
		g := image.NewCMYK(r)
		copy(g.Pix, m.pix)
		return g
	}
	g := image.NewNRGBA(r)
	copy(g.Pix, m.rgba().pix)
	return g
}
