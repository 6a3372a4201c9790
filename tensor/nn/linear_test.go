package nn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
)

// The layers that do more at once have the bits of the steps, for every activation.
func TestFeedForward(t *testing.T) {
	const dim, inner = 40, 100
	up := Linear{Weight: tensor.WeightFrom(filled(inner, dim)), Bias: filled(1, inner).Data}
	down := Linear{Weight: tensor.WeightFrom(filled(dim, inner)), Bias: filled(1, dim).Data}
	for _, rows := range []int{1, 13, 300} {
		x, add := filled(rows, dim), filled(rows+1, dim).Slice(1, rows+1)
		h, y, sum, got := tensor.New(rows, inner), tensor.New(rows, dim), tensor.New(rows, dim), tensor.New(rows, dim)
		for _, a := range activations {
			up.Forward(h, x)
			a.a.Forward(h, h)
			down.Forward(y, h)
			for i := range sum.Data {
				sum.Data[i] = y.Data[i] + add.Data[i]
			}
			check := func(what string, got, want tensor.Tensor) {
				t.Helper()
				tensortest.CheckBits(t, fmt.Sprintf("%v, %d rows: %s", a.a, rows, what), got.Data, want.Data)
			}
			activated := tensor.New(rows, inner)
			up.ForwardActivated(activated, x, a.a)
			check("activated", activated, h)
			FeedForward(got, x, up, a.a, down, tensor.Tensor{})
			check("feed-forward", got, y)
			FeedForward(got, x, up, a.a, down, add)
			check("feed-forward and sum", got, sum)
			down.ForwardAdd(got, h, add)
			check("sum", got, sum)
		}
	}
}

func TestFeedForwardAllocatesNothing(t *testing.T) {
	up, down := Linear{Weight: tensor.WeightFrom(filled(60, 30))}, Linear{Weight: tensor.WeightFrom(filled(30, 60))}
	x, y := filled(20, 30), tensor.New(20, 30)
	if n := testing.AllocsPerRun(20, func() { FeedForward(y, x, up, GELU, down, tensor.Tensor{}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func ExampleFeedForward() {
	up := Linear{Weight: tensor.WeightFrom(tensor.From([]float32{1, -1}, 2, 1)), Bias: []float32{0, 1}}
	down := Linear{Weight: tensor.WeightFrom(tensor.From([]float32{10, 100}, 1, 2))}
	x := tensor.From([]float32{2, -3}, 2, 1)
	y := tensor.New(2, 1)
	FeedForward(y, x, up, ReLU, down, x) // with a residual
	fmt.Println(y.Data)
	// Output: [22 397]
}

// A table has the rows of a file, as the options have them, and errors name what is missing.
func TestTable(t *testing.T) {
	for _, from := range dtypes {
		for _, kept := range dtypes {
			m := stored{"e.weight", from, []int{97, 50}}
			l := NewLoader(file(t, m), Options{Convert: As(kept)})
			e := l.Table("e", 97, 50)
			if err := l.Err(true); err != nil {
				t.Fatal(err)
			}
			checkRows(t, fmt.Sprintf("%v kept as %v", from, kept), e.Weight, 0, m, kept, false)
		}
	}
	l := NewLoader(file(t), Options{})
	l.Table("e", 2, 3)
	if err := l.Err(true); err == nil || !strings.Contains(err.Error(), `no tensor "e.weight" of shape [2 3]`) {
		t.Errorf("without a tensor: %v", err)
	}
}
