package retrieval

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"unicode/utf8"

	"github.com/seed2010d43f/transformer/tensor"
)

// magic begins the file of a catalogue. The last character is the version of the form.
const magic = "vectors1"

// WriteTo writes the catalogue: "vectors1"; Dim and the number of entries; Model; the entries, each a name and a stamp;
// the vectors in float32; and a SHA-256 of all that. Numbers have 8 bytes, the low one first, and texts their length
// before them.
func (c *Catalogue) WriteTo(w io.Writer) (int64, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.Model) > MaxName || !utf8.ValidString(c.Model) {
		return 0, fmt.Errorf("retrieval: the name of the model has %d bytes; it is valid UTF-8 of at most %d", len(c.Model), MaxName)
	}
	sum := sha256.New()
	out := &counter{w: w}
	buf := bufio.NewWriter(io.MultiWriter(out, sum))
	var word [8]byte
	number := func(v uint64) { // an error of buf stays with it until Flush
		binary.LittleEndian.PutUint64(word[:], v)
		buf.Write(word[:])
	}
	text := func(s string) {
		number(uint64(len(s)))
		buf.WriteString(s)
	}
	buf.WriteString(magic)
	number(uint64(c.Dim()))
	number(uint64(len(c.entries)))
	text(c.Model)
	for _, e := range c.entries {
		text(e.Name)
		number(e.Stamp)
	}
	row := make([]float32, c.Dim())
	for i := range c.entries {
		c.index.Row(row, i)
		for _, v := range row {
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			buf.Write(word[:4])
		}
	}
	if err := buf.Flush(); err != nil {
		return out.n, err
	}
	_, err := out.Write(sum.Sum(nil))
	return out.n, err
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// ReadCatalogue reads what WriteTo wrote, up to the end of r. A file that is cut off, altered or of another form gives an
// error. Memory grows with what has been read, whatever numbers the file states.
func ReadCatalogue(r io.Reader) (*Catalogue, error) {
	c, err := readCatalogue(r)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends too early")
	}
	if err != nil {
		return nil, fmt.Errorf("retrieval: file of a catalogue: %w", err)
	}
	return c, nil
}

// reader reads the parts of a file and sums them up.
type reader struct {
	r    *bufio.Reader
	sum  hash.Hash
	word [8]byte
}

func (f *reader) full(b []byte) error {
	_, err := io.ReadFull(f.r, b)
	f.sum.Write(b)
	return err
}

func (f *reader) number() (uint64, error) {
	err := f.full(f.word[:])
	return binary.LittleEndian.Uint64(f.word[:]), err
}

func (f *reader) text() (string, error) {
	n, err := f.number()
	if err != nil {
		return "", err
	}
	if n > MaxName {
		return "", fmt.Errorf("a name has %d bytes; at most %d are allowed", n, MaxName)
	}
	b := make([]byte, n)
	err = f.full(b)
	return string(b), err
}

func readCatalogue(r io.Reader) (*Catalogue, error) {
	f := &reader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
	if err := f.full(f.word[:]); err != nil {
		return nil, err
	}
	switch {
	case string(f.word[:7]) == magic[:7] && f.word[7] != magic[7]:
		return nil, fmt.Errorf("it is of version %q; this library reads version %c: make the index anew", f.word[7], magic[7])
	case string(f.word[:]) != magic:
		return nil, errors.New("it is not one: it does not begin with " + magic)
	}
	dim, err := f.number()
	if err != nil {
		return nil, err
	}
	n, err := f.number()
	if err != nil {
		return nil, err
	}
	if dim < 1 || dim > MaxWidth || n > 1<<32 {
		return nil, fmt.Errorf("it states %d vectors of %d numbers; a vector has 1 to %d", n, dim, MaxWidth)
	}
	name, err := f.text()
	if err != nil {
		return nil, err
	}
	c := NewCatalogue(name, int(dim))
	if err := f.fill(c, n); err != nil {
		return nil, err
	}
	return c, nil
}

// fill reads n entries, their vectors and the sum.
func (f *reader) fill(c *Catalogue, n uint64) error {
	var entries []Entry
	for range n {
		name, err := f.text()
		if err != nil {
			return err
		}
		stamp, err := f.number()
		if err != nil {
			return err
		}
		entries = append(entries, Entry{name, stamp})
	}
	raw, row := make([]byte, 4*c.Dim()), tensor.New(1, c.Dim())
	for i := range entries {
		if err := f.full(raw); err != nil {
			return err
		}
		for k := range row.Data {
			row.Data[k] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*k:]))
		}
		if err := c.Add(entries[i:i+1], row); err != nil {
			return err
		}
	}
	want, sum := f.sum.Sum(nil), make([]byte, sha256.Size)
	if _, err := io.ReadFull(f.r, sum); err != nil {
		return err
	}
	if !bytes.Equal(sum, want) {
		return errors.New("its sum is wrong: the file was altered")
	}
	if _, err := f.r.ReadByte(); err != io.EOF {
		return errors.New("something follows the end")
	}
	return nil
}
