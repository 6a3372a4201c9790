package checkpoint

import (
	"iter"

	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/parallel"
)

const inBlock = 32 // elements of a block of Q4_0 and of Q8_0

// inBlocks is an affine matrix as Q4_0 or Q8_0, which hold its values.
type inBlocks struct {
	*affine
	blocked Info
}

// keepBits returns a matrix as Q4_0 or Q8_0 if these hold its values: its codes are symmetric, its groups are runs of
// whole blocks, and float16 holds its scales. Otherwise, and where it cannot be read, it returns the matrix as it is.
func (a *affine) keepBits() computation {
	d := &decoding{affine: a}
	if a.transposed || a.in%inBlock != 0 || a.groups > 1 && a.groupSize%inBlock != 0 || d.read() != nil || !d.symmetric() {
		return a
	}
	for _, s := range d.scales {
		if half.FromF16(half.F16(s)) != s {
			return a
		}
	}
	for i, g := range d.groupOf {
		if int(g) != i/a.groupSize {
			return a
		}
	}
	dt := Q4_0
	if a.codes.bits == 8 {
		dt = Q8_0
	}
	info, ok := NewInfo(a.wide.Name, dt, a.wide.Shape)
	if !ok {
		return a
	}
	return &inBlocks{a, info}
}

// middleCode is the code of a weight of 0.
func (a *affine) middleCode() float32 {
	if a.codes.bytes {
		return 0
	}
	return float32(int(1) << (a.codes.bits - 1))
}

// symmetric reports whether the zeros are in the middle of the codes.
func (d *decoding) symmetric() bool {
	middle := d.middleCode()
	for _, zero := range d.zeros {
		if zero != middle {
			return false
		}
	}
	return d.zeros != nil || d.middle == middle
}

func (b *inBlocks) info() Info { return b.blocked }

func (b *inBlocks) chunks(n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		e := &blocking{decoding: decoding{affine: b.affine, buffers: make([]decodingBuffers, parallel.Width())}}
		if err := e.decoding.read(); err != nil {
			yield(nil, err)
			return
		}
		all := b.out * b.in / inBlock
		_, e.size, _ = b.blocked.DType.Block()
		out := make([]byte, min(n, all)*e.size)
		perStrip := e.stripRows() * e.in / inBlock
		for e.block = 0; e.block < all; e.block += len(e.packed) / e.size {
			e.packed = out[:min(len(out), (all-e.block)*e.size)]
			e.strip = e.block / perStrip
			parallel.Run(parallel.Width(), (e.block+len(e.packed)/e.size-1)/perStrip-e.strip+1, e)
			if !yield(e.packed, nil) {
				return
			}
		}
	}
}

// blocking packs a piece of an affine matrix in blocks.
type blocking struct {
	decoding
	packed []byte
	size   int // bytes of a block
	block  int // of the matrix, the first
}

// Do packs the rows of a strip, as far as they are in the piece.
func (e *blocking) Do(part, worker int) {
	b := &e.buffers[worker]
	first := (e.strip + part) * e.stripRows()
	last := min(first+e.stripRows(), e.out)
	if e.affine.codes.scattered() {
		e.gather(b, first, last)
	}
	var codes [inBlock]byte
	perRow := e.in / inBlock
	for i := max(first*perRow, e.block); i < min(last*perRow, e.block+len(e.packed)/e.size); i++ {
		row, col := i/perRow, i%perRow*inBlock
		e.affine.codes.unpack(codes[:], e.line(b, row, first), row, col)
		scale, _ := e.grid(row, col/e.groupSize)
		e.pack(e.packed[(i-e.block)*e.size:][:e.size], scale, &codes)
	}
}

// pack writes a block.
func (e *blocking) pack(block []byte, scale float32, codes *[inBlock]byte) {
	le.PutUint16(block, half.F16(scale))
	block = block[2:]
	switch p := &e.affine.codes; {
	case p.bits == 4:
		for k := range inBlock / 2 {
			block[k] = codes[k] | codes[k+inBlock/2]<<4
		}
	case p.bytes:
		copy(block, codes[:])
	default:
		for k, code := range codes {
			block[k] = code - 128
		}
	}
}
