package models

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/seed2010d43f/transformer/tokenizer/internal/jsonscan"
)

// Vocab maps byte strings to ids and back. Keys live in one blob; lookup is a flat hash table with linear probing.
// A key of at most eight bytes is its own fingerprint, so short words are found without touching the blob.
type Vocab struct {
	blob  []byte
	off   []uint32 // start of id's key in blob; off[len] closes the last
	has   []bool   // whether the id is in use
	table []vocabSlot
	mask  uint32
	Count int // of ids in use
	Keys  int // of tokens, each counted once
}

type vocabSlot struct {
	key uint64 // the bytes themselves when size ≤ 8, else a hash of them
	ref uint32 // id + 1; 0 marks an empty slot
	len uint32
}

// Entry is one vocabulary item on its way into a vocab. One with a nil token only takes its id.
type Entry struct {
	Token []byte
	Id    uint32
}

// MaxEmpty is the number of tokens without text that a vocabulary may have: they take next to nothing in a file, and
// memory here.
const MaxEmpty = 1 << 16

func CheckEmpty(entries []Entry) error {
	empty := 0
	for _, e := range entries {
		if len(e.Token) == 0 {
			empty++
		}
	}
	if empty > MaxEmpty {
		return fmt.Errorf("%d tokens are empty; at most %d may be", empty, MaxEmpty)
	}
	return nil
}

// NewVocab builds the table. Of two entries with one token the later wins, as in the reference; two tokens with one
// id are refused.
func NewVocab(entries []Entry) (*Vocab, error) {
	size, top := 0, 0
	for _, e := range entries {
		if e.Id >= jsonscan.MaxID {
			return nil, fmt.Errorf("token %.200q has id %d; ids must be below %d", e.Token, e.Id, jsonscan.MaxID)
		}
		size += len(e.Token)
		top = max(top, int(e.Id)+1)
	}
	if top > 16*len(entries)+1<<16 {
		return nil, fmt.Errorf("the largest id is %d with only %d tokens", top-1, len(entries))
	}
	v, err := emptyVocab(top, len(entries), size)
	if err != nil {
		return nil, err
	}
	order := make([]int32, top)
	for i, e := range entries {
		if j := order[e.Id]; j != 0 && string(entries[j-1].Token) != string(e.Token) {
			return nil, fmt.Errorf("tokens %.200q and %.200q share id %d", entries[j-1].Token, e.Token, e.Id)
		}
		order[e.Id] = int32(i) + 1
	}
	for id, j := range order {
		v.off[id] = uint32(len(v.blob))
		if j != 0 {
			v.blob = append(v.blob, entries[j-1].Token...)
			v.has[id] = true
			v.Count++
		}
	}
	v.off[top] = uint32(len(v.blob))
	for _, e := range entries {
		if e.Token != nil && !v.insert(e.Token, e.Id) {
			return nil, fmt.Errorf("token %q with id %d: %w", e.Token, e.Id, ErrCrowded)
		}
	}
	return v, nil
}

// NewPieces builds the table of tokens with the ids from 0 on, of which a later one wins over the same before it.
func NewPieces(n int, text func(id int) string) (*Vocab, error) {
	size := 0
	for id := range n {
		size += len(text(id))
	}
	v, err := emptyVocab(n, n, size)
	if err != nil {
		return nil, err
	}
	for id := range n {
		v.off[id], v.has[id] = uint32(len(v.blob)), true
		v.blob = append(v.blob, text(id)...)
		v.off[id+1] = uint32(len(v.blob))
		if !v.insert(v.Bytes(id), uint32(id)) {
			return nil, fmt.Errorf("token %q with id %d: %w", text(id), id, ErrCrowded)
		}
	}
	v.Count = n
	return v, nil
}

// emptyVocab returns a vocabulary for so many ids, tokens, and bytes of tokens.
func emptyVocab(ids, tokens, bytes int) (*Vocab, error) {
	if int64(bytes) > 1<<31 {
		return nil, fmt.Errorf("the tokens hold %d bytes; at most %d are supported", bytes, int64(1<<31))
	}
	v := &Vocab{blob: make([]byte, 0, bytes), off: make([]uint32, ids+1), has: make([]bool, ids), table: make([]vocabSlot, tableSize(tokens))}
	v.mask = uint32(len(v.table) - 1)
	return v, nil
}

// tableSize returns the slots of a hash table of n entries: a power of two, at least twice as many.
func tableSize(n int) int { return 1 << bits.Len(uint(max(2*n, 1)-1)) }

// maxProbes is the number of slots of a hash table that a search may pass. A vocabulary that people speak needs less than
// a hundred; one made to collide would take time that is quadratic in its size.
const maxProbes = 1 << 12

var ErrCrowded = fmt.Errorf("more than %d entries collide in a hash table", maxProbes)

// insert reports whether there is a place for the token.
func (v *Vocab) insert(token []byte, id uint32) bool {
	key := fingerprint(token)
	i := slotOf(key, len(token)) & v.mask
	for range maxProbes {
		s := &v.table[i]
		if s.ref == 0 {
			v.Keys++
		}
		if s.ref == 0 || s.key == key && int(s.len) == len(token) && (len(token) <= 8 || string(v.Bytes(int(s.ref-1))) == string(token)) {
			*s = vocabSlot{key: key, ref: id + 1, len: uint32(len(token))}
			return true
		}
		i = (i + 1) & v.mask
	}
	return false
}

// Find returns the id of w.
func (v *Vocab) Find(w []byte) (uint32, bool) {
	return v.lookup(w, fingerprint(w))
}

// lookup is find for a fingerprint already computed.
func (v *Vocab) lookup(w []byte, key uint64) (uint32, bool) {
	for i := slotOf(key, len(w)) & v.mask; ; i = (i + 1) & v.mask {
		s := &v.table[i]
		if s.ref == 0 {
			return 0, false
		}
		if s.key == key && int(s.len) == len(w) && (len(w) <= 8 || string(v.Bytes(int(s.ref-1))) == string(w)) {
			return s.ref - 1, true
		}
	}
}

// Bytes returns the key of id, which must be in range. It aliases the blob.
func (v *Vocab) Bytes(id int) []byte { return v.blob[v.off[id]:v.off[id+1]] }

// Size returns one more than the largest id.
func (v *Vocab) Size() int { return len(v.has) }

func (v *Vocab) Contains(id int) bool { return id >= 0 && id < len(v.has) && v.has[id] }

// fingerprint is the word itself for words of at most eight bytes, and a hash for longer ones.
func fingerprint(w []byte) uint64 {
	if len(w) <= 8 {
		return loadWord(w)
	}
	const k = 0x9e3779b97f4a7c15
	h := uint64(len(w)) * k
	i := 0
	for ; i+8 < len(w); i += 8 {
		h = (h ^ binary.LittleEndian.Uint64(w[i:])) * k
		h ^= h >> 29
	}
	h = (h ^ binary.LittleEndian.Uint64(w[len(w)-8:])) * k
	return h ^ h>>32
}

// loadWord packs up to eight bytes into a word, the first byte lowest.
func loadWord(w []byte) uint64 {
	switch n := len(w); {
	case n == 8:
		return binary.LittleEndian.Uint64(w)
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(w)) | uint64(binary.LittleEndian.Uint32(w[n-4:]))<<(8*(n-4))
	case n == 0:
		return 0
	default: // 1, 2 or 3 bytes
		return uint64(w[0]) | uint64(w[n>>1])<<(8*(n>>1)) | uint64(w[n-1])<<(8*(n-1))
	}
}

func slotOf(key uint64, n int) uint32 {
	return uint32((key ^ uint64(n)<<59) * 0xd6e8feb86659fd93 >> 32)
}
