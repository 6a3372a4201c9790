package vec

// Portable Go for what the assembly computes, up to rounding.

func addPortable(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

func mulPortable(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

func scalePortable(dst, x []float32, s float32) {
	for i := range dst {
		dst[i] = x[i] * s
	}
}

func axpyPortable(dst, x []float32, a float32) {
	for i := range dst {
		dst[i] += float32(a * x[i])
	}
}

func expPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = exp32(v)
	}
}

func sigmoidPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = sigmoid32(v)
	}
}

func tanhPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = tanh32(v)
	}
}

func softCapPortable(dst, x []float32, limit, inverse float32) {
	for i, v := range x {
		dst[i] = limit * tanh32(v*inverse)
	}
}

func reluPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = max(v, 0)
	}
}

func relu2Portable(dst, x []float32) {
	for i, v := range x {
		v = max(v, 0)
		dst[i] = v * v
	}
}

func siluPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = silu32(v)
	}
}

func quickGELUPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = quickGELU32(v)
	}
}

func geluPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = gelu32(v)
	}
}

func geluTanhPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = geluTanh32(v)
	}
}

func siluMulPortable(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = silu32(v) * up[i]
	}
}

func geluMulPortable(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = gelu32(v) * up[i]
	}
}

func geluTanhMulPortable(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = geluTanh32(v) * up[i]
	}
}

func rotateHalfPortable(a, b, cos, sin []float32) {
	for i, c := range cos {
		s, x, y := sin[i], a[i], b[i]
		a[i] = float32(x*c) - float32(y*s)
		b[i] = float32(y*c) + float32(x*s)
	}
}

func rotatePairsPortable(x, cos, sin []float32) {
	for i, c := range cos {
		s, a, b := sin[i], x[2*i], x[2*i+1]
		x[2*i] = float32(a*c) - float32(b*s)
		x[2*i+1] = float32(b*c) + float32(a*s)
	}
}
