package models

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMergesAgree merges long words by heap and by scanning.
func TestMergesAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var entries []Entry
	for _, c := range "abehinost " {
		entries = append(entries, Entry{[]byte(string(c)), uint32(len(entries))})
	}
	const singles, pairs = 10, 300
	merges := NewMergeTable(pairs)
	known := map[string]uint32{}
	for range pairs {
		left, right := r.IntN(len(entries)), r.IntN(len(entries))
		text := string(entries[left].Token) + string(entries[right].Token)
		id, ok := known[text]
		if !ok {
			id = uint32(len(entries))
			known[text] = id
			entries = append(entries, Entry{[]byte(text), id})
		}
		merges.Add(uint32(left), uint32(right), uint32(len(entries)), id)
	}
	v, err := NewVocab(entries)
	if err != nil {
		t.Fatal(err)
	}
	m := &BPE{Vocab: v, Merges: merges, ByteLevel: true}
	m.Finish()
	w := NewModelWork()
	for range 2000 {
		word := make([]byte, 2+r.IntN(60))
		for i := range word {
			word[i] = "aabeht inos"[r.IntN(11)]
		}
		m.byteSymbols(&w, word)
		m.mergeShort(&w)
		short := slices.Clone(w.tokens)
		m.byteSymbols(&w, word)
		m.mergeLong(&w)
		if !slices.Equal(short, w.tokens) {
			t.Fatalf("%q: %v by scanning, %v by heap", word, short, w.tokens)
		}
	}
}
