package retrieval

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/topk"
	"github.com/seed2010d43f/transformer/tensor"
)

// Index finds the vectors with the largest dot product with a query, by comparing the query with all of them.
// For the cosine, add normalised vectors. Any number of goroutines may use it at the same time. It holds up
// to 1<<32 vectors.
type Index struct {
	dim int

	mu     sync.RWMutex
	blocks []*tensor.Weight // of blockRows rows; the last is not full, and grows
	n      int
}

// Hit is a vector found by a search. Row is its number, in the order of adding from 0.
type Hit struct {
	Row   int
	Score float32
}

const (
	blockRows  = 1024
	fewRows    = 16 // of a block that begins
	queryRows  = 64
	maxWorkers = 64
)

// NewIndex returns an empty index for vectors of dim numbers. It panics if dim is not positive.
func NewIndex(dim int) *Index {
	if dim < 1 {
		panic(fmt.Sprintf("retrieval: NewIndex: dim is %d; it must be positive", dim))
	}
	return &Index{dim: dim}
}

// Len returns the number of vectors.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.n
}

// Add copies the rows of v, [N, dim], into the index. It panics if the width is wrong, or if the index would
// hold more than 1<<32 vectors.
func (x *Index) Add(v tensor.Tensor) {
	if v.Rows() > 0 && v.Shape.Last() != x.dim {
		panic(fmt.Sprintf("retrieval: Add: vectors are %v, want [N, %d]", v.Shape, x.dim))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if uint64(x.n)+uint64(v.Rows()) > 1<<32 {
		panic(fmt.Sprintf("retrieval: Add: %d vectors do not fit an index that has %d; it holds at most 1<<32", v.Rows(), x.n))
	}
	for i := 0; i < v.Rows(); {
		at := x.n % blockRows
		n := min(blockRows-at, v.Rows()-i)
		x.block(at, at+n).PackFloat32(at, v.Data[i*x.dim:(i+n)*x.dim])
		x.n += n
		i += n
	}
}

// block returns the last block, which has some rows and gets room for need.
func (x *Index) block(some, need int) *tensor.Weight {
	if some == 0 {
		x.blocks = append(x.blocks, nil)
	}
	last := &x.blocks[len(x.blocks)-1]
	if some == 0 || need > (*last).Out {
		room := fewRows
		for room < need {
			room *= 2
		}
		grown, row := tensor.NewWeight(tensor.F32, room, x.dim), make([]float32, x.dim)
		for i := range some {
			(*last).Row(row, i)
			grown.PackFloat32(i, row)
		}
		*last = grown
	}
	return *last
}

// Row sets dst, of dim numbers, to a vector. It panics if there is no such row.
func (x *Index) Row(dst []float32, row int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if row < 0 || row >= x.n {
		panic(fmt.Sprintf("retrieval: Row: row %d; the index has %d", row, x.n))
	}
	x.blocks[row/blockRows].Row(dst, row%blockRows)
}

// Search returns the k best vectors for each row of queries, [Q, dim], the best first. Of equal ones, the one
// added first comes first. There are fewer than k if the index holds fewer. It panics if the width is wrong.
func (x *Index) Search(queries tensor.Tensor, k int) [][]Hit {
	if queries.Rows() > 0 && queries.Shape.Last() != x.dim {
		panic(fmt.Sprintf("retrieval: queries are %v, want [N, %d]", queries.Shape, x.dim))
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := make([][]Hit, queries.Rows())
	for first := 0; first < len(out); first += queryRows {
		n := min(queryRows, len(out)-first)
		q := tensor.From(queries.Data[first*x.dim:(first+n)*x.dim], n, x.dim)
		x.search(out[first:first+n], q, min(k, x.n))
	}
	return out
}

// search compares a few queries with all blocks, which it divides among several goroutines.
func (x *Index) search(out [][]Hit, q tensor.Tensor, k int) {
	workers := min(runtime.GOMAXPROCS(0), len(x.blocks), maxWorkers)
	found := make([][]topk.Top, workers)
	parallel.Each(workers, func(w int) error {
		found[w] = make([]topk.Top, len(out))
		for i := range out {
			found[w][i].Reset(k)
		}
		room := tensor.New(len(out), blockRows)
		for b := w; b < len(x.blocks); b += workers {
			scores := tensor.From(room.Data[:len(out)*x.blocks[b].Out], len(out), x.blocks[b].Out)
			tensor.MatMul(scores, q, x.blocks[b])
			for i := range out {
				for j, s := range scores.Row(i)[:min(blockRows, x.n-b*blockRows)] {
					found[w][i].Offer(topk.Of(b*blockRows+j, s))
				}
			}
		}
		return nil
	})
	var best topk.Top
	for i := range out {
		best.Reset(k)
		for w := range workers {
			for _, r := range found[w][i].Best() {
				best.Offer(r)
			}
		}
		for _, r := range best.Sorted() {
			out[i] = append(out[i], Hit{r.ID(), r.Score()})
		}
	}
}
