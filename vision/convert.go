package vision

// Conversion says how a picture becomes RGB.
type Conversion uint8

const (
	// OverWhite lays a picture with transparency over white, as Pillow's alpha_composite does it. transformers'
	// processors with do_convert_rgb treat opened pictures so, from version 5.
	OverWhite Conversion = iota

	// DropAlpha takes the colours and forgets the alpha, as Pillow's convert("RGB") does. OpenCLIP, transformers 4
	// and what it loads by path do this.
	DropAlpha

	// OnlyRGB converts nothing: a picture in another mode is refused. transformers' processors without
	// do_convert_rgb, those of ViT and DeiT, are such.
	OnlyRGB
)

// RGB returns the picture in mode RGB. [OnlyRGB] is no way to convert: RGB panics then.
//
// Grey of 16 bits is clipped at 255, as Pillow does it.
func (m *Image) RGB(how Conversion) *Image {
	if how == OnlyRGB {
		panic("vision: RGB with OnlyRGB, which converts nothing")
	}
	if how == OverWhite && m.HasAlpha() {
		return m.rgba().overWhite()
	}
	if m.mode == RGB {
		return m
	}
	out := blank(RGB, m.width, m.height)
	out.format, out.orientation = m.format, m.orientation
	dst := out.pix
	switch m.mode {
	case Bilevel, L:
		for i, v := range m.pix {
			d := dst[3*i : 3*i+3]
			d[0], d[1], d[2] = v, v, v
		}
	case LA:
		for i := range len(m.pix) / 2 {
			d, v := dst[3*i:3*i+3], m.pix[2*i]
			d[0], d[1], d[2] = v, v, v
		}
	case P:
		for i, v := range m.pix {
			copy(dst[3*i:3*i+3], m.palette[v][:3])
		}
	case RGBA:
		for i := range len(m.pix) / 4 {
			copy(dst[3*i:3*i+3], m.pix[4*i:])
		}
	case CMYK:
		for i := range len(m.pix) / 4 {
			d, s := dst[3*i:3*i+3], m.pix[4*i:4*i+4]
			white := 255 - uint32(s[3])
			for c := range d {
				d[c] = byte(white - times(uint32(s[c]), white))
			}
		}
	case I16:
		for i := range len(m.pix) / 2 {
			d, v := dst[3*i:3*i+3], clip16(m.pix[2*i:])
			d[0], d[1], d[2] = v, v, v
		}
	}
	return out
}

// clip16 returns a value of 16 bits as a byte: 255 if it is more.
func clip16(p []byte) byte {
	if p[1] != 0 {
		return 255
	}
	return p[0]
}

// times returns a·b/255, rounded.
func times(a, b uint32) uint32 { return by255(a*b + 128) }

// by255 returns v/255 as Pillow computes it, for v below 2¹⁶ that have half of 255 added.
func by255(v uint32) uint32 { return (v>>8 + v) >> 8 }

// rgba returns the picture with its transparency as an alpha channel.
func (m *Image) rgba() *Image {
	if m.mode == RGBA {
		return m
	}
	out := blank(RGBA, m.width, m.height)
	out.orientation = m.orientation
	dst := out.pix
	switch m.mode {
	case LA:
		for i := range len(m.pix) / 2 {
			d, v := dst[4*i:4*i+4], m.pix[2*i]
			d[0], d[1], d[2], d[3] = v, v, v, m.pix[2*i+1]
		}
	case P:
		for i, v := range m.pix {
			*(*[4]byte)(dst[4*i:]) = m.palette[v]
		}
	default:
		rgb := m.RGB(DropAlpha).pix
		key, match := m.keyBytes()
		for i := range len(rgb) / 3 {
			d, s := dst[4*i:4*i+4], rgb[3*i:3*i+3]
			d[0], d[1], d[2], d[3] = s[0], s[1], s[2], 255
			if match && [3]byte(s) == key {
				d[3] = 0
			}
		}
	}
	return out
}

// keyBytes returns the transparent colour as it is compared with the picture in RGB. Pillow looks at the low byte of
// each value.
func (m *Image) keyBytes() (key [3]byte, ok bool) {
	switch len(m.key) {
	case 1:
		v := byte(m.key[0])
		return [3]byte{v, v, v}, true
	case 3:
		return [3]byte{byte(m.key[0]), byte(m.key[1]), byte(m.key[2])}, true
	}
	return key, false
}

// overWhite returns an RGBA picture laid over white, in the arithmetic of Pillow's alpha_composite: seven bits more than
// a byte, each division rounded.
func (m *Image) overWhite() *Image {
	const bits = 7
	out := blank(RGB, m.width, m.height)
	out.orientation = m.orientation
	for i := range len(m.pix) / 4 {
		d, s := out.pix[3*i:3*i+3], m.pix[4*i:4*i+4]
		switch a := uint32(s[3]); a {
		case 0:
			d[0], d[1], d[2] = 255, 255, 255
		case 255:
			copy(d, s)
		default:
			above := a * 255 * 255 << bits / (255 * 255)
			below := 255<<bits - above
			for c := range d {
				d[c] = byte(by255(uint32(s[c])*above+255*below+0x80<<bits) >> bits)
			}
		}
	}
	return out
}

// premultiplied returns an RGBA or LA picture with the colours multiplied by alpha, as Pillow's RGBa and La hold them.
func (m *Image) premultiplied() *Image {
	out, n := m.like(m.width, m.height), m.mode.bytes()
	for i := 0; i < len(m.pix); i += n {
		d, s := out.pix[i:i+n], m.pix[i:i+n]
		a := uint32(s[n-1])
		for c := range n - 1 {
			d[c] = byte(times(uint32(s[c]), a))
		}
		d[n-1] = s[n-1]
	}
	return out
}

// divideAlpha undoes premultiplied, in place.
func (m *Image) divideAlpha() {
	n := m.mode.bytes()
	for i := 0; i < len(m.pix); i += n {
		p := m.pix[i : i+n]
		a := uint32(p[n-1])
		if a == 0 || a == 255 {
			continue
		}
		for c := range n - 1 {
			p[c] = byte(min(255*uint32(p[c])/a, 255))
		}
	}
}
