package tokenizer

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

// AddedToken is a token found in the text before the model sees it.
type AddedToken struct {
	ID      int
	Content string

	Special    bool // carries no text of its own: control tokens such as the end of a text
	SingleWord bool // only where no word character stands beside it
	LStrip     bool // takes the white space before it
	RStrip     bool // takes the white space after it
	Normalized bool // looked for in the normalised text, and itself normalised
}

const (
	maxAddedBytes  = 1 << 9  // longest added token; a search at each byte of a text takes as many steps
	maxMergedBytes = 1 << 12 // longest piece that SentencePiece's merges make up
)

// addedTokens finds added tokens in a text.
type addedTokens struct {
	tokens     []AddedToken
	byID       map[int]int // index in tokens
	min, max   int         // ids lie between
	raw        *trie       // those looked for in the text as given
	normalized *trie
}

// chunk is a stretch of a text: an added token, or what lies between two.
type chunk struct {
	piece
	added int // index of the added token, −1 for text
}

func newAddedTokens(tokens []AddedToken, n normalizer) (*addedTokens, error) {
	a := &addedTokens{tokens: tokens, byID: make(map[int]int, len(tokens)), raw: newTrie(), normalized: newTrie()}
	for i, k := range tokens {
		if i == 0 {
			a.min = k.ID
		}
		a.min, a.max = min(a.min, k.ID), max(a.max, k.ID)
	}
	var t text
	given, made := 0, 0 // bytes before and after normalisation
	for i, k := range tokens {
		if len(k.Content) > maxAddedBytes {
			return nil, fmt.Errorf("added token %d has %d bytes; at most %d are supported", k.ID, len(k.Content), maxAddedBytes)
		}
		a.byID[k.ID] = i
		if k.Content == "" {
			continue
		}
		if !k.Normalized {
			a.raw.add(k.Content, i)
			continue
		}
		if n == nil {
			a.normalized.add(k.Content, i)
			continue
		}
		t.allow(len(k.Content))
		t.reset(k.Content, 0, false)
		if err := n.normalize(&t); err != nil {
			return nil, err
		}
		if err := checkAdded(k.ID, len(t.b)); err != nil {
			return nil, err
		}
		if err := t.check(); err != nil {
			return nil, err
		}
		given, made = given+len(k.Content), made+len(t.b)
		if most := growFactor*given + growBytes; made > most {
			return nil, fmt.Errorf("normalizing makes more than %d bytes of the added tokens' %d", most, given)
		}
		if len(t.b) > 0 {
			a.normalized.add(string(t.b), i)
		}
	}
	return a, nil
}

func checkAdded(id, n int) error {
	if n > maxAddedBytes {
		return fmt.Errorf("added token %d has %d bytes; at most %d are supported", id, n, maxAddedBytes)
	}
	return nil
}

// index returns the place of an id in tokens.
func (a *addedTokens) index(id int) (int, bool) {
	if id < a.min || id > a.max {
		return 0, false
	}
	i, ok := a.byID[id]
	return i, ok
}

// find appends the chunks of b to dst; of several tokens at one place the longest counts. Special tokens are passed
// over unless special is set.
func (a *addedTokens) find(dst []chunk, t *trie, b []byte, special bool) []chunk {
	done := 0
	blankFrom, blankTo := 0, -1 // a run of white space that has been seen
	for i := 0; i < len(b); {
		i += t.skip(b[i:])
		if i == len(b) {
			break
		}
		k, n := t.longest(b[i:])
		if k < 0 {
			i++
			continue
		}
		start, end := i, i+n
		i = end
		tok := &a.tokens[k]
		if tok.Special && !special || tok.SingleWord && (wordEnds(b[:start]) || wordStarts(b[end:])) {
			continue
		}
		if tok.LStrip {
			start = min(end, done+len(bytes.TrimRightFunc(b[min(done, start):start], isSpace)))
		}
		if tok.RStrip { // the white space may still be tokens of its own
			if end < blankFrom || end > blankTo {
				blankFrom, blankTo = end, len(b)-len(bytes.TrimLeftFunc(b[end:], isSpace))
			}
			end = blankTo
		}
		if start > done {
			dst = append(dst, chunk{piece{int32(done), int32(start)}, -1})
		}
		dst = append(dst, chunk{piece{int32(start), int32(end)}, k})
		done = end
	}
	if done < len(b) {
		dst = append(dst, chunk{piece{int32(done), int32(len(b))}, -1})
	}
	return dst
}

func wordStarts(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	c, _ := classAt(classes(), b, 0)
	return c&word != 0
}

func wordEnds(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	_, n := utf8.DecodeLastRune(b)
	return wordStarts(b[len(b)-n:])
}

// trie is a set of byte strings with a number each.
type trie struct {
	nodes []trieNode
	first [256]bool
	only  int // the one byte that starts every string, −1 where there are several
	empty bool
}

type trieNode struct {
	label string     // bytes after that of the edge, up to the next node: long strings take few nodes
	next  []trieEdge // ordered by byte
	value int        // −1 for none
}

type trieEdge struct {
	c  byte
	to int32
}

func newTrie() *trie { return &trie{nodes: []trieNode{{value: -1}}, only: -1, empty: true} }

// add puts in a string that is not empty; a later value replaces an earlier.
func (t *trie) add(s string, value int) {
	switch {
	case t.empty:
		t.only, t.empty = int(s[0]), false
	case t.only != int(s[0]):
		t.only = -1
	}
	t.first[s[0]] = true
	at := int32(0)
	for i := 0; i < len(s); {
		k, ok := t.nodes[at].find(s[i])
		i++
		if !ok {
			edge := trieEdge{s[i-1], t.node(trieNode{label: s[i:], value: value})}
			t.nodes[at].next = slices.Insert(t.nodes[at].next, k, edge)
			return
		}
		to := t.nodes[at].next[k].to
		label := t.nodes[to].label
		n := commonPrefix(label, s[i:])
		i += n
		if n < len(label) {
			below := trieEdge{label[n], to}
			t.nodes[to].label = label[n+1:]
			to = t.node(trieNode{label: label[:n], next: []trieEdge{below}, value: -1})
			t.nodes[at].next[k].to = to
		}
		at = to
	}
	t.nodes[at].value = value
}

// node adds a node and returns its place.
func (t *trie) node(n trieNode) int32 {
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
func (n *trieNode) find(c byte) (int, bool) {
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

// skip returns how many bytes of b cannot start a string.
func (t *trie) skip(b []byte) int {
	switch {
	case t.empty:
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

// longest returns the value and length of the longest string that b starts with, or −1.
func (t *trie) longest(b []byte) (value, n int) {
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
