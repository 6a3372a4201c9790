package half

func widenBF16Portable(dst []float32, src []uint16) {
	for i, v := range src {
		dst[i] = FromBF16(v)
	}
}

func widenF16Portable(dst []float32, src []uint16) {
	for i, v := range src {
		dst[i] = FromF16(v)
	}
}

func narrowBF16Portable(dst []uint16, src []float32) {
	for i, v := range src {
		dst[i] = BF16(v)
	}
}

func narrowF16Portable(dst []uint16, src []float32) {
	for i, v := range src {
		dst[i] = F16(v)
	}
}
