package checkpoint

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/internal/parallel"
)

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
		d := &decoding{affine: a, buffers: make([]decodingBuffers, parallel.Width())}
		if err := d.read(); err != nil {
			yield(nil, err)
			return
		}
		dst := make([]float32, min(elements, a.out*a.in))
		for d.first = 0; d.first < a.out*a.in; d.first += len(d.dst) {
			d.dst = dst[:min(len(dst), a.out*a.in-d.first)]
			d.strip = d.first / d.width() / d.stripRows()
			last := (d.first + len(d.dst) - 1) / d.width() / d.stripRows()
			parallel.Run(parallel.Width(), last-d.strip+1, d)
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
	buffers       []decodingBuffers

	dst   []float32
	first int // element of the matrix
	strip int // of the matrix, the first
}

// decodingBuffers are those of a worker.
type decodingBuffers struct {
	lanes         []byte // words of a strip, each of its lanes as a line
	codes         []byte
	scales, zeros []float32 // of a row
}

// lanes is how many columns of words are read at once where the words of a row are scattered: a line of the cache.
const lanes = 16

// stripRows is how many rows are computed at once.
func (d *decoding) stripRows() int {
	if d.affine.codes.alongOut && !d.transposed {
		return lanes * d.affine.codes.fields()
	}
	return lanes
}

// width returns the elements of a row.
func (d *decoding) width() int {
	if d.transposed {
		return d.out
	}
	return d.in
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
	for out := range a.out {
		for g := range a.groups {
			d.zeros[a.scale.at(out, g)] = float32(a.zero.at(b, out, g))
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
	members, runs := make([]int, a.groups), true
	for i, g := range d.groupOf {
		if g < 0 || int(g) >= a.groups {
			return &Error{Tensor: a.groupOf, Kind: ErrScale, Detail: fmt.Sprintf("input %d is in group %d; there are %d", i, g, a.groups)}
		}
		if members[g]++; a.evenGroups && members[g] > a.groupSize {
			return &Error{Tensor: a.groupOf, Kind: ErrScale, Detail: fmt.Sprintf("more than %d inputs are in group %d", a.groupSize, g)}
		}
		runs = runs && int(g) == i/a.groupSize
	}
	if runs {
		d.groupOf = nil
	}
	return nil
}

// Do computes the rows of a strip, as far as they are in the piece.
func (d *decoding) Do(part, worker int) {
	b := &d.buffers[worker]
	first, end := (d.strip+part)*d.stripRows(), (d.strip+part+1)*d.stripRows()
	if !d.transposed && d.affine.codes.scattered() {
		d.gather(b, first, min(end, d.out))
	}
	n := d.width()
	for row := max(first, d.first/n); row < end && row*n < d.first+len(d.dst); row++ {
		from, to := max(row*n, d.first), min((row+1)*n, d.first+len(d.dst))
		d.row(d.dst[from-d.first:to-d.first], b, row, from-row*n, first)
	}
}

// gather copies the words of the rows of a strip, each lane of them as a line.
func (d *decoding) gather(b *decodingBuffers, first, end int) {
	p := &d.affine.codes
	steps, lane, n := p.words(d.in), first, end-first
	if p.alongOut {
		steps, lane, n = d.in, first/p.fields(), p.words(end-first)
	}
	if len(b.lanes) < 4*lanes*steps {
		b.lanes = make([]byte, 4*lanes*steps)
	}
	for s := range steps {
		words := d.codes[4*(s*p.in+lane):][:4*n]
		for j := range n {
			copy(b.lanes[4*(j*steps+s):][:4], words[4*j:])
		}
	}
}

// row computes weights of a row, from a column on. strip is the first row of its strip.
func (d *decoding) row(dst []float32, b *decodingBuffers, row, col, strip int) {
	if d.transposed {
		for i := range dst {
			scale, zero := d.grid(col+i, d.group(row))
			dst[i] = (float32(d.affine.codes.at(d.codes, col+i, row)) - zero) * scale
		}
		return
	}
	if len(b.codes) < len(dst) {
		b.codes = make([]byte, len(dst))
	}
	codes := b.codes[:len(dst)]
	d.affine.codes.unpack(codes, d.line(b, row, strip), row, col)
	if d.groupOf != nil {
		d.byIndex(dst, codes, b, row, col)
		return
	}
	for len(dst) > 0 {
		g := col / d.groupSize
		n := min((g+1)*d.groupSize-col, len(dst))
		scale, zero := d.grid(row, g)
		d.run(dst[:n], codes, scale, zero)
		dst, codes, col = dst[n:], codes[n:], col+n
	}
}

// line returns where the words of a row lie.
func (d *decoding) line(b *decodingBuffers, row, strip int) []byte {
	p := &d.affine.codes
	switch {
	case !p.scattered():
		return p.line(d.codes, row)
	case p.alongOut:
		return b.lanes[4*((row-strip)/p.fields())*d.in:]
	}
	return b.lanes[4*(row-strip)*p.words(d.in):]
}

// run computes weights of one group. Each is exact but for the rounding of the product: codes and zeros are small
// integers.
func (d *decoding) run(dst []float32, codes []byte, scale, zero float32) {
	codes = codes[:len(dst)]
	switch {
	case d.affine.codes.bytes:
		for i, code := range codes {
			dst[i] = (float32(int8(code)) - zero) * scale
		}
	case d.affine.codes.bits == 8:
		for i, code := range codes {
			dst[i] = (float32(code) - zero) * scale
		}
	default:
		var values [16]float32
		for code := range values {
			values[code] = (float32(code) - zero) * scale
		}
		for i, code := range codes {
			dst[i] = values[code&15]
		}
	}
}

// byIndex computes weights each of which has a group of its own.
func (d *decoding) byIndex(dst []float32, codes []byte, b *decodingBuffers, row, col int) {
	if len(b.scales) < d.groups {
		b.scales, b.zeros = make([]float32, d.groups), make([]float32, d.groups)
	}
	for g := range d.groups {
		b.scales[g], b.zeros[g] = d.grid(row, g)
	}
	for i, g := range d.groupOf[col:][:len(dst)] {
		code := float32(codes[i])
		if d.affine.codes.bytes {
			code = float32(int8(codes[i]))
		}
		dst[i] = (code - b.zeros[g]) * b.scales[g]
	}
}

// group returns the group of an input.
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
