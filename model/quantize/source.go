package quantize

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/vec"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Source returns src with its matrices in the types that choose returns, to be written to a file. It asks about tensors
// of two or more dimensions whose type weights can have; what a matrix is for it takes from its name, and a table of
// words is the projection to the vocabulary too where no other is stored. converted, if not nil, is told of each tensor
// of blocks when it has been read.
//
// It returns an error for a type that nothing is converted to; reading a tensor returns one for a value that is not
// finite. The result uses src, and closes it.
func Source(src checkpoint.Source, choose func(nn.Matrix) tensor.DType, converted func(m nn.Matrix, kept tensor.DType, d nn.Deviation)) (checkpoint.Source, error) {
	s := &source{Source: src, matrices: map[string]matrix{}, converted: converted}
	layers, head := 0, false
	for name := range src.Names() {
		layers = max(layers, nn.LayerOf(name)+1)
		head = head || isHead(name)
	}
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		dt, err := info.DType.Tensor()
		if err != nil || len(info.Shape) < 2 {
			continue
		}
		in := info.Shape[len(info.Shape)-1]
		m := nn.Matrix{Name: name, DType: dt, Rows: int(info.Size) / max(1, dt.Bytes(in)), In: in, Use: useOf(name, head), Layer: nn.LayerOf(name), Layers: layers}
		kept := choose(m).Fit(m.In)
		if kept == dt {
			continue
		}
		if kept.PerRow() {
			return nil, fmt.Errorf("quantize: tensor %q is to be %v, which no file has", name, kept)
		}
		info, ok := checkpoint.NewInfo(name, checkpoint.DType(kept.String()), info.Shape)
		if !kept.Encodes() || !ok {
			return nil, fmt.Errorf("quantize: tensor %q, %v, is to be %v: nothing is converted to it", name, dt, kept)
		}
		s.matrices[name] = matrix{m, kept, info}
	}
	return s, nil
}

// isHead reports whether a tensor is a projection to the vocabulary, by its name.
func isHead(name string) bool {
	return nn.LayerOf(name) < 0 && endsIn(strings.TrimSuffix(name, ".weight"), "lm_head", "embed_out", "output")
}

// useOf returns what a matrix is for by its name.
func useOf(name string, head bool) nn.Use {
	stem := strings.TrimSuffix(name, ".weight")
	switch {
	case isHead(name), isVocabulary(stem) && !head && !strings.Contains(stem, "per_layer"):
		return nn.Head
	case isVocabulary(stem):
		return nn.Lookups
	}
	return nn.Products
}

type source struct {
	checkpoint.Source
	matrices  map[string]matrix // those that are converted
	converted func(nn.Matrix, tensor.DType, nn.Deviation)
}

type matrix struct {
	nn.Matrix
	kept tensor.DType
	info checkpoint.Info
}

func (s *source) Lookup(name string) (checkpoint.Info, bool) {
	if m, ok := s.matrices[name]; ok {
		return m.info, true
	}
	return s.Source.Lookup(name)
}

func (s *source) Bytes(name string) ([]byte, error) {
	m, ok := s.matrices[name]
	if !ok {
		return s.Source.Bytes(name)
	}
	b, err := s.Source.Bytes(name)
	if err != nil {
		return nil, err
	}
	if m.info.Size > math.MaxInt {
		return nil, fmt.Errorf("quantize: tensor %q has %d bytes, which exceed the address space", name, m.info.Size)
	}
	t := &encoding{matrix: m, stored: b, blocks: make([]byte, m.info.Size), measure: s.converted != nil}
	rows := len(b) / max(1, m.DType.Bytes(m.In))
	parts := (rows + partRows - 1) / partRows
	t.deviations, t.notFinite = make([]nn.Deviation, parts), make([]bool, parts)
	parallel.Run(parallel.Width(), parts, t)
	if slices.Contains(t.notFinite, true) {
		return nil, fmt.Errorf("quantize: tensor %q has a value that is not finite: it cannot be kept as %v", name, m.kept)
	}
	if s.converted != nil {
		var all nn.Deviation
		for _, d := range t.deviations {
			all.Add(d)
		}
		s.converted(m.Matrix, m.kept, all)
	}
	return t.blocks, nil
}

func (s *source) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	m, ok := s.matrices[name]
	if !ok {
		return s.Source.Chunks(name, size)
	}
	return func(yield func([]byte, error) bool) {
		b, err := s.Bytes(name)
		if err != nil {
			yield(nil, err)
			return
		}
		_, block := m.kept.Block()
		for piece := range slices.Chunk(b, max(1, size/block)*block) {
			if !yield(piece, nil) {
				return
			}
		}
	}
}

// partRows is how many rows a processor converts at a time.
const partRows = 16

// encoding converts the rows of a matrix.
type encoding struct {
	matrix
	stored, blocks []byte
	measure        bool
	deviations     []nn.Deviation // of each part
	notFinite      []bool
}

func (t *encoding) Do(part, _ int) {
	from, to := t.DType.Bytes(t.In)*partRows, t.kept.Bytes(t.In)*partRows
	stored, blocks := t.stored[part*from:], t.blocks[part*to:]
	stored, blocks = stored[:min(len(stored), from)], blocks[:min(len(blocks), to)]
	values := make([]float32, len(stored)/t.DType.Bytes(t.In)*t.In)
	t.DType.Decode(values, stored)
	t.kept.Encode(blocks, values)
	if t.notFinite[part] = !vec.Finite(values); t.measure && !t.notFinite[part] {
		others := make([]float32, len(values))
		t.kept.Decode(others, blocks)
		t.deviations[part].Compare(values, others)
	}
}
