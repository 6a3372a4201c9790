package plot

import (
	"image/color"
	"math"
)

// Colour is the colour of a value from 0, deep violet, over blue and green to 1,
// light yellow; values outside count as the nearer end, NaN is grey. Lightness
// grows evenly in OKLab (Ottosson 2020), so equal steps look equal, in grey and
// to colour-blind eyes as well.
func Colour(v float64) color.RGBA {
	if math.IsNaN(v) {
		return color.RGBA{uint8(absent >> 16), uint8(absent >> 8 & 255), uint8(absent & 255), 255}
	}
	return okLab(ramp(min(max(v, 0), 1)))
}

func ramp(v float64) (l, a, b float64) {
	lightness := 0.24 + 0.71*v
	chroma := 0.12 - 0.03*math.Sin(math.Pi*v) + 0.04*v*v*v // within sRGB throughout
	sin, cos := math.Sincos((300 - 195*v) * math.Pi / 180)
	return lightness, chroma * cos, chroma * sin
}

func okLab(l, a, b float64) color.RGBA {
	red, green, blue := okLabLinear(l, a, b)
	return color.RGBA{screen(red), screen(green), screen(blue), 255}
}

// okLabLinear converts to linear sRGB, from 0 to 1 where a screen can show it.
func okLabLinear(l, a, b float64) (red, green, blue float64) {
	cube := func(x float64) float64 { return x * x * x }
	long := cube(l + 0.3963377774*a + 0.2158037573*b)
	medium := cube(l - 0.1055613458*a - 0.0638541728*b)
	short := cube(l - 0.0894841775*a - 1.2914855480*b)
	red = 4.0767416621*long - 3.3077115913*medium + 0.2309699292*short
	green = -1.2684380046*long + 2.6097574011*medium - 0.3413193965*short
	blue = -0.0041960863*long - 0.7034186147*medium + 1.7076147010*short
	return red, green, blue
}

// screen is the sRGB transfer curve.
func screen(linear float64) uint8 {
	linear = min(max(linear, 0), 1)
	v := 12.92 * linear
	if linear > 0.0031308 {
		v = 1.055*math.Pow(linear, 1/2.4) - 0.055
	}
	return uint8(math.Round(255 * v))
}

// onShade is the colour of a text on the colour of v.
func onShade(v float32) rgb {
	if l, _, _ := ramp(min(max(float64(v), 0), 1)); l > 0.6 || v != v {
		return ink
	}
	return white
}

// seriesColour is a colour of Okabe and Ito's set, which colour-blind eyes can
// tell apart.
func seriesColour(n int) rgb {
	colours := [...]rgb{0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x3c3c3c}
	return colours[n%len(colours)]
}

// shades holds Colour in steps of 1/255, for pictures with many cells.
type shades [256]color.RGBA

func newShades() *shades {
	s := new(shades)
	for i := range s {
		s[i] = Colour(float64(i) / 255)
	}
	return s
}

func (s *shades) of(v float32) color.RGBA {
	if v != v {
		return Colour(math.NaN())
	}
	return s[uint8(math.Round(255*min(max(float64(v), 0), 1)))]
}
