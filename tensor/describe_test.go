package tensor

import "testing"

// A described Weight has the shape and the size of a real one, and no memory.
func TestDescribe(t *testing.T) {
	for _, dt := range []DType{F32, F16, BF16} {
		for _, p := range []Precision{FullPrecision, BF16Activations} {
			w, real := Describe(dt, p, 37, 22), new(Slab).NewWeight(dt, p, 37, 22)
			if w.Out != real.Out || w.In != real.In || w.DType != real.DType || w.Precision != real.Precision || w.Bytes() != real.Bytes() {
				t.Errorf("%v: %+v with %d bytes, want %d", dt, w, w.Bytes(), real.Bytes())
			}
			row := []float32{1, 22: 0}[:22]
			w.Pack(0, make([]byte, dt.Bytes(22)))
			if w.Row(row, 36); row[0] != 0 {
				t.Errorf("%v: reads as %v", dt, row[0])
			}
		}
		slab := new(Slab)
		w, real := DescribeTable(dt, 37, 22), slab.NewTable(dt, 37, 22)
		if w.Bytes() != real.Bytes() {
			t.Errorf("a table of %v: %d bytes, want %d", dt, w.Bytes(), real.Bytes())
		}
		if slab.ForProducts(w, FullPrecision) != w || w.Bytes() != real.Bytes()+slab.ForProducts(real, FullPrecision).Bytes() {
			t.Errorf("a table of %v for products: %d bytes", dt, w.Bytes())
		}
	}
	if n := testing.AllocsPerRun(10, func() { Describe(BF16, FullPrecision, 1<<20, 1<<20) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
