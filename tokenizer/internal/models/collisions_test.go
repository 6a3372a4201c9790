package models

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
)

// TestCollisions fills the hash tables with entries that are made to collide: they are refused before that takes long.
func TestCollisions(t *testing.T) {
	const n = 8000
	inverse := func(c uint64) uint64 { // of c, modulo 2^64 (Newton)
		x := c
		for range 6 {
			x *= 2 - c*x
		}
		return x
	}
	var entries []Entry
	for k := uint64(0); len(entries) < n; k++ { // slotOf is bits 32 and up of a product, here all 0 for the table of n
		var token [8]byte
		product := (k>>32)<<56 | k&(1<<32-1)
		binary.LittleEndian.PutUint64(token[:], product*inverse(0xd6e8feb86659fd93)^8<<59)
		if slotOf(fingerprint(token[:]), 8)&(1<<14-1) != 0 {
			t.Fatal("the hash has changed: this test needs another way to make entries collide")
		}
		entries = append(entries, Entry{token[:], uint32(len(entries))})
	}
	if _, err := NewVocab(entries); err == nil || !strings.Contains(err.Error(), "collide") {
		t.Errorf("colliding tokens: %v", err)
	}
	merges := NewMergeTable(n)
	added, tried := 0, 0
	for left := uint32(0); left < jsonscan.MaxID && tried < n; left++ {
		for right := uint32(0); right < 1<<15 && tried < n; right++ {
			if pairSlot(uint64(left)<<32|uint64(right))&merges.mask == 0 {
				tried++
				if merges.Add(left, right, 0, 0) {
					added++
				}
			}
		}
	}
	if added != maxProbes {
		t.Errorf("of %d colliding merges %d were added, want %d", tried, added, maxProbes)
	}
}
