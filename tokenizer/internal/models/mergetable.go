package models

const noRank = 1<<32 - 1

// mergeTable maps a pair of ids to its rank and the id it merges into; open addressing.
type mergeTable struct {
	slots []mergeSlot
	mask  uint32
	used  int
}

type mergeSlot struct {
	pair uint64 // left<<32 | right
	rank uint32 // rank + 1; 0 marks an empty slot
	into uint32
}

func NewMergeTable(n int) mergeTable {
	size := tableSize(n)
	return mergeTable{slots: make([]mergeSlot, size), mask: uint32(size - 1)}
}

func pairSlot(pair uint64) uint32 { return uint32(pair * 0x9e3779b97f4a7c15 >> 32) }

// Add sets a pair's rank, and reports whether there is a place for it; a later one replaces an earlier.
func (t *mergeTable) Add(left, right, rank, into uint32) bool {
	pair := uint64(left)<<32 | uint64(right)
	i := pairSlot(pair) & t.mask
	for range maxProbes {
		s := &t.slots[i]
		if s.rank == 0 || s.pair == pair {
			if s.rank == 0 {
				t.used++
			}
			*s = mergeSlot{pair, rank + 1, into}
			return true
		}
		i = (i + 1) & t.mask
	}
	return false
}

// Append gives a pair that is not there the next rank, and grows the table for it. It reports whether there is a place.
func (t *mergeTable) Append(left, right, into uint32) bool {
	if 2*(t.used+1) > len(t.slots) {
		old := t.slots
		*t = NewMergeTable(2 * len(old))
		for _, s := range old {
			if s.rank > 0 && !t.Add(uint32(s.pair>>32), uint32(s.pair), s.rank-1, s.into) {
				return false
			}
		}
	}
	return t.Add(left, right, uint32(t.used), into)
}

// find returns a pair's rank, or noRank, and what it merges into.
func (t *mergeTable) find(left, right uint32) (rank, into uint32) {
	pair := uint64(left)<<32 | uint64(right)
	for i := pairSlot(pair) & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		if s.rank == 0 {
			return noRank, 0
		}
		if s.pair == pair {
			return s.rank - 1, s.into
		}
	}
}
