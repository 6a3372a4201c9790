package vision

import (
	"bytes"
	"errors"
	"image"

	"golang.org/x/image/tiff"
)

// tiffHead is what decides how the samples of a TIFF are read.
type tiffHead struct {
	width, height        int
	bits, samples        int
	compression, photo   int
	extra                int // meaning of the fourth sample: 1 multiplied alpha, 2 alpha
	planar, fill, signed int
	orientation          int
}

// Values of tags of TIFF.
const (
	whiteIsZero = 0
	blackIsZero = 1
	tiffRGB     = 2
	tiffPalette = 3

	uncompressed = 1
	packBits     = 32773
)

func readTIFFHead(b []byte) (h tiffHead, err error) {
	d, ok := openIFD(b)
	if !ok {
		return h, malformed("tiff: the file ends too early")
	}
	bits := d.values(tagBits)
	h = tiffHead{
		width: d.first(tagWidth, 0), height: d.first(tagHeight, 0), bits: 1, samples: d.first(tagSamples, 1),
		compression: d.first(tagCompression, uncompressed), photo: d.first(tagPhotometric, -1), extra: d.first(tagExtraSamples, 0),
		planar: d.first(tagPlanar, 1), fill: d.first(tagFillOrder, 1), signed: d.first(tagSampleFormat, 1), orientation: d.first(tagOrientation, 1),
	}
	for i, n := range bits {
		if i > 0 && n != h.bits {
			return h, unsupported("a TIFF with samples of different sizes")
		}
		h.bits = n
	}
	if len(bits) > 0 && len(bits) != h.samples {
		return h, unsupported("a TIFF of %d samples a pixel with %d sizes", h.samples, len(bits))
	}
	return h, nil
}

// mode returns the mode in which Pillow opens such a file.
func (h *tiffHead) mode() (Mode, error) {
	names := map[int]string{5: "CMYK", 6: "YCbCr", 8: "CIELab", 9: "ICCLab", 32803: "raw camera data", 34892: "raw camera data"}
	packings := map[int]string{6: "JPEG", 7: "JPEG", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP", 34887: "LERC", 2: "CCITT RLE", 3: "CCITT Group 3", 4: "CCITT Group 4"}
	switch {
	case names[h.photo] != "":
		return 0, unsupported("a TIFF in %s", names[h.photo])
	case packings[h.compression] != "":
		return 0, unsupported("a TIFF with %s compression", packings[h.compression])
	case h.planar != 1:
		return 0, unsupported("a TIFF with planes apart")
	case h.signed != 1:
		return 0, unsupported("a TIFF of samples that are not unsigned integers")
	case h.fill != 1:
		return 0, unsupported("a TIFF with its bits in reverse")
	}
	switch {
	case h.samples == 1 && h.bits == 1 && (h.photo == whiteIsZero || h.photo == blackIsZero):
		return Bilevel, nil
	case h.samples == 1 && h.bits == 8 && (h.photo == whiteIsZero || h.photo == blackIsZero):
		return L, nil
	case h.samples == 1 && h.bits == 16 && h.photo == blackIsZero:
		return I16, nil
	case h.samples == 1 && h.bits == 8 && h.photo == tiffPalette:
		return P, nil
	case h.samples == 3 && h.photo == tiffRGB && (h.bits == 8 || h.bits == 16):
		return RGB, nil
	case h.samples == 4 && h.photo == tiffRGB && (h.bits == 8 || h.bits == 16 && h.extra == 2) && (h.extra == 1 || h.extra == 2):
		return RGBA, nil
	}
	return 0, unsupported("a TIFF of %d samples of %d bits, photometric interpretation %d and extra samples %d", h.samples, h.bits, h.photo, h.extra)
}

func decodeTIFF(b []byte, limit int) (*Image, error) {
	h, err := readTIFFHead(b)
	if err != nil {
		return nil, err
	}
	mode, err := h.mode()
	if err != nil {
		return nil, err
	}
	if err := checkSize("tiff", h.width, h.height, limit); err != nil {
		return nil, err
	}
	// Deflate and LZW pack at most 1400 bytes into one.
	ratio := 8 * 1400
	if h.compression == uncompressed {
		ratio = 8
	}
	if err := checkRoom("tiff", h.width, h.height, len(b), ratio); err != nil {
		return nil, err
	}
	src, err := tiff.Decode(bytes.NewReader(b))
	if u := tiff.UnsupportedError(""); errors.As(err, &u) {
		return nil, unsupported("a TIFF with this feature (%s)", string(u))
	}
	if err != nil {
		return nil, broken("tiff", err)
	}
	s, step, ok := samples(src)
	if !ok || s.width != h.width || s.height != h.height {
		return nil, unsupported("a TIFF that decodes to %T", src)
	}
	m, err := h.image(s, step, mode, src)
	if err != nil {
		return nil, err
	}
	// Pillow turns a TIFF while it loads it.
	if o := h.orientation; o >= 2 && o <= 8 {
		m.orientation = uint8(o)
		m = m.Upright()
	}
	return m, nil
}

func (h *tiffHead) image(s raw, step int, mode Mode, src image.Image) (*Image, error) {
	switch {
	case (mode == Bilevel || mode == L) && step == 1:
		return s.take(mode, 1, 0), nil
	case mode == I16 && step == 2:
		return s.take(I16, 2, 1, 0), nil
	case mode == P && step == 1:
		m := s.take(P, 1, 0)
		m.palette = new([256][4]byte)
		for i, c := range src.(*image.Paletted).Palette {
			if r, g, b, _ := c.RGBA(); i < 256 {
				m.palette[i] = [4]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8), 255}
			}
		}
		return m, nil
	case mode == RGB && step == 4:
		return s.take(RGB, 4, 0, 1, 2), nil
	case mode == RGB && step == 8:
		return s.take(RGB, 8, 0, 2, 4), nil
	case mode == RGBA && step == 4:
		m := s.take(RGBA, 4, 0, 1, 2, 3)
		if h.extra == 1 {
			m.unmultiply()
		}
		return m, nil
	case mode == RGBA && step == 8:
		return s.take(RGBA, 8, 0, 2, 4, 6), nil
	}
	return nil, unsupported("a TIFF that decodes to %T", src)
}

// unmultiply divides the colours by alpha, as Pillow does while it reads a TIFF: where alpha is 0 they become 0.
func (m *Image) unmultiply() {
	m.divideAlpha()
	for i := 0; i < len(m.pix); i += 4 {
		if m.pix[i+3] == 0 {
			clear(m.pix[i : i+3])
		}
	}
}
