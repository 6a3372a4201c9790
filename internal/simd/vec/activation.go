package vec

import "fmt"

// Exp sets dst[i] = e^x[i], to within 2 units in the last place, denormal results included.
func Exp(dst, x []float32) {
	sameLen("Exp", "x", len(dst), len(x))
	if len(dst) > 0 {
		exp(dst, x)
	}
}

// Sigmoid sets dst[i] = 1/(1+e^−x[i]).
func Sigmoid(dst, x []float32) {
	sameLen("Sigmoid", "x", len(dst), len(x))
	if len(dst) > 0 {
		sigmoid(dst, x)
	}
}

// Tanh sets dst[i] = tanh x[i]. It is odd to the bit.
func Tanh(dst, x []float32) {
	sameLen("Tanh", "x", len(dst), len(x))
	if len(dst) > 0 {
		tanh(dst, x)
	}
}

// SoftCap sets dst[i] = limit·tanh(x[i]/limit), which stays within ±limit: the cap that Gemma 2 puts on
// scores and logits. It panics unless limit is positive.
func SoftCap(dst, x []float32, limit float32) {
	sameLen("SoftCap", "x", len(dst), len(x))
	if !(limit > 0) {
		panic(fmt.Sprintf("vec: SoftCap: limit is %v, want a positive number", limit))
	}
	if len(dst) > 0 {
		softCap(dst, x, limit, 1/limit)
	}
}

// ReLU sets dst[i] = max(x[i], 0).
func ReLU(dst, x []float32) {
	sameLen("ReLU", "x", len(dst), len(x))
	if len(dst) > 0 {
		relu(dst, x)
	}
}

// ReLU2 sets dst[i] = max(x[i], 0)² (So et al. 2021, arXiv:2109.08668).
func ReLU2(dst, x []float32) {
	sameLen("ReLU2", "x", len(dst), len(x))
	if len(dst) > 0 {
		relu2(dst, x)
	}
}

// SiLU sets dst[i] = x[i]·sigmoid(x[i]) (Elfwing et al. 2017, arXiv:1702.03118).
func SiLU(dst, x []float32) {
	sameLen("SiLU", "x", len(dst), len(x))
	if len(dst) > 0 {
		silu(dst, x)
	}
}

// QuickGELU sets dst[i] = x[i]·sigmoid(1.702·x[i]), the approximation that CLIP uses.
func QuickGELU(dst, x []float32) {
	sameLen("QuickGELU", "x", len(dst), len(x))
	if len(dst) > 0 {
		quickGELU(dst, x)
	}
}

// GELU sets dst[i] = x[i]·Φ(x[i]), Φ the normal distribution function: ½x(1+erf(x/√2)), called "gelu"
// in configurations (Hendrycks and Gimpel 2016, arXiv:1606.08415). Negative results keep their relative
// accuracy down to 1e-10.
func GELU(dst, x []float32) {
	sameLen("GELU", "x", len(dst), len(x))
	if len(dst) > 0 {
		gelu(dst, x)
	}
}

// GELUTanh sets dst[i] = ½x(1+tanh(√(2/π)(x+0.044715x³))), x = x[i]: "gelu_new" and
// "gelu_pytorch_tanh" in configurations.
func GELUTanh(dst, x []float32) {
	sameLen("GELUTanh", "x", len(dst), len(x))
	if len(dst) > 0 {
		geluTanh(dst, x)
	}
}

// SiLUMul sets dst[i] = SiLU(gate[i])·up[i], the gated unit of LLaMA (SwiGLU; Shazeer 2020,
// arXiv:2002.05202), with the bits that SiLU and then Mul give.
func SiLUMul(dst, gate, up []float32) {
	sameLen("SiLUMul", "gate", len(dst), len(gate))
	sameLen("SiLUMul", "up", len(dst), len(up))
	if len(dst) > 0 {
		siluMul(dst, gate, up)
	}
}

// GELUMul sets dst[i] = GELU(gate[i])·up[i], with the bits that GELU and then Mul give.
func GELUMul(dst, gate, up []float32) {
	sameLen("GELUMul", "gate", len(dst), len(gate))
	sameLen("GELUMul", "up", len(dst), len(up))
	if len(dst) > 0 {
		geluMul(dst, gate, up)
	}
}

// GELUTanhMul sets dst[i] = GELUTanh(gate[i])·up[i], the gated unit of T5 1.1 and Gemma, with the bits
// that GELUTanh and then Mul give.
func GELUTanhMul(dst, gate, up []float32) {
	sameLen("GELUTanhMul", "gate", len(dst), len(gate))
	sameLen("GELUTanhMul", "up", len(dst), len(up))
	if len(dst) > 0 {
		geluTanhMul(dst, gate, up)
	}
}
