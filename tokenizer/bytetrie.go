package tokenizer

import "fmt"

// byteTrie is a set of byte strings with an id each, its edges in one hash table.
type byteTrie struct {
	edges []trieSlot
	nodes uint32
	mask  uint32
	root  [256]trieSlot // the edges from the root, once finished
}

// trieSlot is the edge from a node along a byte.
type trieSlot struct {
	key   uint32 // node<<8 | byte, + 1; 0 marks an empty slot
	to    uint32 // node that the edge leads to; nodes are numbered from 1, the root is 0
	value uint32 // id + 1 of the string that ends there; 0 for none
}

// noChildren is where an edge leads that ends every string; no edge goes on from there.
const noChildren = 1<<32 - 1

const maxTrieNodes = 1<<24 - 2

func newByteTrie(strings int) *byteTrie {
	size := 1024
	for size < 4*strings {
		size *= 2
	}
	return &byteTrie{edges: make([]trieSlot, size), mask: uint32(size - 1)}
}

// step returns the edge along c from a node, or an empty slot.
func (t *byteTrie) step(node uint32, c byte) *trieSlot {
	key := node<<8 | uint32(c) + 1
	for i := uint32(uint64(key)*0x9e3779b97f4a7c15>>32) & t.mask; ; i = (i + 1) & t.mask {
		if s := &t.edges[i]; s.key == key || s.key == 0 {
			return s
		}
	}
}

func (t *byteTrie) grow() {
	old := t.edges
	t.edges = make([]trieSlot, 2*len(old))
	t.mask = uint32(len(t.edges) - 1)
	for _, s := range old {
		if s.key != 0 {
			*t.step((s.key-1)>>8, byte(s.key-1)) = s
		}
	}
}

// maxTrieBytes is the length of the longest string in a trie. A search at each byte of a text takes as many steps.
const maxTrieBytes = 1 << 10

// add puts in a string that is not empty; a later id replaces an earlier.
func (t *byteTrie) add(b []byte, id uint32) error {
	if len(b) > maxTrieBytes {
		return fmt.Errorf("token %d has %d bytes; at most %d are supported", id, len(b), maxTrieBytes)
	}
	at := uint32(0)
	for i, c := range b {
		s := t.step(at, c)
		if s.key == 0 {
			if t.nodes == maxTrieNodes {
				return fmt.Errorf("the tokens need more than %d trie nodes", maxTrieNodes)
			}
			if t.nodes++; 2*int(t.nodes) > len(t.edges) {
				t.grow()
				s = t.step(at, c)
			}
			*s = trieSlot{key: at<<8 | uint32(c) + 1, to: t.nodes}
		}
		if at = s.to; i == len(b)-1 {
			s.value = id + 1
		}
	}
	return nil
}

// finish marks the edges that end every string, so that a search need not look for more; nothing can be added then.
func (t *byteTrie) finish() {
	inner := make([]uint64, t.nodes/64+1)
	for i := range t.edges {
		if s := &t.edges[i]; s.key != 0 {
			from := (s.key - 1) >> 8
			inner[from/64] |= 1 << (from % 64)
		}
	}
	for i := range t.edges {
		if s := &t.edges[i]; s.key != 0 && inner[s.to/64]>>(s.to%64)&1 == 0 {
			s.to = noChildren
		}
	}
	for c := range t.root {
		t.root[c] = *t.step(0, byte(c))
	}
}

// node returns the node that b leads to, or noChildren. It is for a trie that is not finished.
func (t *byteTrie) node(b []byte) uint32 {
	at := uint32(0)
	for _, c := range b {
		s := t.step(at, c)
		if s.key == 0 {
			return noChildren
		}
		at = s.to
	}
	return at
}

// longest returns the id and length of the longest string below a node, the root or another, that b starts with; 0 for
// none.
func (t *byteTrie) longest(node uint32, b []byte) (id uint32, n int) {
	if node == noChildren {
		return 0, 0
	}
	at := node
	for i, c := range b {
		s := t.step(at, c)
		if s.key == 0 {
			break
		}
		if at = s.to; s.value != 0 {
			id, n = s.value-1, i+1
		}
	}
	return id, n
}
