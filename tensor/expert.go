package tensor

import (
	"errors"
	"fmt"
)

// Gating combines the two inner products of a gated feed-forward network, as SwiGLU does. It may be called
// from several goroutines at once.
type Gating interface {
	// ApplyGate sets dst from gate and up, element by element. All have the same length; dst may be gate.
	ApplyGate(dst, gate, up []float32)
}

// Expert is one gated feed-forward network of a mixture: Down(act(Gate(x), Up(x))). Biases may be nil.
type Expert struct {
	Gate, Up, Down             *Weight   // [Hidden, In], [Hidden, In], [Out, Hidden]
	GateBias, UpBias, DownBias []float32 // [Hidden], [Hidden], [Out]
}

// Check returns an error unless e is complete and takes rows of in numbers to rows of out.
func (e *Expert) Check(in, out int) error {
	if e.Gate == nil || e.Up == nil || e.Down == nil {
		return errors.New("no weight for Gate, Up or Down")
	}
	hidden := e.Up.Out
	for _, m := range [...]struct {
		name    string
		w       *Weight
		bias    []float32
		out, in int
	}{{"Gate", e.Gate, e.GateBias, hidden, in}, {"Up", e.Up, e.UpBias, hidden, in}, {"Down", e.Down, e.DownBias, out, hidden}} {
		if m.w.Out != m.out || m.w.In != m.in || m.bias != nil && len(m.bias) != m.out {
			return fmt.Errorf("%s is [%d, %d] with a bias of %d, want [%d, %d]", m.name, m.w.Out, m.w.In, len(m.bias), m.out, m.in)
		}
		if m.w.parts != nil {
			return fmt.Errorf("%s is joined of %d weights; an expert's are of one part", m.name, len(m.w.parts))
		}
		if m.w.DType.PerRow() {
			return fmt.Errorf("%s is %v, which experts are not kept in; Q8_0 has as many bits", m.name, m.w.DType)
		}
		if m.w.table {
			return fmt.Errorf("%s is a table for lookups; see Slab.ForProducts", m.name)
		}
	}
	return nil
}
