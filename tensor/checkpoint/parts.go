package checkpoint

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"

	"github.com/seed2010d43f/transformer/tensor"
)

// Part is a tensor that consists of rows of a stored one: all or some of them, in their order or in another. A row has
// the elements of the last dimension. Those of a tensor of one dimension are its elements.
type Part struct {
	Name  string
	Of    string // the stored tensor
	Shape []int  // nil: that of the stored tensor. Rows must be as long as those that are stored; a vector may be one

	// First is the number of the stored row that comes first.
	First int

	// Order returns, for each row, which stored row it is, counted from First. nil keeps the order. It must be a
	// pure function, and yield rows that exist.
	Order func(row int) int

	// Add is added to each value, in float32. Unless it is 0, the part is of type F32, and stored values may be F16
	// or BF16 too. It is meant for small tensors, such as norms.
	Add float32
}

// Parts returns a Source of the given parts of src, in their order, and of nothing else. Rows are moved as they are
// stored, so that blocks of quantised weights stay what they are. A part that keeps the order is in place if the
// stored tensor is; see [InPlace].
//
// It returns [ErrDuplicate] if two parts have one name, [ErrNotFound] if a stored tensor is missing, [ErrUnsupported]
// if rows or elements cannot be taken apart, and [ErrShape] if a part does not lie within the stored tensor. The
// returned Source uses src, and closes it.
func Parts(src Source, parts ...Part) (Source, error) {
	s := &partial{src: src, parts: map[string]*part{}, users: map[string][]string{}, held: map[string][]byte{}, kept: map[string]map[string]bool{}}
	for _, p := range parts {
		if s.parts[p.Name] != nil {
			return nil, &Error{Tensor: p.Name, Kind: ErrDuplicate, Detail: fmt.Sprintf("%q and %q are both called so", s.parts[p.Name].Of, p.Of)}
		}
		one, err := newPart(src, p)
		if err != nil {
			return nil, err
		}
		s.parts[p.Name] = one
		s.names = append(s.names, p.Name)
		s.users[p.Of] = append(s.users[p.Of], p.Name)
	}
	return s, nil
}

// part is a Part that fits what is stored.
type part struct {
	Part
	info  Info
	dtype tensor.DType // of what is stored, with Add
	row   int64        // bytes
	off   int64        // of the first row
	whole bool         // it is the stored tensor, in another shape at most
}

func newPart(src Source, p Part) (*part, error) {
	stored, ok := src.Lookup(p.Of)
	if !ok {
		return nil, notFound(p.Of)
	}
	if p.Shape == nil {
		p.Shape = stored.Shape
	}
	width, rows := rowsOf(stored.Shape)
	w, n := rowsOf(p.Shape)
	switch a, b := len(stored.Shape), len(p.Shape); {
	case a > 1 && b == 1: // a row as a vector
		w, n = p.Shape[0], 1
	case a == 1 && b > 1: // a vector as a row
		width, rows = stored.Shape[0], 1
	}
	if w != width || p.First < 0 || n < 0 || n > rows-p.First {
		return nil, &Error{Tensor: p.Of, Kind: ErrShape, Detail: fmt.Sprintf("it has shape %.200s; %.500q is to be %.200s of it, from row %d on",
			fmt.Sprint(stored.Shape), p.Name, fmt.Sprint(p.Shape), p.First)}
	}
	row, ok := stored.DType.Size(int64(width))
	info, fits := NewInfo(p.Name, stored.DType, p.Shape)
	if !ok || !fits {
		return nil, &Error{Tensor: p.Of, Kind: ErrUnsupported, Detail: fmt.Sprintf("rows of %d values cannot be taken from %s", width, stored.DType)}
	}
	one := &part{Part: p, info: info, row: row, off: int64(p.First) * row}
	one.whole = p.Order == nil && p.Add == 0 && info.Size == stored.Size
	if p.Add != 0 {
		if dt, err := stored.DType.Tensor(); err != nil || dt != tensor.F32 && dt != tensor.F16 && dt != tensor.BF16 {
			return nil, &Error{Tensor: p.Of, Kind: ErrUnsupported, Detail: string(stored.DType) + ", expected F32, F16 or BF16: its values are to change"}
		}
		one.dtype, _ = stored.DType.Tensor()
		one.info, _ = NewInfo(p.Name, F32, p.Shape)
	}
	return one, nil
}

// rowsOf returns the length of a shape's rows, and their number.
func rowsOf(shape []int) (width, rows int) {
	if len(shape) < 2 {
		width, rows = 1, 1
		for _, d := range shape {
			rows = d
		}
		return width, rows
	}
	width, rows = shape[len(shape)-1], 1
	for _, d := range shape[:len(shape)-1] {
		if d != 0 && rows > math.MaxInt/d {
			return width, -1 // no tensor has so many
		}
		rows *= d
	}
	return width, rows
}

// partial is a Source of parts.
type partial struct {
	src   Source
	parts map[string]*part
	names []string
	users map[string][]string // the parts of each stored tensor

	mu   sync.Mutex
	held map[string][]byte          // stored tensors of which several parts are read one after the other
	kept map[string]map[string]bool // the parts for which they are held
}

func (s *partial) Names() iter.Seq[string] { return slices.Values(s.names) }

func (s *partial) Lookup(name string) (Info, bool) {
	if p := s.parts[name]; p != nil {
		return p.info, true
	}
	return Info{}, false
}

func (s *partial) Bytes(name string) ([]byte, error) {
	p := s.parts[name]
	switch {
	case p == nil:
		return nil, notFound(name)
	case p.whole:
		return s.src.Bytes(p.Of)
	}
	v, err := s.view(p)
	if err != nil {
		return nil, err
	}
	return all(p.info, v)
}

func (s *partial) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	p := s.parts[name]
	switch {
	case p == nil:
		return failed(notFound(name))
	case p.whole:
		return s.src.Chunks(p.Of, size)
	}
	v, err := s.view(p)
	if err != nil {
		return failed(err)
	}
	return chunks(p.info, size, v, func(off, n int64) {})
}

// view returns what gives pieces of a part.
func (s *partial) view(p *part) (view, error) {
	stored, err := s.stored(p)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Add != 0:
		b := p.added(stored)
		return func(_ []byte, off, n int64) ([]byte, error) { return b[off : off+n : off+n], nil }, nil
	case p.Order == nil:
		return func(_ []byte, off, n int64) ([]byte, error) {
			return stored[p.off+off : p.off+off+n : p.off+off+n], nil
		}, nil
	}
	return func(buf []byte, off, n int64) ([]byte, error) {
		b := grow(buf, n)
		for done := int64(0); done < n; {
			row, in := (off+done)/p.row, (off+done)%p.row
			from := p.off + int64(p.Order(int(row)))*p.row
			done += int64(copy(b[done:], stored[from+in:from+p.row]))
		}
		return b, nil
	}, nil
}

// added returns the values of a part in float32, with Add.
func (p *part) added(stored []byte) []byte {
	n := int(p.info.Size / 4)
	x := make([]float32, n)
	rows := stored[p.off:]
	if p.Order != nil {
		moved := make([]byte, 0, p.dtype.Bytes(n))
		for i := range int64(p.dtype.Bytes(n)) / p.row {
			moved = append(moved, stored[p.off+int64(p.Order(int(i)))*p.row:][:p.row]...)
		}
		rows = moved
	}
	p.dtype.Decode(x, rows[:p.dtype.Bytes(n)])
	b := make([]byte, 0, 4*n)
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v+p.Add))
	}
	return b
}

// stored returns the bytes of the tensor that a part is of. If there are other parts, it is held until all have been
// released: they are read one by one.
func (s *partial) stored(p *part) ([]byte, error) {
	if len(s.users[p.Of]) == 1 {
		return s.src.Bytes(p.Of)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[p.Of] == nil {
		b, err := s.src.Bytes(p.Of)
		if err != nil {
			return nil, err
		}
		s.held[p.Of], s.kept[p.Of] = b, map[string]bool{}
		for _, name := range s.users[p.Of] {
			s.kept[p.Of][name] = true
		}
	}
	return s.held[p.Of], nil
}

// InPlace implements [InPlace].
func (s *partial) InPlace(name string) (tensor.Stored, bool) {
	p := s.parts[name]
	src, ok := s.src.(InPlace)
	if p == nil || !ok || p.Order != nil || p.Add != 0 {
		return tensor.Stored{}, false
	}
	x, ok := src.InPlace(p.Of)
	if !ok || p.whole {
		return x, ok
	}
	if x.Row != 0 || x.Col != 0 {
		return tensor.Stored{}, false
	}
	x.Data = x.Data[p.off : p.off+p.info.Size : p.off+p.info.Size]
	return x, true
}

// Check implements [InPlace].
func (s *partial) Check() error {
	if src, ok := s.src.(InPlace); ok {
		return src.Check()
	}
	return nil
}

func (s *partial) Release(name string) {
	p := s.parts[name]
	if p == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := s.kept[p.Of]; kept != nil {
		if delete(kept, name); len(kept) > 0 {
			return
		}
		delete(s.kept, p.Of)
		delete(s.held, p.Of)
	}
	s.src.Release(p.Of)
}

func (s *partial) Close() error { return s.src.Close() }
