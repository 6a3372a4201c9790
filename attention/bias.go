package attention

import "github.com/seed2010d43f/transformer/tensor"

// Bias is added to the scores of queries and keys, after scale and soft-cap and before the mask. It is
// a function of heads and positions, so that it does not matter how a sequence is split or cached. It
// may be used from several goroutines.
type Bias interface {
	AddTo(s *Scores)
}

// Scores is a tile of scores on their way to softmax, transposed: Tile is [Keys][Lanes], where a lane
// is one query of one head. Lanes beyond len(Heads) are unused.
type Scores struct {
	Tile  []float32
	Lanes int
	Keys  int // positions Key to Key+Keys−1
	Key   int
	Heads []int // [≤ Lanes] query head of each lane
	Pos   []int // position of the query
	Rows  []int // its row among all queries of the batch

	// KeyRow is the row of position Key among all keys of the batch, where there is no cache.
	KeyRow int
}

// ALiBi is a penalty proportional to the distance of query and key, with a slope for each head (Press,
// Smith and Lewis, "Train Short, Test Long", 2022).
type ALiBi struct {
	Slopes []float32 // [H]
}

// AddTo implements [Bias].
func (a ALiBi) AddTo(s *Scores) {
	for i, h := range s.Heads {
		slope := a.Slopes[h]
		for j := range s.Keys {
			s.Tile[j*s.Lanes+i] += slope * float32(s.Key+j-s.Pos[i])
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
			s.Tile[j*s.Lanes+i] += values[j]
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
