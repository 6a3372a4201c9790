package attention

import (
	"fmt"
	"reflect"

	"github.com/seed2010d43f/transformer/tensor"
)

// Op is an operation of a layer: the inside of a residual. Forward sets dst, [T, Out], from x, [T, In], for
// the T rows of the pass. dst does not overlap x; scratch memory comes from the pass. An Op is read-only
// when it computes, so that any number of passes may run at once.
//
// Forward is all that an Op without a cache needs. An Op that keeps something of past tokens, that calls
// other Ops, or that offers a faster way to a result, is a [Describer] too.
type Op interface {
	Forward(p *Pass, dst, x tensor.Tensor)
}

// Describer is an Op that tells the model around it more than how to compute.
type Describer interface {
	Op

	// Traits describes the Op. It is called when a model is first used, not for each pass.
	Traits() Traits
}

// Traits is what a model has to know of an Op: what it caches, whom it calls, and what else it can do.
// Everything but Of may be left out.
//
// A struct that embeds an Op gets its Traits method too, which then describes a part of the struct and not
// the whole. Of tells: where it is not the Op at hand, the caches count, and nothing else does.
type Traits struct {
	// Of is the Op described: the receiver of the method.
	Of Op

	// Err says what is wrong with the Op, such as a weight that is missing. A model with such an Op is
	// refused when it is first used.
	Err error

	// In and Out are the widths of the rows that Forward reads and sets; 0 is any.
	In, Out int

	// Inner are the Ops that Forward calls. A cache in one that is not named here is refused.
	Inner []Op

	// Cache is what the Op keeps of each sequence; the zero value is nothing. [Pass.Attend], [Pass.Append]
	// and [Pass.State] put it there.
	Cache CacheLayer

	// Shares is an Op of an earlier layer, or of this one, whose cache this one reads instead of a cache
	// of its own: Cache is zero then.
	Shares Op

	// Cross is what the Op keeps of another sequence, which an encoder has read; the zero value is
	// nothing. FillCross puts it there: it appends, with [Pass.Append], what it makes of the rows of x,
	// [S, width of the encoder].
	Cross     CacheLayer
	FillCross func(p *Pass, x tensor.Tensor)

	// ReadsInput says that Forward reads [Pass.Input], what entered the first block.
	ReadsInput bool

	// TokenWise says that a row of dst depends on the same row of x alone: Forward may be called with some
	// rows of the pass only.
	TokenWise bool

	// ForwardAdd, if not nil, sets dst to what Forward computes plus add, [T, Out], with the same bits as
	// one after the other. dst does not overlap add. Models use it where a norm follows the sum.
	ForwardAdd func(p *Pass, dst, x, add tensor.Tensor)

	// ForwardRows, if not nil, sets dst, [len(rows), Out], to some rows of what Forward computes, and
	// caches all. Models use it in the last layer, of which they often need one row.
	ForwardRows func(p *Pass, dst, x tensor.Tensor, rows []int)
}

// Describe returns the traits of any Op. Of is op, or nil if op is of a type whose values cannot be compared:
// traits of an Op that is embedded in it make that one Inner.
func Describe(op Op) Traits {
	d, ok := op.(Describer)
	if !ok && reflect.TypeOf(op).Comparable() {
		return Traits{Of: op}
	} else if !ok {
		return Traits{}
	}
	t := d.Traits()
	switch {
	case t.Of == nil:
		return Traits{Of: op, Err: fmt.Errorf("attention: Traits of %T do not say in Of which Op they describe", op)}
	case !reflect.TypeOf(op).Comparable():
		return Traits{Err: fmt.Errorf("attention: a value of type %T cannot be told from its copies: use a pointer to it as Op", op)}
	case t.Of == op:
		return t
	}
	return Traits{Of: op, Inner: []Op{t.Of}}
}
