package attention

import "slices"

// state is what an Op keeps of a sequence as a whole, and some of what it was.
type state struct {
	before []float32 // after the tokens in the cache
	after  []float32 // memory for what it will be after the tokens of a pass
	kept   []snapshot
}

// snapshot is a state at a position. Forks share its values, which never change.
type snapshot struct {
	pos    int
	values []float32
}

const (
	snapshotEvery = 256 // tokens, at least, from one to the next
	snapshots     = 8   // that are kept; more are thinned out
)

func newState(n int) state {
	if n == 0 {
		return state{}
	}
	return state{before: make([]float32, n), after: make([]float32, n)}
}

// advance makes the state after a pass the present one. The pass began at position pos, where the old one
// is kept if the last that is kept is far enough away.
func (s *state) advance(pos int) {
	if s.before == nil {
		return
	}
	s.before, s.after = s.after, s.before
	if pos >= snapshotEvery && (len(s.kept) == 0 || pos >= s.kept[len(s.kept)-1].pos+snapshotEvery) {
		s.kept = append(s.thinned(), snapshot{pos, s.after})
		s.after = make([]float32, len(s.before))
	}
}

// thinned returns the snapshots without every other of them, if there are too many.
func (s *state) thinned() []snapshot {
	if len(s.kept) < snapshots {
		return slices.Clone(s.kept) // forks have the old list
	}
	var some []snapshot
	for i := 1; i < len(s.kept); i += 2 {
		some = append(some, s.kept[i])
	}
	return some
}

// last returns the last position up to n at which the state is kept.
func (s *state) last(n int) int {
	for _, k := range slices.Backward(s.kept) {
		if k.pos <= n {
			return k.pos
		}
	}
	return 0
}

// restore goes back from position from to position to, at which the state is kept.
func (s *state) restore(to, from int) {
	if s.before == nil || to == from {
		return
	}
	clear(s.before)
	for i, k := range s.kept {
		if k.pos == to {
			copy(s.before, k.values)
		}
		if k.pos > to {
			s.kept = s.kept[:i:i]
			break
		}
	}
}

func (s *state) fork() state {
	f := newState(len(s.before))
	copy(f.before, s.before)
	f.kept = slices.Clone(s.kept)
	return f
}

func (s *state) bytes() int64 {
	return 4 * int64(len(s.before)+len(s.after)+len(s.kept)*len(s.before))
}
