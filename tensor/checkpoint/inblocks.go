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
func (a *affine) middleCode() int16 {
	if a.codes.bytes {
		return 0
	}
	return 1 << (a.codes.bits - 1)
}

// symmetric reports whether the zeros are in the middle of the codes.
func (d *decoding) symmetric() bool {
	middle := float32(d.middleCode())
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
		e := &blocking{decoding: decoding{affine: b.affine}}
		if err := e.decoding.read(); err != nil {
			yield(nil, err)
			return
		}
		all := b.out * b.in / inBlock
		_, e.size, _ = b.blocked.DType.Block()
		out := make([]byte, min(n, all)*e.size)
		for e.first = 0; e.first < all; e.first += len(e.dst) / e.size {
			e.dst = out[:min(len(out), (all-e.first)*e.size)]
			parallel.Run(parallel.Width(), blocks(len(e.dst)/e.size, blockingPart), e)
			if !yield(e.dst, nil) {
				return
			}
		}
	}
}

// blocking packs blocks of an affine matrix.
type blocking struct {
	decoding
	dst   []byte
	size  int // bytes of a block
	first int // block of the matrix
}

const blockingPart = wideningPart / inBlock // blocks

// Do packs a part.
func (e *blocking) Do(part, _ int) {
	var codes [inBlock]int16
	middle := e.middleCode()
	for i := part * blockingPart; i < min((part+1)*blockingPart, len(e.dst)/e.size); i++ {
		at := (e.first + i) * inBlock
		row, col := at/e.in, at%e.in
		e.affine.codes.read(codes[:], e.decoding.codes, row, col)
		scale, _ := e.grid(row, col/e.groupSize)
		block := e.dst[i*e.size:][:e.size]
		le.PutUint16(block, half.F16(scale))
		for k := range block[2:] {
			if e.affine.codes.bits == 4 {
				block[2+k] = byte(codes[k] | codes[k+inBlock/2]<<4)
			} else {
				block[2+k] = byte(codes[k] - middle)
			}
		}
	}
}
