package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/examples/internal/tiny"
	"github.com/seed2010d43f/transformer/moe"
)

// layer is what the experts of a layer do with a text.
type layer struct {
	number  int
	load    []float64
	entropy float64  // of the load, in bits
	likes   [][]like // [experts], the best liked token first
}

// like is a token and the share of it that an expert gets: of the weights with which its results are added, over all
// places of the text where the token stands.
type like struct {
	token string
	share float64
}

const (
	fewest   = 20 // a token is looked at if the text has it so often
	mostLike = 6  // tokens that are shown
)

// observe returns what the experts of a layer do with documents, of which r says where their tokens went.
func observe(d *network, number int, r *moe.Routing, documents [][]int) layer {
	load := moe.Load(r)
	l := layer{number: number, load: load, entropy: moe.Entropy(load), likes: make([][]like, r.Experts)}
	for id, row := range shares(r, slices.Concat(documents...)) {
		for e, share := range row {
			if share > 0 {
				l.likes[e] = append(l.likes[e], like{legible(tiny.Text(d.Decoder, id)), share})
			}
		}
	}
	for e, likes := range l.likes {
		slices.SortFunc(likes, func(a, b like) int {
			return cmp.Or(cmp.Compare(b.share, a.share), strings.Compare(a.token, b.token))
		})
		l.likes[e] = likes[:min(len(likes), mostLike)]
	}
	return l
}

// shares returns the share of each expert in each token that is in the text often enough.
func shares(r *moe.Routing, ids []int) map[int][]float64 {
	count, weights := map[int]int{}, map[int][]float64{}
	for t, id := range ids {
		if weights[id] == nil {
			weights[id] = make([]float64, r.Experts)
		}
		count[id]++
		experts, w := r.Row(t)
		for i, e := range experts {
			weights[id][e] += float64(w[i])
		}
	}
	for id, row := range weights {
		if count[id] < fewest {
			delete(weights, id)
			continue
		}
		all := sum(row)
		for e := range row {
			row[e] /= all
		}
	}
	return weights
}

// print writes a line for each expert: its load and what it likes.
func (l *layer) print(w io.Writer) {
	fmt.Fprintf(w, "\nlayer %d: entropy of the load %.2f of %.2f bits\n", l.number, l.entropy, math.Log2(float64(len(l.load))))
	for e, likes := range l.likes {
		fmt.Fprintf(w, "  expert %d  load %4.1f %%  likes", e, 100*l.load[e])
		for _, k := range likes {
			fmt.Fprintf(w, "  %s %.0f%%", k.token, 100*k.share)
		}
		fmt.Fprintln(w)
	}
}

// legible shows spaces as dots, and keeps control characters out of a line.
func legible(token string) string {
	q := fmt.Sprintf("%q", strings.ReplaceAll(token, " ", "·"))
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
