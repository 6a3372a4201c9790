package checkpoint

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/seed2010d43f/transformer/tensor"
)

// Formula returns a Source that computes the given tensors, in F32, from nothing but their names.
//
// Element i of a tensor, counted through its row-major data, is
//
//	h = FNV-1a, 64 bits, of the name's UTF-8
//	z = h + (i+1)·0x9E3779B97F4A7C15
//	z = (z ^ z>>30)·0xBF58476D1CE4E5B9
//	z = (z ^ z>>27)·0x94D049BB133111EB
//	z =  z ^ z>>31                                  (the finaliser of splitmix64)
//	u = (z>>40)/2²³ − 1                             (24 bits, in [−1, 1))
//	value = float32(offset + scale·u)               (in float64, then rounded once)
//
// where f gives offset and scale of each tensor: about (0, √(3/in)) for matrices, (1, 0.1) for norms.
// The integers wrap at 64 bits. The tensors are named in sorted order. f must be a pure function.
func Formula(shapes map[string]tensor.Shape, f func(name string, shape tensor.Shape) (offset, scale float64)) Source {
	g := &generator{infos: map[string]Info{}}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		g.add(name, F32, shapes[name])
	}
	shapes = maps.Clone(shapes)
	g.begin = func(info Info) func([]byte, int64) {
		h := hash(info.Name)
		offset, scale := f(info.Name, shapes[info.Name])
		return func(dst []byte, off int64) {
			for i := 0; i < len(dst); i += 4 {
				// The conversion keeps the compiler from fusing product and sum.
				v := float32(offset + float64(scale*uniform(h, uint64(off)/4+uint64(i)/4)))
				binary.LittleEndian.PutUint32(dst[i:], math.Float32bits(v))
			}
		}
	}
	return g
}

// hash is FNV-1a of 64 bits.
func hash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// uniform returns number i of the sequence h: a multiple of 2⁻²³ in [−1, 1).
func uniform(h, i uint64) float64 {
	z := h + (i+1)*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return float64(z>>40)/(1<<23) - 1
}

// tile is the number of values that Random repeats, or nearly so for types with blocks. It is a prime, so that rows of
// any usual width start at ever different places in it.
const tile = 65521

// Random returns a Source that makes any tensor it is asked for, filled with small random numbers of type d.
// It is for benchmarks and tests of speed, where values matter little but must not be 0 or subnormal, or make
// results explode. Of a block type are matrices whose rows are whole blocks; other tensors are F32 then. It panics for a type
// to which nothing is converted: see [tensor.DType.Encodes].
//
// To make a billion weights in seconds, only the first 65521 elements of a tensor are computed, from its name
// and the seed, like those of [Formula]. The others repeat them, at the speed of a copy. A tensor of two or
// more dimensions is uniform with variance 1/in, where in is the product of all dimensions but the first.
// Other tensors lie within 0.1 of 0 if their name ends in "bias", and within 0.1 of 1 if not.
func Random(seed uint64, d tensor.DType) Maker {
	if !d.Encodes() {
		panic(fmt.Sprintf("checkpoint: random weights of type %v, to which nothing is converted", d))
	}
	m := &maker{dtype: DType(d.String()), generator: generator{infos: map[string]Info{}}}
	m.begin = func(info Info) func([]byte, int64) {
		d, _ := info.DType.Tensor()
		pattern := randomTile(hash(info.Name)^seed*0x9E3779B97F4A7C15, d, info)
		return func(dst []byte, off int64) { repeat(dst, pattern, off) }
	}
	return m
}

// Zeros returns a Source that makes any tensor it is asked for, all 0, of the types that [Random] makes.
func Zeros(d tensor.DType) Maker {
	m := Random(0, d).(*maker)
	m.begin = func(Info) func([]byte, int64) {
		return func(dst []byte, _ int64) { clear(dst) }
	}
	return m
}

// randomTile returns the bytes that a tensor repeats.
func randomTile(h uint64, d tensor.DType, info Info) []byte {
	offset, scale := 1.0, 0.1
	blockLen, blockSize := d.Block()
	elements := info.Size / int64(blockSize) * int64(blockLen)
	switch {
	case len(info.Shape) > 1:
		offset, scale = 0, math.Sqrt(3/float64(elements/int64(info.Shape[0])))
	case strings.HasSuffix(info.Name, "bias"):
		offset = 0
	}
	n := min(elements, tile/int64(blockLen)*int64(blockLen))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(offset + float64(scale*uniform(h, uint64(i))))
	}
	b := make([]byte, d.Bytes(len(x)))
	d.Encode(b, x)
	return b
}

// repeat fills dst with the endless repetition of pattern, from byte off of it on.
func repeat(dst, pattern []byte, off int64) {
	if len(dst) == 0 {
		return
	}
	n := copy(dst, pattern[off%int64(len(pattern)):])
	for n < len(dst) {
		n += copy(dst[n:], pattern)
	}
}

// generator is a Source whose bytes are computed.
type generator struct {
	mu    sync.RWMutex
	infos map[string]Info
	names []string
	// begin returns what fills dst with the tensor's bytes from off on, a multiple of an element's.
	begin func(info Info) func(dst []byte, off int64)
}

// add enters a tensor. A shape that exceeds the address space is a programmer's mistake.
func (g *generator) add(name string, d DType, shape tensor.Shape) {
	info, ok := NewInfo(name, d, slices.Clone(shape[:shape.Rank()]))
	if !ok {
		panic(fmt.Sprintf("checkpoint: tensor %q of shape %v is too large", name, shape))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	old, known := g.infos[name]
	if known && !slices.Equal(old.Shape, info.Shape) {
		had, _ := old.TensorShape()
		panic(fmt.Sprintf("checkpoint: tensor %q is made with shape %v, it has shape %v", name, shape, had))
	}
	if !known {
		g.infos[name] = info
		g.names = append(g.names, name)
	}
}

func (g *generator) Names() iter.Seq[string] {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Values(g.names[:len(g.names):len(g.names)])
}

func (g *generator) Lookup(name string) (Info, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	info, ok := g.infos[name]
	return info, ok
}

func (g *generator) view(info Info) view {
	fill := g.begin(info)
	return func(buf []byte, off, n int64) ([]byte, error) {
		b := grow(buf, n)
		fill(b, off)
		return b, nil
	}
}

func (g *generator) Bytes(name string) ([]byte, error) {
	info, ok := g.Lookup(name)
	if !ok {
		return nil, notFound(name)
	}
	return all(info, g.view(info))
}

func (g *generator) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	info, ok := g.Lookup(name)
	if !ok {
		return failed(notFound(name))
	}
	return chunks(info, size, g.view(info), func(off, n int64) {})
}

func (g *generator) Release(string) {}

func (g *generator) Close() error { return nil }

// maker is a generator that takes new tensors.
type maker struct {
	generator
	dtype DType
}

func (m *maker) Make(name string, shape tensor.Shape) {
	d := m.dtype
	if elements, _, _ := d.Block(); elements > 1 && (shape.Rank() < 2 || shape.Last()%elements != 0) {
		d = F32
	}
	m.add(name, d, shape)
}
