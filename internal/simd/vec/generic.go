package vec

// The generic tier: what the assembly computes, up to rounding.

func addGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

func mulGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

func scaleGeneric(dst, x []float32, s float32) {
	for i := range dst {
		dst[i] = x[i] * s
	}
}

func axpyGeneric(dst, x []float32, a float32) {
	for i := range dst {
		dst[i] += float32(a * x[i])
	}
}

func expGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = exp32(v)
	}
}

func sigmoidGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = sigmoid32(v)
	}
}

func tanhGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = tanh32(v)
	}
}

func softCapGeneric(dst, x []float32, limit, inverse float32) {
	for i, v := range x {
		dst[i] = limit * tanh32(v*inverse)
	}
}

func reluGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = max(v, 0)
	}
}

func relu2Generic(dst, x []float32) {
	for i, v := range x {
		v = max(v, 0)
		dst[i] = v * v
	}
}

func siluGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = silu32(v)
	}
}

func quickGELUGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = quickGELU32(v)
	}
}

func geluGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = gelu32(v)
	}
}

func geluTanhGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = geluTanh32(v)
	}
}

func siluMulGeneric(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = silu32(v) * up[i]
	}
}

func geluMulGeneric(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = gelu32(v) * up[i]
	}
}

func geluTanhMulGeneric(dst, gate, up []float32) {
	for i, v := range gate {
		dst[i] = geluTanh32(v) * up[i]
	}
}

func rotateHalfGeneric(x, cos, sin []float32) {
	n := len(cos)
	for i, c := range cos {
		s, a, b := sin[i], x[i], x[n+i]
		x[i] = float32(a*c) - float32(b*s)
		x[n+i] = float32(b*c) + float32(a*s)
	}
}

func rotatePairsGeneric(x, cos, sin []float32) {
	for i, c := range cos {
		s, a, b := sin[i], x[2*i], x[2*i+1]
		x[2*i] = float32(a*c) - float32(b*s)
		x[2*i+1] = float32(b*c) + float32(a*s)
	}
}
