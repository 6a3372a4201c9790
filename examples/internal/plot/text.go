package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// faces are the Go fonts, which have Latin, Greek and Cyrillic letters.
type faces struct {
	label, text, title font.Face
}

func newFaces(labelSize float64) (*faces, error) {
	f := new(faces)
	for _, want := range []struct {
		face *font.Face
		data []byte
		size float64
	}{
		{&f.label, goregular.TTF, labelSize},
		{&f.text, goregular.TTF, 14},
		{&f.title, gobold.TTF, 18},
	} {
		parsed, err := opentype.Parse(want.data)
		if err != nil {
			return nil, fmt.Errorf("plot: font: %w", err)
		}
		// At 72 dots per inch a point is a pixel.
		*want.face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: want.size, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return nil, fmt.Errorf("plot: font: %w", err)
		}
	}
	return f, nil
}

func width(f font.Face, s string) int { return font.MeasureString(f, s).Ceil() }

func widest(f font.Face, labels []string) int {
	w := 0
	for _, s := range labels {
		w = max(w, width(f, s))
	}
	return w
}

func height(f font.Face) int { m := f.Metrics(); return (m.Ascent + m.Descent).Ceil() }

// An anchor is where a text lies relative to a point: its start, middle or end.
type anchor int

const (
	start anchor = iota
	middle
	end
)

func (a anchor) shift(length int) int { return -length * int(a) / 2 }

// write sets s at (x, y), anchored in both directions.
func (c *canvas) write(f font.Face, s string, x, y int, h, v anchor, paint color.Color) {
	d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(paint), Face: f}
	d.Dot = fixed.P(x+h.shift(width(f, s)), y+v.shift(height(f))+f.Metrics().Ascent.Ceil())
	d.DrawString(s)
}

// writeUp is write for a text turned to read from bottom to top. Its start is
// below; h places it sideways.
func (c *canvas) writeUp(f font.Face, s string, x, y int, h, v anchor, paint color.Color) {
	w, t := width(f, s), height(f)
	if w == 0 {
		return
	}
	flat := image.NewAlpha(image.Rect(0, 0, w, t))
	d := font.Drawer{Dst: flat, Src: image.Opaque, Face: f, Dot: fixed.P(0, f.Metrics().Ascent.Ceil())}
	d.DrawString(s)
	up := image.NewAlpha(image.Rect(0, 0, t, w))
	for i := range w {
		for j := range t {
			up.SetAlpha(j, w-1-i, flat.AlphaAt(i, j))
		}
	}
	at := image.Pt(x+h.shift(t), y-w-v.shift(w))
	draw.DrawMask(c.RGBA, up.Bounds().Add(at), image.NewUniform(paint), image.Point{}, up, image.Point{}, draw.Over)
}

// How many characters of a label are shown.
const (
	maxLabel = 18
	maxPlain = 200
)

// tokenLabels makes tokens legible: spaces and SentencePiece's ▁ become dots, control characters
// escapes, and what the font lacks a box.
func tokenLabels(f font.Face, tokens []string) []string {
	return legible(f, tokens, maxLabel, '·')
}

// plainLabels is tokenLabels for plain text, whose spaces stay.
func plainLabels(f font.Face, texts []string) []string {
	return legible(f, texts, maxPlain, ' ')
}

func legible(f font.Face, texts []string, most int, space rune) []string {
	labels := make([]string, len(texts))
	for i, text := range texts {
		var b strings.Builder
		n := 0
		for _, r := range text {
			if n++; n > most {
				b.WriteRune('…')
				break
			}
			switch {
			case r == ' ' || r == '▁':
				b.WriteRune(space)
			case r == '\n':
				b.WriteString(`\n`)
			case r == '\t':
				b.WriteString(`\t`)
			case unicode.IsControl(r):
				fmt.Fprintf(&b, `\x%02x`, r)
			case !hasGlyph(f, r):
				b.WriteRune('□')
			default:
				b.WriteRune(r)
			}
		}
		labels[i] = b.String()
	}
	return labels
}

// hasGlyph asks for the advance, which the face reports as missing along with
// the glyph.
func hasGlyph(f font.Face, r rune) bool {
	_, ok := f.GlyphAdvance(r)
	return ok
}
