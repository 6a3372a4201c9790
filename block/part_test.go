package block

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
)

// A residual of some tokens gives them the bits that a residual of all gives, and leaves the others.
func TestResidualOfPart(t *testing.T) {
	const dim = 20
	up, down := newAffine(2, 30, dim, true), newAffine(3, dim, 30, true)
	whole := Residual{Op: &MLP{Up: up.layer(), Act: 0, Down: down.layer()}, Pre: shift(1), Out: shift(2)}
	seqs := []attention.Seq{{Rows: 5, Prefix: 2}, {Rows: 3}, {Rows: 4, Prefix: 4}, {Rows: 0}, {Rows: 2, Prefix: 9}}
	in := random(1, 1, 14, dim)
	everything := cloned(in)
	p := new(attention.Pass)
	p.Begin(seqs...)
	whole.Forward(p, everything)
	for part, want := range map[Part]string{Prefix: "xx......xxxxxx", Rest: "..xxxxxx......"} {
		x, some := cloned(in), whole
		some.Part = part
		p.Begin(seqs...)
		mark := p.Scratch.Mark()
		some.Forward(p, x)
		if p.Scratch.Mark() != mark || len(p.Seqs) != len(seqs) || p.Rows() != 14 {
			t.Errorf("part %d: the pass has changed", part)
		}
		for i, c := range want {
			source := in
			if c == 'x' {
				source = everything
			}
			tensortest.CheckBits(t, fmt.Sprintf("part %d, row %d", part, i), x.Row(i), source.Row(i))
		}
	}
	if err := (Block{{Op: new(double), Part: Rest}}).Check(dim); err == nil || !strings.Contains(err.Error(), "updates some tokens alone") {
		t.Errorf("an Op that may look at other tokens: %v", err)
	}
}

func cloned(x tensor.Tensor) tensor.Tensor {
	return tensor.From(slices.Clone(x.Data), x.Rows(), x.Shape.Last())
}
