package trie

import "fmt"

// Bytes is a set of byte strings with an id each, its edges in one hash table.
type Bytes struct {
	edges []Edge
	nodes uint32
	mask  uint32
	Root  [256]Edge // the edges from the root, once finished
}

// Edge is the edge from a node along a byte.
type Edge struct {
	Key   uint32 // node<<8 | byte, + 1; 0 marks an empty slot
	To    uint32 // node that the edge leads to; nodes are numbered from 1, the root is 0
	Value uint32 // id + 1 of the string that ends there; 0 for none
}

// NoChildren is where an edge leads that ends every string; no edge goes on from there.
const NoChildren = 1<<32 - 1

const maxTrieNodes = 1<<24 - 2

func NewBytes(strings int) *Bytes {
	size := 1024
	for size < 4*strings {
		size *= 2
	}
	return &Bytes{edges: make([]Edge, size), mask: uint32(size - 1)}
}

// Step returns the edge along c from a node, or an empty slot.
func (t *Bytes) Step(node uint32, c byte) *Edge {
	key := node<<8 | uint32(c) + 1
	for i := uint32(uint64(key)*0x9e3779b97f4a7c15>>32) & t.mask; ; i = (i + 1) & t.mask {
		if s := &t.edges[i]; s.Key == key || s.Key == 0 {
			return s
		}
	}
}

func (t *Bytes) grow() {
	old := t.edges
	t.edges = make([]Edge, 2*len(old))
	t.mask = uint32(len(t.edges) - 1)
	for _, s := range old {
		if s.Key != 0 {
			*t.Step((s.Key-1)>>8, byte(s.Key-1)) = s
		}
	}
}

// maxTrieBytes is the length of the longest string in a trie. A search at each byte of a text takes as many steps.
const maxTrieBytes = 1 << 10

// Add puts in a string that is not empty; a later id replaces an earlier.
func (t *Bytes) Add(b []byte, id uint32) error {
	if len(b) > maxTrieBytes {
		return fmt.Errorf("token %d has %d bytes; at most %d are supported", id, len(b), maxTrieBytes)
	}
	at := uint32(0)
	for i, c := range b {
		s := t.Step(at, c)
		if s.Key == 0 {
			if t.nodes == maxTrieNodes {
				return fmt.Errorf("the tokens need more than %d trie nodes", maxTrieNodes)
			}
			if t.nodes++; 2*int(t.nodes) > len(t.edges) {
				t.grow()
				s = t.Step(at, c)
			}
			*s = Edge{Key: at<<8 | uint32(c) + 1, To: t.nodes}
		}
		if at = s.To; i == len(b)-1 {
			s.Value = id + 1
		}
	}
	return nil
}

// Finish marks the edges that end every string, so that a search need not look for more; nothing can be added then.
func (t *Bytes) Finish() {
	inner := make([]uint64, t.nodes/64+1)
	for i := range t.edges {
		if s := &t.edges[i]; s.Key != 0 {
			from := (s.Key - 1) >> 8
			inner[from/64] |= 1 << (from % 64)
		}
	}
	for i := range t.edges {
		if s := &t.edges[i]; s.Key != 0 && inner[s.To/64]>>(s.To%64)&1 == 0 {
			s.To = NoChildren
		}
	}
	for c := range t.Root {
		t.Root[c] = *t.Step(0, byte(c))
	}
}

// Node returns the node that b leads to, or NoChildren. It is for a trie that is not finished.
func (t *Bytes) Node(b []byte) uint32 {
	at := uint32(0)
	for _, c := range b {
		s := t.Step(at, c)
		if s.Key == 0 {
			return NoChildren
		}
		at = s.To
	}
	return at
}

// Longest returns the id and length of the longest string below a node, the root or another, that b starts with; 0 for
// none.
func (t *Bytes) Longest(node uint32, b []byte) (id uint32, n int) {
	if node == NoChildren {
		return 0, 0
	}
	at := node
	for i, c := range b {
		s := t.Step(at, c)
		if s.Key == 0 {
			break
		}
		if at = s.To; s.Value != 0 {
			id, n = s.Value-1, i+1
		}
	}
	return id, n
}
