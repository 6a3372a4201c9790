package attention

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
)

// The rows of the product of (mean A + I) / 2 of all layers, the last one to the left, is what Rollout gives.
func TestRollout(t *testing.T) {
	const n, heads = 7, 3
	r := rand.New(rand.NewPCG(1, 2))
	var layers []tensor.Tensor
	product := identity(n)
	for range 4 {
		w := tensor.New(heads, n, n)
		step := identity(n)
		for i := range n {
			for j := range n {
				step[i][j] /= 2
			}
		}
		for h := range heads {
			for i := range n {
				row, sum := w.Row(h*n+i), float32(0)
				for j := range row {
					row[j] = r.Float32()
					sum += row[j]
				}
				for j := range row {
					row[j] /= sum
					step[i][j] += float64(row[j]) / (2 * heads)
				}
			}
		}
		layers = append(layers, w)
		product = times(step, product)
	}
	for i := range n {
		one := make([]float32, n)
		one[i] = 1
		got, sum := Rollout(layers, one), 0.0
		for j, v := range got {
			sum += float64(v)
			if math.Abs(float64(v)-product[i][j]) > 1e-7 { // a float32 near 0.3
				t.Errorf("output %d takes %v from input %d, want %v", i, v, j, product[i][j])
			}
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("what output %d takes adds up to %v", i, sum)
		}
	}
}

func TestRolloutPanics(t *testing.T) {
	for _, shape := range [][]int{{2, 3, 4}, {3, 3}, {2, 4, 4}} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, "want [H, 3, 3]") {
					t.Errorf("%v: %q", shape, s)
				}
			}()
			Rollout([]tensor.Tensor{tensor.New(shape...)}, make([]float32, 3))
		}()
	}
}

func identity(n int) [][]float64 {
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
		m[i][i] = 1
	}
	return m
}

func times(a, b [][]float64) [][]float64 {
	out := make([][]float64, len(a))
	for i := range a {
		out[i] = make([]float64, len(b[0]))
		for j := range out[i] {
			for k := range b {
				out[i][j] += float64(a[i][k] * b[k][j])
			}
		}
	}
	return out
}
