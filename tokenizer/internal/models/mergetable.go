package models

import "math/bits"

const noRank = 1<<32 - 1

// mergeTable maps a pair of ids to its rank and the id it merges into; open addressing.
type mergeTable struct {
	slots []mergeSlot
	mask  uint32
}

type mergeSlot struct {
	pair uint64 // left<<32 | right
	rank uint32 // rank + 1; 0 marks an empty slot
	into uint32
}

func NewMergeTable(n int) mergeTable {
	size := 1 << bits.Len(uint(2*n))
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
			*s = mergeSlot{pair, rank + 1, into}
			return true
		}
		i = (i + 1) & t.mask
	}
	return false
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
