package vision

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"testing"
)

// TestFromImage compares pictures of the standard library with what it says their colours are.
func TestFromImage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	b := image.Rect(-3, 5, 14, 16)
	for _, src := range []draw.Image{image.NewGray(b), image.NewGray16(b), image.NewNRGBA(b), image.NewRGBA(b), image.NewNRGBA64(b), image.NewRGBA64(b),
		image.NewPaletted(b, color.Palette{color.Black, color.White, color.NRGBA{9, 8, 7, 200}})} {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				src.Set(x, y, color.NRGBA{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
			}
		}
		m, err := FromImage(src)
		if err != nil {
			t.Fatal(err)
		}
		got := m.rgba()
		for i := range m.width * m.height {
			want := color.NRGBAModel.Convert(src.At(b.Min.X+i%m.width, b.Min.Y+i/m.width)).(color.NRGBA)
			if p := [4]byte(got.pix[4*i:]); p != [4]byte{want.R, want.G, want.B, want.A} {
				t.Fatalf("%T: pixel %d is %v, want %v", src, i, p, want)
			}
		}
	}
	if _, err := FromImage(image.NewGray(image.Rect(0, 0, 0, 4))); err == nil {
		t.Error("a picture without pixels: no error")
	}
}

// TestFromJPEG: what image/jpeg gives becomes what Decode makes of the file, also where it is cut from a larger picture.
func TestFromJPEG(t *testing.T) {
	var g golden
	if err := unmarshalGolden(t, &g); err != nil {
		t.Fatal(err)
	}
	for _, c := range g.Lossy {
		src, err := jpeg.Decode(bytes.NewReader(c.File))
		p, ok := src.(*image.YCbCr)
		if err != nil || !ok {
			continue
		}
		want, err := Decode(bytes.NewReader(c.File), DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := FromImage(p)
		if err != nil {
			t.Fatal(err)
		}
		if !got.equal(want) {
			t.Errorf("%s: the picture differs", c.Name)
		}
		if p.Rect.Dx() < 12 || p.Rect.Dy() < 12 {
			continue
		}
		part := p.SubImage(image.Rect(3, 5, 11, 12))
		if got, err = FromImage(part); err != nil || got.Width() != 8 || got.Height() != 7 {
			t.Errorf("%s: part of it: %v", c.Name, err)
		}
	}
}

// TestToImage takes pictures of each kind to the standard library and back through a PNG.
func TestToImage(t *testing.T) {
	for name, file := range files(t) {
		m, err := Decode(bytes.NewReader(file), DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		back, err := FromImage(m.ToImage())
		if err != nil {
			t.Fatal(err)
		}
		if m.mode == I16 {
			continue // the high byte is kept
		}
		want := m.RGB(OverWhite)
		if got := back.RGB(OverWhite); !got.equal(want) {
			t.Errorf("%s: %v of %d × %d came back as another picture", name, m.mode, m.width, m.height)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m.ToImage()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFromBytes: sizes that do not fit are refused, and the bytes are copied.
func TestFromBytes(t *testing.T) {
	pix := []byte{1, 2, 3, 4, 5, 6}
	m, err := FromBytes(RGB, 2, 1, pix)
	if err != nil {
		t.Fatal(err)
	}
	pix[0] = 9
	if got := m.AppendBytes(nil); got[0] != 1 {
		t.Error("the bytes are shared")
	}
	for _, c := range []struct {
		mode          Mode
		width, height int
	}{{RGB, 1, 1}, {RGB, 0, 5}, {L, -1, -6}, {P, 2, 3}, {Mode(99), 2, 3}, {L, math.MaxInt, 2}} {
		if _, err := FromBytes(c.mode, c.width, c.height, pix); err == nil {
			t.Errorf("%v of %d × %d from %d bytes: no error", c.mode, c.width, c.height, len(pix))
		}
	}
}

// TestUpright turns pictures by hand: the pixel that orientation moves to the corner.
func TestUpright(t *testing.T) {
	m, err := FromBytes(L, 3, 2, []byte{1, 2, 3, 4, 5, 6})
	if err != nil {
		t.Fatal(err)
	}
	for o, want := range map[uint8]string{
		1: "\x01\x02\x03\x04\x05\x06", 2: "\x03\x02\x01\x06\x05\x04", 3: "\x06\x05\x04\x03\x02\x01", 4: "\x04\x05\x06\x01\x02\x03",
		5: "\x01\x04\x02\x05\x03\x06", 6: "\x04\x01\x05\x02\x06\x03", 7: "\x06\x03\x05\x02\x04\x01", 8: "\x03\x06\x02\x05\x01\x04",
	} {
		turned := *m
		turned.orientation = o
		if got := turned.Upright(); string(got.pix) != want || got.Orientation() != 1 {
			t.Errorf("orientation %d gives %v, want %v", o, got.pix, []byte(want))
		}
	}
}
