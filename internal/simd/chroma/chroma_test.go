package chroma

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
		if r.IntN(4) == 0 {
			b[i] = byte(-r.IntN(2)) // the ends of the range
		}
	}
	return b
}

// TestKernels compares each instruction set with the portable code, byte for byte.
func TestKernels(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 9))
		for n := 1; n < 150; n++ {
			y, u, v := random(r, n), random(r, n), random(r, n)
			got, want := make([]byte, 3*n), make([]byte, 3*n)
			RGB(got, y, u, v)
			rgbPortable(want, y, u, v)
			if !bytes.Equal(got, want) {
				t.Fatalf("%d pixels are %v, want %v", n, got, want)
			}
			if n < 3 {
				continue
			}
			got, want = make([]byte, 2*(n-2)), make([]byte, 2*(n-2))
			double(got, u, v)
			doublePortable(want, u, v)
			if !bytes.Equal(got, want) {
				t.Fatalf("the doubles of %d samples are %v, want %v", n, got, want)
			}
		}
	})
}

// TestPixel compares all pixels with the conversion in real numbers: it is within one.
func TestPixel(t *testing.T) {
	for y := 0; y < 256; y += 5 {
		for u := range 256 {
			for v := range 256 {
				r, g, b := Pixel(byte(y), byte(u), byte(v))
				l, cb, cr := float64(y), float64(u-128), float64(v-128)
				for _, c := range [][2]float64{{float64(r), l + 1.402*cr}, {float64(g), l - 0.344136*cb - 0.714136*cr}, {float64(b), l + 1.772*cb}} {
					if want := min(max(c[1], 0), 255); c[0]-want > 0.51 || want-c[0] > 0.51 {
						t.Fatalf("pixel %d %d %d has the value %v, want %.2f", y, u, v, c[0], want)
					}
				}
			}
		}
	}
}
