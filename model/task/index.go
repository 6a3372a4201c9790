package task

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/topk"
	"github.com/seed2010d43f/transformer/tensor"
)

// Cosine returns the cosine of the angle between two vectors, computed in float64; 0 if one of them is
// all zeros. It panics if their lengths differ.
func Cosine(a, b []float32) float32 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("task: Cosine of vectors of %d and %d", len(a), len(b)))
	}
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return float32(dot / math.Sqrt(aa*bb))
}

// Normalize divides each row of x by its Euclidean length, in place. A row of zeros stays.
func Normalize(x tensor.Tensor) {
	for i := range x.Rows() {
		row, sum := x.Row(i), 0.0
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		n := float32(max(math.Sqrt(sum), 1e-12))
		for j := range row {
			row[j] /= n
		}
	}
}

// Index finds the vectors with the largest dot product with a query, by comparing it with all of them.
// For the cosine, add vectors that are normalised. Any number of goroutines may use it at a time. It holds
// up to 1<<32 vectors.
type Index struct {
	dim int

	mu     sync.RWMutex
	blocks []*tensor.Weight // each of blockRows rows; the last is not full
	n      int
}

// Hit is a vector found: its row, counting those added from 0, and its score.
type Hit struct {
	Row   int
	Score float32
}

const (
	blockRows  = 1024
	queryRows  = 64
	maxWorkers = 64
)

// NewIndex returns an empty index of vectors of dim numbers. It panics unless dim is positive.
func NewIndex(dim int) *Index {
	if dim < 1 {
		panic(fmt.Sprintf("task: an index of vectors of %d numbers", dim))
	}
	return &Index{dim: dim}
}

// Len returns the number of vectors.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.n
}

// Add copies the rows of v, [N, Dim], into the index. It panics if their width is another, or if the index would
// hold more than 1<<32 vectors.
func (x *Index) Add(v tensor.Tensor) {
	if v.Rows() > 0 && v.Shape.Last() != x.dim {
		panic(fmt.Sprintf("task: vectors of shape %v added to an index of vectors of %d", v.Shape, x.dim))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if uint64(x.n)+uint64(v.Rows()) > 1<<32 {
		panic(fmt.Sprintf("task: %d vectors added to an index of %d; it holds up to 1<<32", v.Rows(), x.n))
	}
	for i := 0; i < v.Rows(); {
		at := x.n % blockRows
		if at == 0 {
			x.blocks = append(x.blocks, tensor.NewWeight(tensor.F32, blockRows, x.dim))
		}
		n := min(blockRows-at, v.Rows()-i)
		x.blocks[len(x.blocks)-1].PackFloat32(at, v.Data[i*x.dim:(i+n)*x.dim])
		x.n += n
		i += n
	}
}

// Search returns the k best vectors for each row of queries, [Q, Dim], the best first and of equal ones
// that which was added first. There are fewer if the index has fewer. It panics if the width is another.
func (x *Index) Search(queries tensor.Tensor, k int) [][]Hit {
	if queries.Rows() > 0 && queries.Shape.Last() != x.dim {
		panic(fmt.Sprintf("task: queries of shape %v to an index of vectors of %d", queries.Shape, x.dim))
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
		scores := tensor.New(len(out), blockRows)
		for b := w; b < len(x.blocks); b += workers {
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
