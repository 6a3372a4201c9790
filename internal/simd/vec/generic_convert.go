package vec

import (
	"math"

	"github.com/x448/float16"
)

func widenBF16Generic(dst []float32, src []uint16) {
	for i, v := range src {
		dst[i] = math.Float32frombits(uint32(v) << 16)
	}
}

func widenF16Generic(dst []float32, src []uint16) {
	for i, v := range src {
		dst[i] = float16.Frombits(v).Float32()
	}
}

func narrowBF16Generic(dst []uint16, src []float32) {
	for i, v := range src {
		u := math.Float32bits(v)
		if v != v {
			dst[i] = uint16(u>>16) | 0x40
		} else {
			dst[i] = uint16((u + 0x7FFF + u>>16&1) >> 16)
		}
	}
}

func narrowF16Generic(dst []uint16, src []float32) {
	for i, v := range src {
		dst[i] = float16.Fromfloat32(v).Bits()
	}
}
