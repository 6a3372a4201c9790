package nn

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/alias"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// Activation is an elementwise function of a feed-forward layer.
type Activation uint8

const (
	SiLU      Activation = iota // x·σ(x), also called swish
	GELU                        // x·Φ(x), with the error function
	GELUTanh                    // the approximation of GELU by tanh
	QuickGELU                   // x·σ(1.702x)
	ReLU                        // max(x, 0)
	ReLU2                       // max(x, 0)²
	Tanh                        // tanh(x)
	Sigmoid                     // σ(x) = 1/(1 + e⁻ˣ)
	Identity                    // x
)

// activations names each function as the configs of checkpoints do; the first name is the one shown.
var activations = [...]struct {
	a     Activation
	names []string
}{
	{SiLU, []string{"silu", "swish"}},
	{GELU, []string{"gelu", "gelu_python"}},
	{GELUTanh, []string{"gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu_accurate", "gelu_python_tanh"}},
	{QuickGELU, []string{"quick_gelu"}},
	{ReLU, []string{"relu"}},
	{ReLU2, []string{"relu2"}},
	{Tanh, []string{"tanh"}},
	{Sigmoid, []string{"sigmoid"}},
	{Identity, []string{"linear"}},
}

// ParseActivation returns the function with the name used in configs, such as "silu" or "gelu_new". An
// unknown name gives an error.
func ParseActivation(name string) (Activation, error) {
	known := ""
	for _, e := range activations {
		for _, n := range e.names {
			if n == name {
				return e.a, nil
			}
			known += " " + n
		}
	}
	return 0, fmt.Errorf("nn: activation %.200q is not supported; these are:%s", name, known)
}

// String returns the name used in configs.
func (a Activation) String() string {
	for _, e := range activations {
		if e.a == a {
			return e.names[0]
		}
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}

// Forward sets dst to the function of each element of x. dst and x have the same shape; they may be the same
// tensor but must not overlap otherwise.
func (a Activation) Forward(dst, x tensor.Tensor) {
	alias.SameOrDisjoint("nn: Activation", "dst", dst.Data, "x", x.Data)
	forRows(a, dst, x)
}

// Apply applies the function to each element of x, in place.
func (a Activation) Apply(x []float32) {
	if a != Identity {
		a.apply(x, x)
	}
}

func (a Activation) rows(dst, x tensor.Tensor) { a.apply(dst.Data, x.Data) }

func (a Activation) apply(dst, x []float32) {
	switch a {
	case SiLU:
		vec.SiLU(dst, x)
	case GELU:
		vec.GELU(dst, x)
	case GELUTanh:
		vec.GELUTanh(dst, x)
	case QuickGELU:
		vec.QuickGELU(dst, x)
	case ReLU:
		vec.ReLU(dst, x)
	case ReLU2:
		vec.ReLU2(dst, x)
	case Tanh:
		vec.Tanh(dst, x)
	case Sigmoid:
		vec.Sigmoid(dst, x)
	default:
		copy(dst, x)
	}
}

// Gate sets dst, [T, I], to a(gate)·up. Each row of x, [T, 2·I], holds the gate and then up. This is the
// middle of a gated feed-forward layer (Shazeer, "GLU Variants Improve Transformer", 2020). dst must not
// overlap x.
func (a Activation) Gate(dst, x tensor.Tensor) {
	alias.Disjoint("nn: Gate", "dst", dst.Data, "x", x.Data)
	forRows(gate{a}, dst, x)
}

type gate struct{ a Activation }

func (g gate) rows(dst, x tensor.Tensor) {
	n := dst.Shape.Last()
	for i := range x.Rows() {
		row := x.Row(i)
		g.a.ApplyGate(dst.Row(i), row[:n], row[n:])
	}
}

// ApplyGate sets dst to a(gate)·up, element by element: see [tensor.Gating]. All have the same length. dst may
// be gate, and overlaps neither otherwise.
func (a Activation) ApplyGate(dst, gate, up []float32) {
	switch a {
	case SiLU:
		vec.SiLUMul(dst, gate, up)
	case GELU:
		vec.GELUMul(dst, gate, up)
	case GELUTanh:
		vec.GELUTanhMul(dst, gate, up)
	default:
		a.apply(dst, gate)
		vec.Mul(dst, dst, up)
	}
}

// ClampedGate is the gated unit of gpt-oss, (up+1)·gate·σ(Alpha·gate), with gate at most Limit and up from −Limit to
// Limit.
type ClampedGate struct{ Alpha, Limit float32 }

// ApplyGate implements [tensor.Gating].
func (c ClampedGate) ApplyGate(dst, gate, up []float32) {
	var memory [256]float32
	for len(dst) > 0 {
		n := min(len(dst), len(memory))
		c.apply(dst[:n], gate[:n], up[:n], memory[:n])
		dst, gate, up = dst[n:], gate[n:], up[n:]
	}
}

// apply is ApplyGate with memory for σ.
func (c ClampedGate) apply(dst, gate, up, sigmoid []float32) {
	for i, g := range gate {
		if g > c.Limit {
			g = c.Limit
		}
		dst[i], sigmoid[i] = g, g*c.Alpha
	}
	vec.Sigmoid(sigmoid, sigmoid)
	for i, u := range up {
		if u > c.Limit {
			u = c.Limit
		} else if u < -c.Limit {
			u = -c.Limit
		}
		dst[i] = (u + 1) * (dst[i] * sigmoid[i])
	}
}
