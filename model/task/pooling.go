package task

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Pooling makes one vector from the hidden states of a text's tokens, special tokens included.
type Pooling uint8

const (
	PoolMean     Pooling = iota // the mean of all tokens
	PoolCLS                     // the first token
	PoolMax                     // the maximum of each column
	PoolMeanSqrt                // the sum divided by the square root of the number of tokens
	PoolWeighted                // the mean with weight i for the i-th token
	PoolLast                    // the last token
)

// Forward sets dst, [Dim], from the rows of x, [T, Dim], without the first skip rows; at least one must
// remain. PoolWeighted still counts its weights from the first row of x.
func (p Pooling) Forward(dst []float32, x tensor.Tensor, skip int) {
	n := x.Rows()
	if skip < 0 || skip >= n || len(dst) != x.Shape.Last() {
		panic(fmt.Sprintf("task: pooling of %v without the first %d rows into %d numbers", x.Shape, skip, len(dst)))
	}
	switch p {
	case PoolCLS:
		copy(dst, x.Row(skip))
	case PoolLast:
		copy(dst, x.Row(n-1))
	case PoolMax:
		copy(dst, x.Row(skip))
		for i := skip + 1; i < n; i++ {
			for j, v := range x.Row(i) {
				dst[j] = max(dst[j], v)
			}
		}
	default:
		clear(dst)
		sum := 0
		for i := skip; i < n; i++ {
			if p == PoolWeighted {
				vec.AXPY(dst, float32(i+1), x.Row(i))
				sum += i + 1
			} else {
				vec.Add(dst, dst, x.Row(i))
				sum++
			}
		}
		by := float64(sum)
		if p == PoolMeanSqrt {
			by = math.Sqrt(by)
		}
		vec.Scale(dst, dst, float32(1/by))
	}
}

// Module changes embeddings, [N, In], after pooling. It may change x in place and return it.
type Module interface {
	Forward(x tensor.Tensor) tensor.Tensor
}

// Dense is the module Act(Linear(x)). With Residual it adds x, or Project(x) if Project is not nil.
type Dense struct {
	Linear   nn.Linear
	Act      nn.Activation
	Residual bool
	Project  *nn.Linear // nil means that x itself is added
}

// Forward implements [Module].
func (d *Dense) Forward(x tensor.Tensor) tensor.Tensor {
	y := tensor.New(x.Rows(), d.Linear.Out())
	d.Linear.Forward(y, x)
	d.Act.Forward(y, y)
	if d.Project != nil {
		z := tensor.New(x.Rows(), d.Project.Out())
		d.Project.Forward(z, x)
		x = z
	}
	if d.Residual {
		vec.Add(y.Data, y.Data, x.Data)
	}
	return y
}

// Normalizer is a module that applies [retrieval.Normalize].
type Normalizer struct{}

// Forward implements [Module].
func (Normalizer) Forward(x tensor.Tensor) tensor.Tensor {
	retrieval.Normalize(x)
	return x
}

// NormModule is a module that applies Norm.
type NormModule struct{ Norm nn.Norm }

// Forward implements [Module].
func (n NormModule) Forward(x tensor.Tensor) tensor.Tensor {
	n.Norm.Forward(x, x)
	return x
}

// Truncated is a module that keeps the first Dim columns, for embeddings that were trained for it (Kusupati
// et al., "Matryoshka Representation Learning", 2022).
type Truncated struct{ Dim int }

// Forward implements [Module].
func (t Truncated) Forward(x tensor.Tensor) tensor.Tensor {
	if t.Dim >= x.Shape.Last() {
		return x
	}
	y := tensor.New(x.Rows(), t.Dim)
	for i := range y.Rows() {
		copy(y.Row(i), x.Row(i))
	}
	return y
}

// legacyPooling are the keys of a pooling's config, in the order in which several are put together.
var legacyPooling = [...]struct {
	key  string
	mode Pooling
}{
	{"pooling_mode_cls_token", PoolCLS}, {"pooling_mode_max_tokens", PoolMax}, {"pooling_mode_mean_tokens", PoolMean},
	{"pooling_mode_mean_sqrt_len_tokens", PoolMeanSqrt}, {"pooling_mode_weightedmean_tokens", PoolWeighted},
	{"pooling_mode_lasttoken", PoolLast},
}

func parsePooling(name string) (Pooling, error) {
	names := []string{"mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"}
	if i := slices.Index(names, name); i >= 0 {
		return Pooling(i), nil
	}
	return 0, fmt.Errorf("the pooling mode %.200q is not supported; these are: %v", name, names)
}
