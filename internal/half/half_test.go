package half

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// sweep returns float32s of every magnitude and kind.
func sweep() []float32 {
	var all []float32
	for u := uint32(0); u < 0xFFFFFFFF-9973; u += 9973 {
		all = append(all, math.Float32frombits(u))
	}
	inf := float32(math.Inf(1))
	return append(all, 0, math.Float32frombits(1<<31), inf, -inf, float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32, 0x1p-149, -0x1p-149)
}

// allHalves returns every 16-bit pattern.
func allHalves() []uint16 {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	return all
}

func TestWiden(t *testing.T) {
	src := allHalves()
	dst := make([]float32, len(src))
	tensortest.EachSet(t, func(t *testing.T) {
		WidenBF16(dst, src)
		for i, got := range dst {
			if want := uint32(src[i]) << 16; math.Float32bits(got) != want || math.Float32bits(FromBF16(src[i])) != want {
				t.Fatalf("bfloat16 %#x: %#x, want %#x", i, math.Float32bits(got), want)
			}
		}
		WidenF16(dst, src)
		for i, got := range dst {
			if want := float16.Frombits(src[i]).Float32(); math.Float32bits(got) != math.Float32bits(want) || math.Float32bits(FromF16(src[i])) != math.Float32bits(want) {
				t.Fatalf("float16 %#x: %#x, want %#x", i, math.Float32bits(got), math.Float32bits(want))
			}
		}
	})
}

// nearestBF16 rounds by the definition: the nearer neighbour, the even one of two as near.
func nearestBF16(v float32) uint16 {
	u := math.Float32bits(v)
	below := u &^ 0xFFFF // towards zero
	switch rest := u & 0xFFFF; {
	case v != v:
		return uint16(u>>16) | 0x40
	case rest < 0x8000, rest == 0x8000 && below>>16&1 == 0:
		return uint16(below >> 16)
	}
	return uint16(below>>16) + 1
}

func TestNarrow(t *testing.T) {
	src := sweep()
	for h := range uint32(1 << 16) { // around every midpoint of either kind
		wide := math.Float32bits(float16.Frombits(uint16(h)).Float32())
		for _, d := range []uint32{0, 0xFFF, 0x1000, 0x1001} {
			src = append(src, math.Float32frombits(wide+d))
		}
		for _, d := range []uint32{0x7FFF, 0x8000, 0x8001} {
			src = append(src, math.Float32frombits(h<<16|d))
		}
	}
	for _, v := range []float32{65519, 65520, 65536, 0x1p-25, 0x1.8p-25, 0x1p-24, 0x1.8p-24, 0x1.ffcp-15} {
		src = append(src, v, -v)
	}
	dst := make([]uint16, len(src))
	tensortest.EachSet(t, func(t *testing.T) {
		NarrowBF16(dst, src)
		for i, got := range dst {
			if want := nearestBF16(src[i]); got != want || BF16(src[i]) != want {
				t.Fatalf("%v (%#x) to bfloat16: %#x, want %#x", src[i], math.Float32bits(src[i]), got, want)
			}
		}
		NarrowF16(dst, src)
		for i, got := range dst {
			if want := float16.Fromfloat32(src[i]).Bits(); got != want || F16(src[i]) != want {
				t.Fatalf("%v (%#x) to float16: %#x, want %#x", src[i], math.Float32bits(src[i]), got, want)
			}
		}
	})
}

func TestConvertLengths(t *testing.T) {
	floats := tensortest.Normal(rand.New(rand.NewPCG(6, 7)), 110)
	halves := make([]uint16, 110)
	for i := range halves {
		halves[i] = uint16(i * 599)
	}
	tensortest.EachSet(t, func(t *testing.T) {
		for n := range 101 {
			for offset := range 8 {
				for name, widen := range map[string]func([]float32, []uint16){"WidenBF16": WidenBF16, "WidenF16": WidenF16} {
					guarded := tensortest.Guard(make([]float32, n), offset)
					dst := guarded.X
					widen(dst, halves[offset:offset+n])
					for i, v := range dst {
						var one [1]float32
						widen(one[:], halves[offset+i:offset+i+1])
						if _, same := tensortest.SameBits([]float32{v}, one[:]); !same {
							t.Fatalf("%s: length %d, offset %d: element %d is %v, alone %v", name, n, offset, i, v, one[0])
						}
					}
					guarded.Check(t, fmt.Sprintf("%s: length %d, offset %d", name, n, offset))
				}
				for name, narrow := range map[string]func([]uint16, []float32){"NarrowBF16": NarrowBF16, "NarrowF16": NarrowF16} {
					guarded := tensortest.Guard(make([]uint16, n), offset)
					dst := guarded.X
					narrow(dst, floats[offset:offset+n])
					for i, v := range dst {
						var one [1]uint16
						narrow(one[:], floats[offset+i:offset+i+1])
						if v != one[0] {
							t.Fatalf("%s: length %d, offset %d: element %d is %#x, alone %#x", name, n, offset, i, v, one[0])
						}
					}
					guarded.Check(t, fmt.Sprintf("%s: length %d, offset %d", name, n, offset))
				}
			}
		}
	})
}

// Numbers in bytes are read and written wherever they lie, and in any number.
func TestBytes(t *testing.T) {
	tensortest.EachSet(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(8, 9))
		for _, n := range []int{0, 1, 7, 255, 256, 257, 1000} {
			src := tensortest.Normal(r, n)
			for _, c := range []struct {
				name   string
				scalar func(float32) uint16
				widen  func(uint16) float32
				to     func([]byte, []float32)
				from   func([]float32, []byte)
			}{{"BF16", BF16, FromBF16, BF16ToBytes, BF16FromBytes}, {"F16", F16, FromF16, F16ToBytes, F16FromBytes}} {
				for odd := range 2 {
					b, back := make([]byte, 2*n+1)[odd:][:2*n], make([]float32, n)
					c.to(b, src)
					c.from(back, b)
					for i, v := range src {
						u := c.scalar(v)
						if b[2*i] != byte(u) || b[2*i+1] != byte(u>>8) || back[i] != c.widen(u) {
							t.Fatalf("%s: element %d of %d, %v, is stored as %x and read as %v", c.name, i, n, v, b[2*i:2*i+2], back[i])
						}
					}
					if allocs := testing.AllocsPerRun(5, func() { c.to(b, src); c.from(back, b) }); allocs != 0 {
						t.Errorf("%s: %v allocations", c.name, allocs)
					}
				}
			}
		}
	})
}

func TestLengthsPanic(t *testing.T) {
	f, u, b := make([]float32, 3), make([]uint16, 2), make([]byte, 5)
	for want, run := range map[string]func(){
		"half: WidenF16: dst has length 3, src has 2":      func() { WidenF16(f, u) },
		"half: WidenBF16: dst has length 3, src has 2":     func() { WidenBF16(f, u) },
		"half: NarrowF16: dst has length 2, src has 3":     func() { NarrowF16(u, f) },
		"half: NarrowBF16: dst has length 2, src has 3":    func() { NarrowBF16(u, f) },
		"half: F16FromBytes: dst has length 6, src has 5":  func() { F16FromBytes(f, b) },
		"half: BF16FromBytes: dst has length 6, src has 5": func() { BF16FromBytes(f, b) },
		"half: F16ToBytes: dst has length 5, src has 6":    func() { F16ToBytes(b, f) },
		"half: BF16ToBytes: dst has length 5, src has 6":   func() { BF16ToBytes(b, f) },
	} {
		tensortest.Panics(t, want, run)
	}
}

func ExampleNarrowF16() {
	half := make([]uint16, 4)
	NarrowF16(half, []float32{1, 1.0 / 3, 65519, 65520})
	wide := make([]float32, 4)
	WidenF16(wide, half)
	fmt.Println(wide)
	// Output: [1 0.33325195 65504 +Inf]
}

// Conversions are measured on rows that fit the nearest cache.
func BenchmarkRows(b *testing.B) {
	x, u := make([]float32, 4096), make([]uint16, 4096)
	for name, f := range map[string]func(){
		"WidenBF16": func() { WidenBF16(x, u) }, "WidenF16": func() { WidenF16(x, u) },
		"NarrowBF16": func() { NarrowBF16(u, x) }, "NarrowF16": func() { NarrowF16(u, x) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * 4096)
			for b.Loop() {
				f()
			}
		})
	}
}
