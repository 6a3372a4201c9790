package checkpoint

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/internal/parallel"
)

var le = binary.LittleEndian

// affine is a matrix whose weights are (code − zero) · scale: codes of 4 or 8 bits, and a scale and a zero for each
// group of inputs of each output. The sources of formats fill it in.
type affine struct {
	src        Source
	wide       Info // F32, [out, in], or [in, out] if transposed
	transposed bool
	out, in    int

	codes packing

	scales string  // name
	scale  indices // of scales and of zeros that are not packed

	zeros    string // name; "" if all are symmetric
	zero     packing
	addOne   bool    // to each field of a word of zeros
	zeroBase float32 // added to what is stored
	middle   float32 // the zero of codes without zeros

	groupSize int
	groups    int
	groupOf   string // name of the group of each input; "" if groups are runs of groupSize

	evenGroups bool // groups have groupSize inputs each; if all inputs are in −1, groups are runs
}

// indices say where in a stored grid the element of an output and a group lies.
type indices struct {
	outBlock   int // outputs that share a row of the grid
	out, group int // strides
}

func (x indices) at(out, group int) int { return out/x.outBlock*x.out + group*x.group }

// packing says where the bits of an element lie. Elements have an output, and an input or group.
type packing struct {
	name        string
	bits        int  // 4 or 8
	bytes       bool // signed bytes; otherwise fields of little-endian words of 32 bits
	alongOut    bool // the fields of a word are neighbours along the outputs
	out, in     int  // strides in words or bytes, of the outputs and inputs, or of fieldsOf of them
	interleaved bool // AWQ's order of the fields
}

// fields is how many elements a word has.
func (p *packing) fields() int { return 32 / p.bits }

// words returns how many words n neighbours take.
func (p *packing) words(n int) int { return blocks(n, p.fields()) }

// awqOrder is the field of each of 8 neighbours in a word of AWQ.
var awqOrder = [8]int{0, 4, 1, 5, 2, 6, 3, 7}

// find returns the word of an element, and the shift of its field.
func (p *packing) find(out, in int) (word, shift int) {
	field := 0
	switch {
	case p.bytes:
	case p.alongOut:
		field, out = out%p.fields(), out/p.fields()
	default:
		field, in = in%p.fields(), in/p.fields()
	}
	if p.interleaved {
		field = awqOrder[field]
	}
	return out*p.out + in*p.in, field * p.bits
}

// read sets dst to the codes of an output, from one input on.
func (p *packing) read(dst []int16, b []byte, out, in int) {
	word, shift := p.find(out, in)
	switch {
	case p.bytes:
		for i := range dst {
			dst[i] = int16(int8(b[word]))
			word += p.in
		}
	case p.alongOut:
		mask := uint32(1)<<p.bits - 1
		for i := range dst {
			dst[i] = int16(le.Uint32(b[4*word:]) >> shift & mask)
			word += p.in
		}
	default:
		mask := uint32(1)<<p.bits - 1
		for i := 0; i < len(dst); {
			w := le.Uint32(b[4*word:]) >> shift
			n := min((32-shift)/p.bits, len(dst)-i)
			for k := range n {
				dst[i+k] = int16(w & mask)
				w >>= p.bits
			}
			i, word, shift = i+n, word+p.in, 0
		}
	}
}

func (a *affine) info() Info { return a.wide }

func (a *affine) stored() []string {
	names := []string{a.codes.name, a.scales}
	for _, name := range []string{a.zeros, a.groupOf} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// newWide sets what the matrix is shown as.
func (a *affine) newWide(name string) error {
	shape := []int{a.out, a.in}
	if a.transposed {
		shape = []int{a.in, a.out}
	}
	var ok bool
	if a.wide, ok = NewInfo(name, F32, shape); !ok || a.wide.Size > math.MaxInt {
		return &Error{Tensor: name, Kind: ErrOverflow, Detail: fmt.Sprintf("%v as F32", shape)}
	}
	if info, ok := a.src.Lookup(name); ok && info.Name != a.codes.name {
		return &Error{Tensor: name, Kind: ErrDuplicate, Detail: fmt.Sprintf("it is stored, and as %.500q too", a.codes.name)}
	}
	return nil
}

func (a *affine) chunks(elements int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		d := &decoding{affine: a, buffers: make([][]int16, parallel.Width())}
		if err := d.read(); err != nil {
			yield(nil, err)
			return
		}
		dst := make([]float32, min(elements, a.out*a.in))
		for d.first = 0; d.first < a.out*a.in; d.first += len(d.dst) {
			d.dst = dst[:min(len(dst), a.out*a.in-d.first)]
			parallel.Run(parallel.Width(), blocks(len(d.dst), wideningPart), d)
			if !yield(bytesview.Bytes(d.dst), nil) {
				return
			}
		}
	}
}

// decoding computes a piece of an affine matrix.
type decoding struct {
	*affine
	codes         []byte
	scales, zeros []float32 // by indices
	groupOf       []int32   // nil for runs
	buffers       [][]int16 // of each worker

	dst   []float32
	first int // element of the matrix
}

// read reads what is stored of the matrix.
func (d *decoding) read() (err error) {
	a := d.affine
	if d.codes, err = a.src.Bytes(a.codes.name); err != nil {
		return err
	}
	if d.scales, err = readScales(a.src, a.scales); err != nil {
		return err
	}
	if err := d.readGroups(); err != nil || a.zeros == "" {
		return err
	}
	return d.readZeros()
}

// readZeros spreads the zeros, which may be packed, as the scales are.
func (d *decoding) readZeros() error {
	a := d.affine
	b, err := a.src.Bytes(a.zeros)
	if err != nil {
		return err
	}
	if a.addOne {
		b = slices.Clone(b)
		addOne(b, a.zero.bits)
	}
	d.zeros = make([]float32, len(d.scales))
	if a.zero.bytes {
		for i := range d.zeros {
			d.zeros[i] = float32(int8(b[i])) + a.zeroBase
		}
		return nil
	}
	code := make([]int16, 1)
	for out := 0; out < a.out; out++ {
		for g := range a.groups {
			a.zero.read(code, b, out, g)
			d.zeros[a.scale.at(out, g)] = float32(code[0]) + a.zeroBase
		}
	}
	return nil
}

// addOne adds one to every field. A field that wrapped around when one was taken away from it, below those of its
// word, is itself again: so the whole word is added to.
func addOne(words []byte, bits int) {
	ones := uint32(0x11111111)
	if bits == 8 {
		ones = 0x01010101
	}
	for ; len(words) >= 4; words = words[4:] {
		le.PutUint32(words, le.Uint32(words)+ones)
	}
}

// readGroups reads the group of each input.
func (d *decoding) readGroups() error {
	a := d.affine
	if a.groupOf == "" {
		return nil
	}
	b, err := a.src.Bytes(a.groupOf)
	if err != nil {
		return err
	}
	d.groupOf = make([]int32, a.in)
	unset := true
	for i := range d.groupOf {
		d.groupOf[i] = int32(le.Uint32(b[4*i:]))
		unset = unset && d.groupOf[i] == -1
	}
	if unset && a.evenGroups {
		d.groupOf = nil
		return nil
	}
	members := make([]int, a.groups)
	for i, g := range d.groupOf {
		if g < 0 || int(g) >= a.groups {
			return &Error{Tensor: a.groupOf, Kind: ErrScale, Detail: fmt.Sprintf("input %d is in group %d; there are %d", i, g, a.groups)}
		}
		if members[g]++; a.evenGroups && members[g] > a.groupSize {
			return &Error{Tensor: a.groupOf, Kind: ErrScale, Detail: fmt.Sprintf("more than %d inputs are in group %d", a.groupSize, g)}
		}
	}
	return nil
}

// Do computes a part.
func (d *decoding) Do(part, worker int) {
	i, end := part*wideningPart, min((part+1)*wideningPart, len(d.dst))
	width := d.in
	if d.transposed {
		width = d.out
	}
	for i < end {
		row, col := (d.first+i)/width, (d.first+i)%width
		run := min(width-col, end-i)
		if len(d.buffers[worker]) < run {
			d.buffers[worker] = make([]int16, run)
		}
		d.row(d.dst[i:][:run], d.buffers[worker][:run], row, col)
		i += run
	}
}

// row computes weights of a row, from a column on. codes is scratch of the same length.
func (d *decoding) row(dst []float32, codes []int16, row, col int) {
	if d.transposed {
		for i := range dst {
			d.affine.codes.read(codes[:1], d.codes, col+i, row)
			dst[i] = d.weight(codes[0], col+i, d.group(row))
		}
		return
	}
	d.affine.codes.read(codes, d.codes, row, col)
	if d.groupOf != nil {
		for i, code := range codes {
			dst[i] = d.weight(code, row, int(d.groupOf[col+i]))
		}
		return
	}
	for len(dst) > 0 {
		g := col / d.groupSize
		n := min((g+1)*d.groupSize-col, len(dst))
		scale, zero := d.grid(row, g)
		for i, code := range codes[:n] {
			dst[i] = (float32(code) - zero) * scale
		}
		dst, codes, col = dst[n:], codes[n:], col+n
	}
}

func (d *decoding) group(in int) int {
	if d.groupOf != nil {
		return int(d.groupOf[in])
	}
	return in / d.groupSize
}

// grid returns the scale and the zero of a group of an output.
func (d *decoding) grid(out, group int) (scale, zero float32) {
	at := d.scale.at(out, group)
	if d.zeros == nil {
		return d.scales[at], d.middle
	}
	return d.scales[at], d.zeros[at]
}

// weight is exact but for the rounding of the product: codes and zeros are small integers.
func (d *decoding) weight(code int16, out, group int) float32 {
	scale, zero := d.grid(out, group)
	return (float32(code) - zero) * scale
}
