package moe

import (
	"errors"
	"fmt"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Router chooses experts for tokens. A Router does not change while it routes: several passes may use it at
// once.
type Router interface {
	// Size returns the number of experts, and how many of them each token uses.
	Size() (experts, active int)

	// In returns the width of the rows that Route takes.
	In() int

	// Route sets r for the rows of x, [T, In]. r has memory for T rows: see [Routing]. A row's choice must not
	// depend on the other rows.
	Route(p *attention.Pass, r *Routing, x tensor.Tensor)

	// Check returns an error that says what is wrong with the router, such as a missing weight.
	Check() error
}

// Function makes scores from the logits of all experts, or weights from the scores of the chosen ones.
type Function uint8

const (
	Identity Function = iota // as they are
	Softmax                  // e^x / Σ e^x
	Sigmoid                  // 1/(1 + e⁻ˣ), each by itself
)

func (f Function) apply(dst, x []float32) {
	switch f {
	case Softmax:
		vec.Softmax(dst, x)
	case Sigmoid:
		vec.Sigmoid(dst, x)
	default:
		copy(dst, x)
	}
}

// GroupScore says what the score of a group of experts is.
type GroupScore uint8

const (
	Best   GroupScore = iota // the best score in the group, as in DeepSeek V2
	TopTwo                   // the sum of its two best scores, as in DeepSeek V3
)

// Groups limits the choice to experts of some groups. The experts of a group are neighbours. The zero value
// is no limit.
type Groups struct {
	N     int // number of groups, which divides the experts evenly
	Keep  int // groups that a token may choose from
	Score GroupScore
}

// TopK is a Router that takes the experts with the highest scores. For the logits of a token it computes
//
//	scores = Score(logits)
//	choice = scores + Bias, −∞ outside of the best Groups
//	chosen = the Active experts with the highest choice, best first; of equal ones the lowest
//	w      = Weight(scores of the chosen)
//	w      = w / (Σ w + Epsilon), if Renormalise
//	w      = w · Scale
//
// If logits are NaN, the token's weights may be NaN, and its experts are any; other tokens are not affected.
type TopK struct {
	Gate   nn.Linear // [Experts, Dim]
	Active int       // experts of a token

	Score       Function
	Bias        []float32 // [Experts]; nil means none. It changes the choice, not the weights
	Groups      Groups
	Weight      Function
	Renormalise bool
	Epsilon     float32
	Scale       float32 // 0 means 1
}

// Size implements [Router].
func (t *TopK) Size() (experts, active int) { return t.Gate.Out(), t.Active }

// In implements [Router].
func (t *TopK) In() int { return t.Gate.In() }

// Check implements [Router].
func (t *TopK) Check() error {
	n, g := t.Gate.Out(), t.Groups
	switch {
	case t.Gate.Weight == nil:
		return fmt.Errorf("moe: TopK.Gate has no weight")
	case t.Active < 1 || t.Active > n:
		return fmt.Errorf("moe: TopK chooses %d of %d experts; from 1 to all can be chosen", t.Active, n)
	case t.Bias != nil && len(t.Bias) != n:
		return fmt.Errorf("moe: TopK.Bias has %d elements for %d experts", len(t.Bias), n)
	case !vec.Finite(t.Bias):
		return errors.New("moe: TopK.Bias has numbers that are not finite")
	case g == Groups{}:
		return nil
	case g.N < 1 || g.N > maxGroups || n%g.N != 0:
		return fmt.Errorf("moe: TopK divides %d experts into %d groups; there may be up to %d, all of the same size", n, g.N, maxGroups)
	case g.Keep < 1 || g.Keep > g.N:
		return fmt.Errorf("moe: TopK chooses from %d of %d groups; from 1 to all are possible", g.Keep, g.N)
	case g.Score == TopTwo && n/g.N < 2:
		return fmt.Errorf("moe: TopK adds the two best scores of groups that have %d expert", n/g.N)
	case t.Active > g.Keep*(n/g.N):
		return fmt.Errorf("moe: TopK chooses %d experts from %d groups of %d", t.Active, g.Keep, n/g.N)
	}
	return nil
}

// Route implements [Router].
func (t *TopK) Route(p *attention.Pass, r *Routing, x tensor.Tensor) {
	t.Gate.Forward(r.Logits, x)
	mark := p.Scratch.Mark()
	c := choices.Get()
	c.t, c.r = t, r
	c.choice = r.Scores
	if t.Bias != nil || t.Groups.Keep < t.Groups.N {
		c.choice = p.Scratch.New(x.Rows(), r.Experts)
	}
	parallel.Run(width(x.Rows()), parts(x.Rows()), c)
	*c = choosing{}
	choices.Put(c, 0)
	p.Scratch.Release(mark)
}

// Choosing a token's experts takes about a microsecond: below some rows, workers do not pay.
const rowsPerPart = 32

func parts(rows int) int { return (rows + rowsPerPart - 1) / rowsPerPart }

func width(rows int) int {
	if rows < 2*rowsPerPart {
		return 1
	}
	return parallel.Width()
}

var choices parallel.Free[choosing]

// choosing is a running choice.
type choosing struct {
	t      *TopK
	r      *Routing
	choice tensor.Tensor // what the choice goes by; the scores if nothing changes them
}

// Do chooses for some rows.
func (c *choosing) Do(part, _ int) {
	for row := part * rowsPerPart; row < min((part+1)*rowsPerPart, c.r.Rows()); row++ {
		c.row(row)
	}
}

func (c *choosing) row(row int) {
	t, scores, choice := c.t, c.r.Scores.Row(row), c.choice.Row(row)
	t.Score.apply(scores, c.r.Logits.Row(row))
	if t.Bias != nil {
		vec.Add(choice, scores, t.Bias)
	} else if t.Groups.Keep < t.Groups.N {
		copy(choice, scores)
	}
	t.Groups.limit(choice)
	chosen, w := c.r.Row(row)
	best(chosen, choice)
	for i, e := range chosen {
		w[i] = scores[e]
	}
	t.Weight.apply(w, w)
	if t.Renormalise {
		sum := float32(0)
		for _, x := range w {
			sum += x
		}
		sum += t.Epsilon
		for i := range w {
			w[i] /= sum
		}
	}
	if t.Scale != 0 {
		for i := range w {
			w[i] *= t.Scale
		}
	}
}
