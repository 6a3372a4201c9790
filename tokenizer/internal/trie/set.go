// Package trie holds two kinds of sets of byte strings: Set for a few hundred strings, Bytes for a vocabulary.
package trie

import (
	"bytes"
	"slices"
)

// Set is a set of byte strings with a number each.
type Set struct {
	nodes []setNode
	first [256]bool
	only  int // the one byte that starts every string, −1 where there are several
	Empty bool
}

type setNode struct {
	label string    // bytes after that of the edge, up to the next node: long strings take few nodes
	next  []setEdge // ordered by byte
	value int       // −1 for none
}

type setEdge struct {
	c  byte
	to int32
}

func NewSet() *Set { return &Set{nodes: []setNode{{value: -1}}, only: -1, Empty: true} }

// Add puts in a string that is not empty; a later value replaces an earlier.
func (t *Set) Add(s string, value int) {
	switch {
	case t.Empty:
		t.only, t.Empty = int(s[0]), false
	case t.only != int(s[0]):
		t.only = -1
	}
	t.first[s[0]] = true
	at := int32(0)
	for i := 0; i < len(s); {
		k, ok := t.nodes[at].find(s[i])
		i++
		if !ok {
			edge := setEdge{s[i-1], t.node(setNode{label: s[i:], value: value})}
			t.nodes[at].next = slices.Insert(t.nodes[at].next, k, edge)
			return
		}
		to := t.nodes[at].next[k].to
		label := t.nodes[to].label
		n := commonPrefix(label, s[i:])
		i += n
		if n < len(label) {
			below := setEdge{label[n], to}
			t.nodes[to].label = label[n+1:]
			to = t.node(setNode{label: label[:n], next: []setEdge{below}, value: -1})
			t.nodes[at].next[k].to = to
		}
		at = to
	}
	t.nodes[at].value = value
}

// node adds a node and returns its place.
func (t *Set) node(n setNode) int32 {
	t.nodes = append(t.nodes, n)
	return int32(len(t.nodes) - 1)
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// find returns the place of the edge for c, and whether it is there.
func (n *setNode) find(c byte) (int, bool) {
	lo, hi := 0, len(n.next)
	for lo < hi {
		mid := (lo + hi) / 2
		if n.next[mid].c < c {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(n.next) && n.next[lo].c == c
}

// Skip returns how many bytes of b cannot start a string.
func (t *Set) Skip(b []byte) int {
	switch {
	case t.Empty:
		return len(b)
	case t.only >= 0:
		if i := bytes.IndexByte(b, byte(t.only)); i >= 0 {
			return i
		}
		return len(b)
	}
	for i, c := range b {
		if t.first[c] {
			return i
		}
	}
	return len(b)
}

// Longest returns the value and length of the longest string that b starts with, or −1.
func (t *Set) Longest(b []byte) (value, n int) {
	value = -1
	node := &t.nodes[0]
	for i := 0; i < len(b); {
		k, ok := node.find(b[i])
		if !ok {
			break
		}
		node = &t.nodes[node.next[k].to]
		end := i + 1 + len(node.label)
		if end > len(b) || string(b[i+1:end]) != node.label {
			break
		}
		if i = end; node.value >= 0 {
			value, n = node.value, i
		}
	}
	return value, n
}
