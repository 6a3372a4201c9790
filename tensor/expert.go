package tensor

import (
	"errors"
	"fmt"
)

// Fits returns an error unless e is complete and has the shape of other, an expert of the same mixture.
func (e *Expert) Fits(other *Expert) error {
	if e.Gate == nil || e.Up == nil || e.Down == nil || other.Up == nil || other.Down == nil {
		return errors.New("tensor: an expert has no Gate, Up or Down")
	}
	hidden, in, out := other.Up.Out, other.Up.In, other.Down.Out
	for _, m := range []struct {
		name    string
		w       *Weight
		bias    []float32
		out, in int
	}{{"Gate", e.Gate, e.GateBias, hidden, in}, {"Up", e.Up, e.UpBias, hidden, in}, {"Down", e.Down, e.DownBias, out, hidden}} {
		if m.w.Out != m.out || m.w.In != m.in {
			return fmt.Errorf("tensor: %s is [%d, %d], want [%d, %d]", m.name, m.w.Out, m.w.In, m.out, m.in)
		}
		if m.bias != nil && len(m.bias) != m.out {
			return fmt.Errorf("tensor: %s has a bias of %d for %d rows", m.name, len(m.bias), m.out)
		}
	}
	return nil
}
