package vec

import (
	"fmt"
	"math"
	"testing"

	"github.com/x448/float16"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

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
			if want := uint32(src[i]) << 16; math.Float32bits(got) != want {
				t.Fatalf("bfloat16 %#x: %#x, want %#x", i, math.Float32bits(got), want)
			}
		}
		WidenF16(dst, src)
		for i, got := range dst {
			if want := float16.Frombits(src[i]).Float32(); math.Float32bits(got) != math.Float32bits(want) {
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
	src := append(sweep(), hardRow(1000, 5)...)
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
			if want := nearestBF16(src[i]); got != want {
				t.Fatalf("%v (%#x) to bfloat16: %#x, want %#x", src[i], math.Float32bits(src[i]), got, want)
			}
		}
		NarrowF16(dst, src)
		for i, got := range dst {
			if want := float16.Fromfloat32(src[i]).Bits(); got != want {
				t.Fatalf("%v (%#x) to float16: %#x, want %#x", src[i], math.Float32bits(src[i]), got, want)
			}
		}
	})
}

func TestConvertLengths(t *testing.T) {
	floats := hardRow(110, 6)
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
						if !sameFloat(v, one[0]) {
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
