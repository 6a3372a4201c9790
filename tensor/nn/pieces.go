package nn

import (
	"fmt"

	"github.com/seed2010d43f/transformer/tensor"
)

// A matrix that one program stores whole, another may store in pieces: GGUF files have the gates of experts apart from
// what they gate, and the two may differ in type. A Source shows pieces under the whole's name, followed by #0, #1, …

// piece is a tensor with some of the rows of a matrix.
type piece struct {
	name string
	out  int
}

// pieces returns what the matrix name, [out, in], is stored as: itself, or pieces.
func (l Loader) pieces(name string, out int) []piece {
	if l.Has(name) || !l.Has(pieceName(name, 0)) {
		return []piece{{name, out}}
	}
	var all []piece
	want := out
	for i := 0; ; i++ {
		info, ok := l.src.Lookup(l.full(pieceName(name, i)))
		if !ok || len(info.Shape) == 0 {
			break
		}
		all = append(all, piece{pieceName(name, i), info.Shape[0]})
		out -= info.Shape[0]
	}
	if out != 0 {
		l.Fail(fmt.Errorf("nn: the pieces of %q, from %q on, have %d rows in all, want %d", l.full(name), l.full(pieceName(name, 0)), want-out, want))
	}
	return all
}

func pieceName(name string, i int) string { return fmt.Sprintf("%s#%d", name, i) }

// expertPieces returns the n experts whose gates are gateUp#0 and whose ups are gateUp#1, both [n, hidden, dim]. down is
// [n, dim, hidden].
func (l Loader) expertPieces(gateUp, down string, n, dim, hidden int, bias bool) []tensor.Expert {
	gate, up := pieceName(gateUp, 0), pieceName(gateUp, 1)
	experts := make([]tensor.Expert, n)
	ok := l.stack(gate, n, hidden, dim, func(i int, w *tensor.Weight) { experts[i].Gate = w })
	ok = l.stack(up, n, hidden, dim, func(i int, w *tensor.Weight) { experts[i].Up = w }) && ok
	ok = l.stack(down, n, dim, hidden, func(i int, w *tensor.Weight) { experts[i].Down = w }) && ok
	if bias {
		gates, ups := l.Vector(pieceName(gateUp+"_bias", 0), n, hidden), l.Vector(pieceName(gateUp+"_bias", 1), n, hidden)
		downs := l.Vector(down+"_bias", n, dim)
		if gates == nil || ups == nil || downs == nil {
			return nil
		}
		for i := range experts {
			e := &experts[i]
			e.GateBias, e.UpBias, e.DownBias = gates[i*hidden:][:hidden:hidden], ups[i*hidden:][:hidden:hidden], downs[i*dim:][:dim:dim]
		}
	}
	if !ok {
		return nil
	}
	return experts
}

// stack calls set with each of n matrices [out, in] that are stored one after the other.
func (l Loader) stack(name string, n, out, in int, set func(i int, w *tensor.Weight)) bool {
	dt, ok := l.lookup(name, n, out, in)
	if !ok {
		return false
	}
	if l.opt.Experts == Mapped {
		if !l.whole(name, dt, in) {
			return false
		}
		for i, m := range l.mapped(name, dt, n, out, in) {
			set(i, m.outputs(false, out, 0, 1))
		}
		return true
	}
	kept, ok := l.keepRows(name, dt, in)
	if !ok {
		return false
	}
	all := make([]*tensor.Weight, n)
	for i := range all {
		all[i] = l.newWeight(kept, out, in)
		set(i, all[i])
	}
	l.eachMatrix(name, dt, n, out*in, func(i int, b []byte) { l.store(all[i], 0, b, dt) })
	return true
}
