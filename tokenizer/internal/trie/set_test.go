package trie

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// A trie finds the longest of its strings that a text starts with, and the value that was last given to it.
func TestTrie(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(most int) string {
		var b strings.Builder
		for range 1 + r.IntN(most) {
			b.WriteByte("abc"[r.IntN(3)])
		}
		return b.String()
	}
	for range 300 {
		set, all := NewSet(), map[string]int{}
		for range 1 + r.IntN(40) {
			s, v := random(12), r.IntN(1000)
			set.Add(s, v)
			all[s] = v
		}
		for range 100 {
			text := random(20)
			want, size := -1, 0
			for s, v := range all {
				if strings.HasPrefix(text, s) && len(s) > size {
					want, size = v, len(s)
				}
			}
			if v, n := set.Longest([]byte(text)); v != want || n != size {
				t.Fatalf("%q in %v: value %d of %d bytes, want %d of %d", text, all, v, n, want, size)
			}
		}
		if most := 2*len(all) + 1; len(set.nodes) > most {
			t.Fatalf("%d strings take %d nodes", len(all), len(set.nodes))
		}
	}
}
