package retrieval

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tensor"
)

// Catalogue is an [Index] whose vectors have names, such as those of files, and which a file keeps: see
// [Catalogue.WriteTo] and [ReadCatalogue]. Any number of goroutines may use it at the same time.
type Catalogue struct {
	// Model names what made the vectors. Vectors of two models cannot be compared.
	Model string

	index *Index

	mu      sync.RWMutex
	entries []Entry
	rows    map[string]int // by name
}

// Entry is what a vector stands for.
type Entry struct {
	Name  string // of 1 to MaxName bytes, valid UTF-8, and no other entry's
	Stamp uint64 // of the owner's choice, such as a digest: tells whether the thing has changed since
}

// Match is an entry found by a search.
type Match struct {
	Entry
	Score float32
}

// Limits of a Catalogue.
const (
	MaxName  = 1 << 15 // bytes of a name, or of Model
	MaxWidth = 1 << 16 // numbers of a vector
)

// NewCatalogue returns an empty catalogue for vectors of dim numbers. It panics unless dim is from 1 to MaxWidth.
func NewCatalogue(model string, dim int) *Catalogue {
	if dim > MaxWidth {
		panic(fmt.Sprintf("retrieval: NewCatalogue: dim is %d; it is at most %d", dim, MaxWidth))
	}
	return &Catalogue{Model: model, index: NewIndex(dim), rows: map[string]int{}}
}

// Len returns the number of entries.
func (c *Catalogue) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.entries)
}

// Dim returns the width of the vectors.
func (c *Catalogue) Dim() int { return c.index.dim }

// Entry returns an entry by its number, from 0 in the order of adding.
func (c *Catalogue) Entry(row int) Entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.entries[row]
}

// Find returns the number of the entry with a name.
func (c *Catalogue) Find(name string) (row int, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	row, ok = c.rows[name]
	return row, ok
}

// Vector sets dst, of Dim numbers, to the vector of an entry.
func (c *Catalogue) Vector(dst []float32, row int) { c.index.Row(dst, row) }

// Add adds entries with their vectors, the rows of v, [len(entries), Dim]. If a name or a vector is not valid it gives
// an error and adds none. It panics if the shape of v is another.
func (c *Catalogue) Add(entries []Entry, v tensor.Tensor) error {
	if v.Rows() != len(entries) {
		panic(fmt.Sprintf("retrieval: Add: %d entries with vectors %v", len(entries), v.Shape))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := make(map[string]bool, len(entries))
	for i, e := range entries {
		err := checkName(e.Name)
		if _, known := c.rows[e.Name]; err == nil && (known || fresh[e.Name]) {
			err = errors.New("there is an entry of that name")
		}
		if err == nil && !finite(v.Row(i)) {
			err = errors.New("its vector has a number that is not finite")
		}
		if err != nil {
			return fmt.Errorf("retrieval: entry %.100q: %w", e.Name, err)
		}
		fresh[e.Name] = true
	}
	c.index.Add(v)
	for _, e := range entries {
		c.rows[e.Name] = len(c.entries)
		c.entries = append(c.entries, e)
	}
	return nil
}

// Search returns the k best entries for each row of queries, [Q, Dim], as [Index.Search] does.
func (c *Catalogue) Search(queries tensor.Tensor, k int) [][]Match {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([][]Match, queries.Rows())
	for i, hits := range c.index.Search(queries, k) {
		for _, h := range hits {
			out[i] = append(out[i], Match{c.entries[h.Row], h.Score})
		}
	}
	return out
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > MaxName:
		return fmt.Errorf("the name has %d bytes; at most %d are allowed", len(name), MaxName)
	case !utf8.ValidString(name):
		return errors.New("the name is not valid UTF-8")
	}
	return nil
}

func finite(row []float32) bool {
	for _, v := range row {
		if v-v != 0 || math.IsNaN(float64(v)) {
			return false
		}
	}
	return true
}
