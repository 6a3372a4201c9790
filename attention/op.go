package attention

import (
	"fmt"
	"reflect"

	"github.com/seed2010d43f/transformer/tensor"
)

// Op is one operation of a layer: an attention, an MLP, a convolution. Forward sets dst, [T, Out], from x,
// [T, In], for the T rows of the pass. dst does not overlap x. Forward takes scratch memory from p.Scratch.
// It must not change the Op, because several passes may run at once.
//
// Forward is enough for an Op that looks at each row alone. An Op that caches something, calls other Ops or
// has a faster path is also a [Describer].
type Op interface {
	Forward(p *Pass, dst, x tensor.Tensor)
}

// Describer is an Op that describes itself to the model: what it caches, which Ops it calls, which faster
// paths it has.
type Describer interface {
	Op

	// Traits describes the Op. It is called when a model is first used, not on each pass.
	Traits() Traits
}

// Traits describes an Op to the model. Only Of is required.
//
// A struct that embeds an Op also inherits its Traits method, which describes the embedded Op and not the
// struct. The field Of shows this: if Of is not the struct itself, the model uses the cache of the embedded
// Op but none of its faster paths.
type Traits struct {
	// Of is the Op described: the receiver of Traits.
	Of Op

	// Err says what is wrong with the Op, such as a missing weight. A model with such an Op returns the error
	// when it is first used.
	Err error

	// In and Out are the widths of the rows that Forward reads and sets; 0 means any width.
	In, Out int

	// Inner lists the Ops that Forward calls. A model refuses an inner Op with a cache that is not listed.
	Inner []Op

	// Cache describes what the Op caches of each sequence. [Pass.Attend] and [Pass.Append] fill keys and
	// values, [Pass.State] gives the state.
	Cache CacheLayer

	// Shares, if not nil, is an Op of this or an earlier layer. This Op then reads that Op's cache, and Cache
	// is zero.
	Shares Op

	// Cross describes what the Op keeps of an encoder's output; the zero value is nothing. FillCross computes
	// it from the rows of x, [S, width of the encoder], and stores it with [Pass.Append].
	Cross     CacheLayer
	FillCross func(p *Pass, x tensor.Tensor)

	// Work, if not nil, says what Forward computes for some tokens, without what Inner Ops compute. Package cost
	// adds it up. If it is nil, each row is taken to be multiplied once by every Weight in the fields of the Op.
	Work func(s Span) Work

	// ReadsInput says that Forward reads [Pass].Input.
	ReadsInput bool

	// TokenWise says that a row of dst depends only on the same row of x. A model may then call Forward with
	// some rows of the pass only.
	TokenWise bool

	// ForwardAdd, if not nil, sets dst = Forward(x) + add, with add [T, Out] and the bits of the two steps.
	// dst does not overlap add. Models use it where a norm follows the sum.
	ForwardAdd func(p *Pass, dst, x, add tensor.Tensor)

	// ForwardRows, if not nil, sets dst, [len(rows), Out], to the given rows of Forward(x), and caches all
	// rows. Models use it in the last layer, where often one row is enough.
	ForwardRows func(p *Pass, dst, x tensor.Tensor, rows []int)
}

// Describe returns the traits of any Op. Of is op, or nil if op's type cannot be compared with ==. If op
// inherits Traits from an embedded Op, that Op is listed in Inner.
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
