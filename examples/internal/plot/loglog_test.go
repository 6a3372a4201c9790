package plot

import (
	"image"
	"math"
	"slices"
	"strings"
	"testing"
)

func powers(from, to float64) (x []float64) {
	for ; from <= to; from *= 2 {
		x = append(x, from)
	}
	return x
}

// TestPoints finds a marker's colour at each point, and a line's between them.
func TestPoints(t *testing.T) {
	x := powers(128, 4096)
	var y []float64
	for _, v := range x {
		y = append(y, v*v*1e-9)
	}
	p := LogLog{Title: "Time", XLabel: "S", YLabel: "time", YUnit: Seconds, Width: 700, Height: 400,
		Series: []Series{{Name: "a", X: x, Y: y}}}
	got, err := p.Draw()
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != image.Rect(0, 0, 700, 400) {
		t.Fatalf("the picture is %v", got.Bounds())
	}
	f, err := newFaces(13)
	if err != nil {
		t.Fatal(err)
	}
	l := chartLayout{x: newLogAxis(Count, x, 8), y: newLogAxis(Seconds, y, 10)}
	if err := l.measure(&p, f); err != nil {
		t.Fatal(err)
	}
	has := func(x, y float64) bool {
		at := l.place(x, y)
		r, g, b, _ := got.At(int(at.x), int(at.y)).RGBA()
		wr, wg, wb, _ := seriesColour(0).RGBA()
		return r == wr && g == wg && b == wb
	}
	for i := range x {
		if !has(x[i], y[i]) {
			t.Errorf("no marker at %v, %v", x[i], y[i])
		}
		if i > 0 {
			// A power law is straight: the geometric mean lies on the line.
			if !has(math.Sqrt(x[i]*x[i-1]), math.Sqrt(y[i]*y[i-1])) {
				t.Errorf("no line before %v", x[i])
			}
		}
	}
	if has(x[0], y[len(y)-1]) {
		t.Error("there is a marker where no point is")
	}
	for _, edge := range edges(got.Bounds()) {
		if !blank(got, edge) {
			t.Errorf("the margin %v is not blank", edge)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		unit   Unit
		values []float64
		want   []string
	}{
		{Count, []float64{128, 1024}, []string{"128", "256", "512", "1024"}},
		{Count, []float64{100, 20000}, []string{"100", "1000", "10000", "100000"}},
		{Count, []float64{1, 65536}, []string{"1", "4", "16", "64", "256", "1024", "4096", "16384", "65536"}},
		{Count, []float64{1000}, []string{"100", "1000", "10000"}},
		{Seconds, []float64{2e-5, 0.03}, []string{"10 µs", "100 µs", "1 ms", "10 ms", "100 ms"}},
		{Seconds, []float64{1e-9, 1e-7}, []string{"1 ns", "10 ns", "100 ns"}},
		{Seconds, []float64{0.5, 70}, []string{"100 ms", "1 s", "10 s", "100 s"}},
		{Bytes, []float64{3000, 9000}, []string{"2 KiB", "4 KiB", "8 KiB", "16 KiB"}},
		{Bytes, []float64{1 << 20, 1 << 31}, []string{"1 MiB", "4 MiB", "16 MiB", "64 MiB", "256 MiB", "1 GiB", "4 GiB"}},
	} {
		a := newLogAxis(c.unit, c.values, 9)
		if got := a.labels(); !slices.Equal(got, c.want) {
			t.Errorf("unit %d, %v: ticks %q, want %q", c.unit, c.values, got, c.want)
		}
		for _, v := range c.values {
			if at := a.at(v); at < -1e-9 || at > 1+1e-9 {
				t.Errorf("unit %d: %v lies at %v", c.unit, v, at)
			}
		}
	}
	a := newLogAxis(Count, []float64{10, 99}, 9)
	if !slices.Equal(a.minor, []float64{20, 30, 40, 50, 60, 70, 80, 90}) {
		t.Errorf("minor ticks %v", a.minor)
	}
}

// TestOddPoints has values that cannot be shown beside some that can, and
// values at the ends of what there is.
func TestOddPoints(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, s := range []Series{
		{X: []float64{1, 2, 4, 8, 16}, Y: []float64{1, nan, 0, -2, inf}},
		{X: []float64{nan, 2, -inf}, Y: []float64{1, 1, 1}},
		{X: []float64{3}, Y: []float64{5}},
		{X: []float64{3, 3, 3}, Y: []float64{5, 5, 5}, Dashed: true},
		{X: []float64{math.SmallestNonzeroFloat64, math.MaxFloat64}, Y: []float64{math.MaxFloat64, math.SmallestNonzeroFloat64}},
	} {
		for _, unit := range []Unit{Count, Seconds, Bytes} {
			if _, err := (LogLog{XUnit: unit, YUnit: unit, Series: []Series{s}}).Draw(); err != nil {
				t.Errorf("%v: %v", s, err)
			}
		}
	}
}

func TestLogLogErrors(t *testing.T) {
	one := []float64{1}
	many := make([]float64, maxPoints+1)
	for _, c := range []struct {
		p     LogLog
		words string
	}{
		{LogLog{Title: "x"}, `"x" has no point`},
		{LogLog{Series: []Series{{X: []float64{0}, Y: one}}}, "no point"},
		{LogLog{Series: []Series{{Name: "a", X: one}}}, `series "a" has 1 x and 0 y`},
		{LogLog{Width: 10, Series: []Series{{X: one, Y: one}}}, "10×540"},
		{LogLog{Width: 1 << 20, Height: 1 << 20, Series: []Series{{X: one, Y: one}}}, "pixels"},
		{LogLog{Height: -1, Series: []Series{{X: one, Y: one}}}, "860×-1"},
		{LogLog{Series: make([]Series, 65)}, "65 series"},
		{LogLog{Series: []Series{{X: many, Y: many}}}, "points"},
		{LogLog{Series: []Series{{Name: strings.Repeat("long ", 50), X: one, Y: one}}}, "no room"},
	} {
		if _, err := c.p.Draw(); err == nil || !strings.Contains(err.Error(), c.words) || !strings.HasPrefix(err.Error(), "plot: ") {
			t.Errorf("error %v lacks %q", err, c.words)
		}
	}
}
