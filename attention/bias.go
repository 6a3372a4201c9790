package attention

import (
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/tensor"
)

// Bias is added to the scores, after the scale and the soft-cap and before the mask.
//
// AddTo adds the bias to one tile of scores. If it depends on heads and positions only, results do not change
// with the split of a prompt. AddTo may be called from several goroutines at once. If it panics, the caller
// of the attention panics with a *[tensor.Panic].
type Bias interface {
	AddTo(s *Scores)
}

// Scores is a tile of attention scores, transposed: Tile is [Keys][Lanes]. A lane is one query of one head.
// Lanes from len(Heads) on are unused.
type Scores struct {
	Tile  []float32 // the score of key j and lane i is Tile[j*Lanes+i]
	Lanes int
	Keys  int   // number of keys
	Key   int   // position of the first key
	Heads []int // query head of each lane
	Pos   []int // position of each lane's query
	Rows  []int // row of each lane's query among all queries of the batch

	// KeyRow is the row of the first key among all keys of the batch. It is set only where there is no cache.
	KeyRow int
}

// distances is what a bias adds to a tile at each distance of query and key.
type distances [flash.Block + maxLanes]float32

// inOrder reports whether the lanes are queries of one head that follow each other, and returns the largest
// distance in the tile: of the last key and the first query. Scores then depend on diagonals.
func (s *Scores) inOrder() (largest int, ok bool) {
	if len(s.Heads) == 0 || s.Keys > flash.Block || s.Lanes > maxLanes || s.Lanes%16 != 0 && s.Lanes != 8 {
		return 0, false
	}
	for i, h := range s.Heads {
		if h != s.Heads[0] || s.Pos[i] != s.Pos[0]+i {
			return 0, false
		}
	}
	return s.Key + s.Keys - 1 - s.Pos[0], true
}

// addDiagonals adds d[i], i below Keys+Lanes−1, to the scores at distance largest−i.
func (s *Scores) addDiagonals(d *distances) {
	flash.AddDiagonals(s.Tile, s.Lanes, s.Keys, d[:s.Keys+s.Lanes-1])
}

// ALiBi adds Slopes[h]·(key position − query position) to the scores of head h (Press, Smith and Lewis,
// "Train Short, Test Long", 2022).
type ALiBi struct {
	Slopes []float32 // [H]
}

// AddTo implements [Bias].
func (a ALiBi) AddTo(s *Scores) {
	if largest, ok := s.inOrder(); ok {
		var d distances
		slope := a.Slopes[s.Heads[0]]
		for i := range d[:s.Keys+s.Lanes-1] {
			d[i] = slope * float32(largest-i)
		}
		s.addDiagonals(&d)
		return
	}
	for i, h := range s.Heads {
		slope := a.Slopes[h]
		for j := range s.Keys {
			s.Tile[j*s.Lanes+i] += float32(slope * float32(s.Key+j-s.Pos[i]))
		}
	}
}

// added is a matrix [T, S] or [H, T, S] that is added to the scores.
type added struct{ t tensor.Tensor }

func (a added) AddTo(s *Scores) {
	shape := a.t.Shape
	for i, h := range s.Heads {
		row := s.Rows[i]
		if shape.Rank() == 3 {
			row += h * shape[1]
		}
		values := a.t.Row(row)[s.Key:]
		for j := range s.Keys {
			if v := values[j]; v <= hiding {
				s.Tile[j*s.Lanes+i] = masked
			} else {
				s.Tile[j*s.Lanes+i] += v
			}
		}
	}
}

// kept is a matrix [T, S] of the keys that a query may see.
type kept struct {
	ok   []bool
	keys int
}

func (k kept) AddTo(s *Scores) {
	for i, row := range s.Rows {
		ok := k.ok[row*k.keys+s.Key:]
		for j := range s.Keys {
			if !ok[j] {
				s.Tile[j*s.Lanes+i] = masked
			}
		}
	}
}

// both adds two biases.
type both struct{ a, b Bias }

func (b both) AddTo(s *Scores) {
	b.a.AddTo(s)
	b.b.AddTo(s)
}
