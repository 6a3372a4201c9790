package tensor

import (
	"errors"
	"fmt"
)

// Fits returns an error unless e is complete and has the shape of other, an expert of the same mixture.
func (e *Expert) Fits(other *Expert) error {
	if !e.complete() || !other.complete() {
		return errors.New("tensor: an expert has no Gate, Up or Down")
	}
	return e.fits(other.Up.In, other.Up.Out, other.Down.Out)
}

func (e *Expert) complete() bool { return e.Gate != nil && e.Up != nil && e.Down != nil }

// fits returns an error unless e, which is complete, has these widths.
func (e *Expert) fits(in, hidden, out int) error {
	for _, m := range [...]struct {
		name    string
		w       *Weight
		bias    []float32
		out, in int
	}{{"Gate", e.Gate, e.GateBias, hidden, in}, {"Up", e.Up, e.UpBias, hidden, in}, {"Down", e.Down, e.DownBias, out, hidden}} {
		switch {
		case m.w.table:
			return fmt.Errorf("tensor: %s is a table for lookups; see Slab.ForProducts", m.name)
		case m.w.Out != m.out || m.w.In != m.in:
			return fmt.Errorf("tensor: %s is [%d, %d], want [%d, %d]", m.name, m.w.Out, m.w.In, m.out, m.in)
		case m.bias != nil && len(m.bias) != m.out:
			return fmt.Errorf("tensor: %s has a bias of %d for %d rows", m.name, len(m.bias), m.out)
		}
	}
	return nil
}
