package checkpoint

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/tensor"
)

// computed is a Source that shows some tensors of another as what their stored parts stand for.
type computed struct {
	Source
	tensors map[string]computation
	parts   map[string]bool // stored for these tensors, or for nothing that is read: hidden
	names   []string
}

// computation is a tensor that is computed from stored ones.
type computation interface {
	info() Info

	// stored are the names of what it is computed from.
	stored() []string

	// chunks yields the tensor in order, in pieces of that many blocks of its type; the last may be shorter. A
	// piece is valid until the next.
	chunks(blocks int) iter.Seq2[[]byte, error]
}

// newComputed returns src with these tensors. The names of tensors are in the order of what is stored.
func newComputed(src Source, tensors map[string]computation, hidden map[string]bool) *computed {
	c := &computed{Source: src, tensors: tensors, parts: hidden}
	first := map[string]string{}
	for name, t := range tensors {
		for _, s := range t.stored() {
			c.parts[s] = true
		}
		first[t.stored()[0]] = name
	}
	for stored := range src.Names() {
		if name, ok := first[stored]; ok {
			c.names = append(c.names, name)
		} else if !c.parts[stored] {
			c.names = append(c.names, stored)
		}
	}
	return c
}

func (c *computed) Names() iter.Seq[string] { return slices.Values(c.names) }

func (c *computed) Lookup(name string) (Info, bool) {
	if t, ok := c.tensors[name]; ok {
		return t.info(), true
	}
	if c.parts[name] {
		return Info{}, false
	}
	return c.Source.Lookup(name)
}

// pieceBlocks is how many blocks of a tensor are computed at a time where the reader does not say.
const pieceBlocks = 1 << 18

func (c *computed) Bytes(name string) ([]byte, error) {
	t, ok := c.tensors[name]
	switch {
	case !ok && c.parts[name]:
		return nil, notFound(name)
	case !ok:
		return c.Source.Bytes(name)
	}
	info := t.info()
	if info.Size > math.MaxInt {
		return nil, &Error{Tensor: name, Kind: ErrOverflow, Detail: fmt.Sprintf("%d bytes exceed the address space", info.Size)}
	}
	all := make([]byte, 0, info.Size)
	for b, err := range t.chunks(pieceBlocks) {
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return all, nil
}

func (c *computed) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	t, ok := c.tensors[name]
	switch {
	case !ok && c.parts[name]:
		return failed(notFound(name))
	case !ok:
		return c.Source.Chunks(name, size)
	case size <= 0:
		panic(fmt.Sprintf("checkpoint: chunks of %d bytes of %s", size, name))
	}
	_, block, _ := t.info().DType.Block()
	return t.chunks(max(size/block, 1))
}

// InPlace implements [InPlace], for what is not computed.
func (c *computed) InPlace(name string) (tensor.Stored, bool) {
	if src, ok := c.Source.(InPlace); ok && c.tensors[name] == nil && !c.parts[name] {
		return src.InPlace(name)
	}
	return tensor.Stored{}, false
}

// Check implements [InPlace].
func (c *computed) Check() error {
	if src, ok := c.Source.(InPlace); ok {
		return src.Check()
	}
	return nil
}

func (c *computed) Release(name string) {
	t, ok := c.tensors[name]
	if !ok {
		c.Source.Release(name)
		return
	}
	for _, s := range t.stored() {
		c.Source.Release(s)
	}
}

// finite returns an error unless the scales of a tensor, those stored under the name, are numbers.
func finite(name string, scales []float32) error {
	for i, s := range scales {
		if s-s != 0 {
			return &Error{Tensor: name, Kind: ErrScale, Detail: fmt.Sprintf("scale %d is %v", i, s)}
		}
	}
	return nil
}

// grid is the error for scales of another shape than the tensor asks for.
func grid(name string, have []int, of Info, want string) error {
	return &Error{Tensor: name, Kind: ErrScale, Detail: fmt.Sprintf("it has shape %.200s; %.500q, %.200s, needs %s", fmt.Sprint(have), of.Name, fmt.Sprint(of.Shape), want)}
}
