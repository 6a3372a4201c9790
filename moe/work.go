package moe

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
)

// work is a running layer. It is pooled to reuse its memory.
type work struct {
	routing   Routing
	groups    tensor.Groups
	place     []int         // [T, Active]: the row of results for each choice
	results   tensor.Tensor // [T·Active, Dim]: of the experts, sorted by expert
	unweighed bool          // weights have gone into the experts
	dst       tensor.Tensor
}

var works parallel.Free[work]

// put gives the work back for reuse, without the caller's memory.
func (w *work) put() {
	r := &w.routing
	r.Logits, r.Scores, r.Weights = tensor.Tensor{}, tensor.Tensor{}, nil
	w.results, w.dst, w.unweighed = tensor.Tensor{}, tensor.Tensor{}, false
	works.Put(w, 8*(cap(r.Chosen)+cap(w.groups.Rows)+cap(w.groups.Ends)+cap(w.place)))
}

// sort sorts the choices of all tokens by expert; an expert's tokens stay in order.
func (w *work) sort() {
	r := &w.routing
	ends := slices.Grow(w.groups.Ends[:0], r.Experts)[:r.Experts]
	clear(ends)
	for _, e := range r.Chosen {
		if uint(e) >= uint(r.Experts) {
			panic(fmt.Sprintf("moe: the router chose expert %d of %d", e, r.Experts))
		}
		ends[e]++
	}
	for e, from := 0, 0; e < len(ends); e++ {
		from, ends[e] = from+ends[e], from // the beginning, for now
	}
	n := len(r.Chosen)
	rows, place := slices.Grow(w.groups.Rows[:0], n)[:n], slices.Grow(w.place[:0], n)[:n]
	for i, e := range r.Chosen {
		rows[ends[e]], place[i] = i/r.Active, ends[e]
		ends[e]++
	}
	w.groups, w.place = tensor.Groups{Rows: rows, Ends: ends}, place
}

// weighInput returns the rows of x for each choice, sorted by expert and multiplied by its weight.
func (w *work) weighInput(scratch *tensor.Arena, x tensor.Tensor) tensor.Tensor {
	rows := scratch.New(len(w.place), x.Shape.Last())
	for i, at := range w.place {
		vec.Scale(rows.Row(at), x.Row(i/w.routing.Active), w.routing.Weights[i])
	}
	for i := range w.groups.Rows {
		w.groups.Rows[i] = i
	}
	w.unweighed = true
	return rows
}

// Do adds the results of some tokens, in the order of choice.
func (w *work) Do(part, _ int) {
	r := &w.routing
	for t := part * rowsPerPart; t < min((part+1)*rowsPerPart, r.Rows()); t++ {
		row := w.dst.Row(t)
		clear(row)
		for i := t * r.Active; i < (t+1)*r.Active; i++ {
			if result := w.results.Row(w.place[i]); w.unweighed {
				vec.Add(row, row, result)
			} else {
				vec.AXPY(row, r.Weights[i], result)
			}
		}
	}
}
