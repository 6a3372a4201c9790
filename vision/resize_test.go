package vision

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// noise returns a picture of random bytes.
func noise(r *rand.Rand, mode Mode, width, height int) *Image {
	m := blank(mode, width, height)
	for i := range m.pix {
		m.pix[i] = byte(r.Uint32())
	}
	return m
}

// TestResizePart compares parts of resized pictures with the same parts of the whole.
func TestResizePart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	memory := new(scratch)
	for range 300 {
		mode := []Mode{L, LA, RGB, RGBA, CMYK, I16}[r.IntN(6)]
		m := noise(r, mode, 1+r.IntN(60), 1+r.IntN(60))
		width, height := 1+r.IntN(60), 1+r.IntN(60)
		f := Filter(r.IntN(int(Lanczos) + 1))
		x, y := r.IntN(width), r.IntN(height)
		w, h := 1+r.IntN(width-x), 1+r.IntN(height-y)
		for _, how := range []Arithmetic{Pillow, Torchvision} {
			whole := new(scratch).resize(m, span{m.width, width, 0, width}, span{m.height, height, 0, height}, f, how).Crop(x, y, w, h)
			part := memory.resize(m, span{m.width, width, x, x + w}, span{m.height, height, y, y + h}, f, how)
			if !bytes.Equal(whole.pix, part.pix) {
				t.Fatalf("%v of %d × %d to %d × %d, %v: the part of %d × %d at (%d, %d) differs from the whole's",
					mode, m.width, m.height, width, height, f, w, h, x, y)
			}
		}
	}
}

// TestProcessAllocatesNothing: a picture in RGB and a dst that is large enough.
func TestProcessAllocatesNothing(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector has pools forget their memory")
	}
	m := noise(rand.New(rand.NewPCG(5, 6)), RGB, 300, 200)
	p := &Processor{Fit: Shortest, Size: Size{Height: 32}, Filter: Bicubic, Crop: Size{32, 32}, Rescale: true, Scale: 1.0 / 255}
	dst := make([]float32, 3*32*32)
	if n := testing.AllocsPerRun(20, func() {
		if _, err := p.Process(dst, m); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestBatch compares a batch with its pictures one by one.
func TestBatch(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	p := &Processor{Fit: Shortest, Size: Size{Height: 20}, Filter: Lanczos, Crop: Size{20, 20}, Rescale: true, Scale: 1.0 / 255}
	var all []*Image
	var want []float32
	for range 9 {
		m := noise(r, []Mode{L, RGB, RGBA, CMYK}[r.IntN(4)], 1+r.IntN(90), 1+r.IntN(90))
		px, err := p.Process(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		all, want = append(all, m), append(want, px.Data...)
	}
	got, err := p.ProcessBatch(nil, all)
	if err != nil {
		t.Fatal(err)
	}
	tensortest.CheckBits(t, "batch", got.Data, want)
	loose := *p
	loose.Crop = Size{}
	if _, err := loose.ProcessBatch(nil, all); err == nil {
		t.Error("pictures of different sizes: no error")
	}
	if _, err := p.ProcessBatch(nil, []*Image{all[0], nil}); err == nil {
		t.Error("a nil picture: no error")
	}
}
