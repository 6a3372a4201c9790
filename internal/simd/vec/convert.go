package vec

// WidenBF16 sets dst[i] to the bfloat16 whose bits are src[i], exactly.
func WidenBF16(dst []float32, src []uint16) {
	sameLen("WidenBF16", "src", len(dst), len(src))
	if len(dst) > 0 {
		widenBF16(dst, src)
	}
}

// WidenF16 sets dst[i] to the IEEE half-precision number whose bits are src[i], exactly. A signalling
// NaN becomes a quiet one.
func WidenF16(dst []float32, src []uint16) {
	sameLen("WidenF16", "src", len(dst), len(src))
	if len(dst) > 0 {
		widenF16(dst, src)
	}
}

// NarrowBF16 sets dst[i] to the bits of the bfloat16 nearest to src[i], the even one of two equally
// near. A NaN keeps its sign and upper payload, and becomes quiet.
func NarrowBF16(dst []uint16, src []float32) {
	sameLen("NarrowBF16", "src", len(dst), len(src))
	if len(dst) > 0 {
		narrowBF16(dst, src)
	}
}

// NarrowF16 sets dst[i] to the bits of the half-precision number nearest to src[i], the even one of
// two equally near; ±Inf from 65520 in magnitude. A NaN keeps its sign and upper payload, and becomes
// quiet.
func NarrowF16(dst []uint16, src []float32) {
	sameLen("NarrowF16", "src", len(dst), len(src))
	if len(dst) > 0 {
		narrowF16(dst, src)
	}
}
