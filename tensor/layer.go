package tensor

import (
	"slices"

	"github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// layer is a weight, as its parts, and the epilogue of its product.
type layer struct {
	w *Weight
	Epilogue

	parts  []part
	forms  []*gemm.Format // one for each form in which parts take rows
	panels int            // of all parts
}

// part is what a joined Weight has of one format.
type part struct {
	w     *Weight
	col   int // its first output
	panel int // its first panel, of all that the layer has
	form  int // of the rows that it multiplies
}

// set makes the layer that of a weight.
func (l *layer) set(w *Weight, e Epilogue) {
	l.w, l.Epilogue, l.panels = w, e, 0
	l.parts, l.forms = l.parts[:0], l.forms[:0]
	if w.parts == nil {
		l.add(w, 0)
		return
	}
	col := 0
	for _, p := range w.parts {
		l.add(p, col)
		col += p.Out
	}
}

func (l *layer) add(w *Weight, col int) {
	f := w.format()
	form := slices.IndexFunc(l.forms, func(g *gemm.Format) bool { return g.Activations == f.Activations })
	if form < 0 {
		form = len(l.forms)
		l.forms = append(l.forms, f)
	}
	l.parts = append(l.parts, part{w, col, l.panels, form})
	l.panels += w.packed.Panels()
}

// drop lets go of the caller's memory.
func (l *layer) drop() {
	clear(l.parts)
	*l = layer{parts: l.parts[:0], forms: l.forms[:0]}
}

func (l *layer) size() int { return l.w.Out * l.w.In }

// col returns the first output of a panel; of the one after the last, the number of outputs.
func (l *layer) col(panel int) int {
	for i := len(l.parts) - 1; i > 0; i-- {
		if p := &l.parts[i]; panel >= p.panel {
			return min(p.col+(panel-p.panel)*gemm.PanelWidth, l.w.Out)
		}
	}
	return min(panel*gemm.PanelWidth, l.w.Out)
}

// packedRows are rows of activations as a layer takes them: all of them in one form, and then in the next.
type packedRows struct {
	data []float32
	all  int
	row  int // where to begin
}

// packedLen returns the elements of packed rows.
func (l *layer) packedLen(rows int) int {
	n := 0
	for _, f := range l.forms {
		n += f.PackedRowsLen(rows, l.w.In)
	}
	return n
}

// form returns packed rows in one form.
func (l *layer) form(p packedRows, form int) []float32 {
	start := 0
	for _, f := range l.forms[:form] {
		start += f.PackedRowsLen(p.all, l.w.In)
	}
	return p.data[start+p.row*l.forms[form].RowLen(l.w.In):]
}

// pack packs rows × cols of activations, columns from col on of those that l multiplies.
func (l *layer) pack(dst packedRows, x, scratch []float32, rows, col, cols int) {
	for i, f := range l.forms {
		f.PackColumns(l.form(dst, i), x, scratch, rows, cols, l.w.In, col, cols)
	}
}

// scratchLen returns the memory that packing n columns needs.
func (l *layer) scratchLen(n int) int {
	most := 0
	for _, f := range l.forms {
		most = max(most, f.ScratchLen(n))
	}
	return most
}

// panelStep returns how many panels of outputs that l multiplies are packed together.
func (l *layer) panelStep() int {
	most := 1
	for _, f := range l.forms {
		most = max(most, f.Activations.PanelStep())
	}
	return most
}

// wholeRows reports whether columns of a row cannot be packed apart.
func (l *layer) wholeRows() bool {
	return slices.ContainsFunc(l.forms, func(f *gemm.Format) bool { return f.Activations.WholeRows() })
}

// multiply sets the outputs of some panels, of rows of dst, [rows, Out], to what the weight makes of packed rows, and
// adds Bias and add.
func (l *layer) multiply(dst []float32, packed packedRows, rows, panel0, panel1 int, add []float32) {
	for i := range l.parts {
		p := &l.parts[i]
		from, to := max(panel0-p.panel, 0), min(panel1-p.panel, p.w.packed.Panels())
		if from >= to {
			continue
		}
		var e gemm.Epilogue
		if l.Bias != nil {
			e.Bias = l.Bias[p.col:][:p.w.Out]
		}
		if add != nil {
			e.Add = add[p.col:]
		}
		p.w.packed.Multiply(dst[p.col:], l.w.Out, l.form(packed, p.form), rows, from, to, e)
	}
}
