package retrieval

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

func newCatalogue(t testing.TB, n, dim int) *Catalogue {
	t.Helper()
	c := NewCatalogue("model of the test", dim)
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{fmt.Sprintf("folder/picture %d.png", i), uint64(i) << 40}
	}
	if err := c.Add(entries, randomTensor(rand.New(rand.NewPCG(5, uint64(n))), n, dim)); err != nil {
		t.Fatal(err)
	}
	return c
}

func stored(t testing.TB, c *Catalogue) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := c.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo returns %d bytes of %d and the error %v", n, b.Len(), err)
	}
	return b.Bytes()
}

// What is written is what is read: entries, vectors to the bit, and hits.
func TestCatalogueFile(t *testing.T) {
	for _, n := range []int{0, 1, 17, blockRows + 3} {
		c := newCatalogue(t, n, 7)
		d, err := ReadCatalogue(bytes.NewReader(stored(t, c)))
		if err != nil {
			t.Fatal(err)
		}
		if d.Model != c.Model || d.Len() != n || d.Dim() != 7 {
			t.Fatalf("%d entries: read model %q, %d entries of %d numbers", n, d.Model, d.Len(), d.Dim())
		}
		a, b := make([]float32, 7), make([]float32, 7)
		for i := range n {
			c.Vector(a, i)
			d.Vector(b, i)
			if row, ok := d.Find(c.Entry(i).Name); d.Entry(i) != c.Entry(i) || fmt.Sprint(a) != fmt.Sprint(b) || row != i || !ok {
				t.Fatalf("entry %d is %v with %v, want %v with %v", i, d.Entry(i), b, c.Entry(i), a)
			}
		}
		queries := randomTensor(rand.New(rand.NewPCG(6, 7)), 3, 7)
		if got, want := fmt.Sprint(d.Search(queries, 5)), fmt.Sprint(c.Search(queries, 5)); got != want {
			t.Errorf("hits are\n%s, want\n%s", got, want)
		}
	}
}

// A vector that is searched for finds its own entry.
func TestCatalogueSearch(t *testing.T) {
	c, q := NewCatalogue("", 4), randomTensor(rand.New(rand.NewPCG(8, 9)), 3, 4)
	Normalize(q)
	if err := c.Add([]Entry{{"a", 1}, {"b", 2}, {"c", 3}}, q); err != nil {
		t.Fatal(err)
	}
	for i, matches := range c.Search(q, 2) {
		if len(matches) != 2 || matches[0].Entry != c.Entry(i) || !near(matches[0].Score, 1) {
			t.Errorf("the vector of %v finds %v", c.Entry(i), matches)
		}
	}
}

func TestCatalogueRefuses(t *testing.T) {
	c := newCatalogue(t, 2, 3)
	good := []float32{1, 2, 3}
	for _, bad := range []struct {
		names []string
		row   []float32
		says  string
	}{
		{[]string{""}, good, "empty"},
		{[]string{"folder/picture 1.png"}, good, "there is an entry"},
		{[]string{"x", "x"}, good, "there is an entry"},
		{[]string{"\xff"}, good, "UTF-8"},
		{[]string{strings.Repeat("x", MaxName+1)}, good, "at most"},
		{[]string{"x"}, []float32{1, float32(math.Inf(1)), 0}, "finite"},
		{[]string{"x"}, []float32{1, 0, float32(math.NaN())}, "finite"},
	} {
		v := randomTensor(rand.New(rand.NewPCG(1, 1)), len(bad.names), 3)
		copy(v.Row(0), bad.row)
		var entries []Entry
		for _, name := range bad.names {
			entries = append(entries, Entry{Name: name})
		}
		if err := c.Add(entries, v); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%.20q: error %v, want one with %q", bad.names, err, bad.says)
		}
	}
	if c.Len() != 2 {
		t.Errorf("refused entries were added: %d", c.Len())
	}
}

// Every file that is cut off, longer, or altered in one byte is refused.
func TestCatalogueFileRefusesDamage(t *testing.T) {
	b := stored(t, newCatalogue(t, 3, 2))
	for n := range b {
		if _, err := ReadCatalogue(bytes.NewReader(b[:n])); err == nil || !strings.Contains(err.Error(), "too early") {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
		other := bytes.Clone(b)
		other[n] ^= 1
		if _, err := ReadCatalogue(bytes.NewReader(other)); err == nil {
			t.Fatalf("byte %d altered: no error", n)
		}
	}
	if _, err := ReadCatalogue(bytes.NewReader(append(b, 0))); err == nil || !strings.Contains(err.Error(), "follows") {
		t.Errorf("a byte more: %v", err)
	}
	b[7] = '2'
	if _, err := ReadCatalogue(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("another version: %v", err)
	}
}

// A short file that states much takes little memory.
func TestCatalogueFileMemory(t *testing.T) {
	c := newCatalogue(t, 1, MaxWidth)
	for _, count := range []uint64{1, 1 << 32} {
		b := stored(t, c)
		binary.LittleEndian.PutUint64(b[16:], count)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ReadCatalogue(bytes.NewReader(b))
		runtime.ReadMemStats(&after)
		// a block begins with fewRows rows; some more are the buffers, and the garbage that the collector has left
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(fewRows+8)*uint64(len(b)); got > most {
			t.Errorf("%d vectors stated: reading %d bytes took %d, at most %d are right", count, len(b), got, most)
		}
	}
}

func FuzzReadCatalogue(f *testing.F) {
	f.Add(stored(f, newCatalogue(f, 3, 2)))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ReadCatalogue(bytes.NewReader(b)); err == nil && !bytes.Equal(stored(t, c), b) {
			t.Error("what was read is written otherwise")
		}
	})
}
