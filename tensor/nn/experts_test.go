package nn

import (
	"math"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// A router with a number that is not finite is an error that names the tensor.
func TestFloat32Finite(t *testing.T) {
	for _, bad := range []string{"", "gate.weight", "gate.bias"} {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			w, b := tensor.From([]float32{1, 2, 3, 4, 5, 6}, 3, 2), tensor.From([]float32{1, 2, 3}, 3)
			switch bad {
			case "gate.weight":
				w.Data[4] = float32(v)
			case "gate.bias":
				b.Data[2] = float32(v)
			}
			src, err := checkpoint.Memory(checkpoint.Float32("gate.weight", w), checkpoint.Float32("gate.bias", b))
			if err != nil {
				t.Fatal(err)
			}
			l := NewLoader(src, Options{})
			l.Float32("gate", 2, 3, true)
			if err := l.Err(true); bad == "" && err != nil || bad != "" && (err == nil || !strings.Contains(err.Error(), bad)) {
				t.Errorf("%v in %q: %v", v, bad, err)
			}
		}
	}
}
