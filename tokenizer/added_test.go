package tokenizer

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
		set, all := newTrie(), map[string]int{}
		for range 1 + r.IntN(40) {
			s, v := random(12), r.IntN(1000)
			set.add(s, v)
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
			if v, n := set.longest([]byte(text)); v != want || n != size {
				t.Fatalf("%q in %v: value %d of %d bytes, want %d of %d", text, all, v, n, want, size)
			}
		}
		if most := 2*len(all) + 1; len(set.nodes) > most {
			t.Fatalf("%d strings take %d nodes", len(all), len(set.nodes))
		}
	}
}

// Tokens that no text can give are found by their spelling, as those that text can give are.
func TestForeignMerges(t *testing.T) {
	tok := parse(t, `{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"中":1,"中a":2,"中a中":3},"merges":["中 a",["中a","中"]]}}`)
	if got, ok := tok.TokenID("中a中"); !ok || got != 3 {
		t.Errorf("id %d, %v", got, ok)
	}
	_, err := ParseJSON([]byte(`{"pre_tokenizer":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"中":1},"merges":["中 a"]}}`))
	if err == nil || !strings.Contains(err.Error(), `"中a" is not in the vocabulary`) {
		t.Errorf("error %v", err)
	}
}
