package cost

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/tensor"
)

// Format is a way to store numbers: Elements neighbours in a row take Bytes bytes. A Format of one element has
// no scales; those with more share one scale among them, which counts.
type Format struct {
	Name     string
	Elements int64
	Bytes    int64
}

// The formats of published checkpoints and files.
var (
	F32   = Format{"F32", 1, 4}
	BF16  = Format{"BF16", 1, 2}
	F16   = Format{"F16", 1, 2}
	FP8   = Format{"FP8", 128 * 128, 128*128 + 4} // DeepSeek V3: a float32 scale for each block of 128×128
	Q8_0  = FormatOf(tensor.Q8_0)                 // GGUF
	Q6_K  = FormatOf(tensor.Q6_K)                 // GGUF
	Q4_K  = FormatOf(tensor.Q4_K)                 // GGUF
	MXFP4 = FormatOf(tensor.MXFP4)                // gpt-oss: a byte of scale for each 32 elements
)

// FormatOf returns the format of a type of weights, such as those of GGUF files.
func FormatOf(d tensor.DType) Format {
	elements, bytes := d.Block()
	return Format{d.String(), int64(elements), int64(bytes)}
}

// Of returns the bytes of n elements, rounded up to whole bytes.
func (f Format) Of(n int64) int64 {
	whole := n / f.Elements * f.Bytes
	return whole + (n%f.Elements*f.Bytes+f.Elements-1)/f.Elements
}

// Weights returns the bytes of all parameters in a checkpoint of one format. Vectors, such as biases and the
// weights of norms, are never in less than 16 bits.
func (m *Model) Weights(f Format) int64 { return m.WeightsMixed(f, f) }

// WeightsMixed is [Model.Weights] with another format for the experts than for the rest: gpt-oss has experts
// in [MXFP4] and the rest in [BF16].
func (m *Model) WeightsMixed(experts, rest Format) int64 {
	in := m.expertMatrices()
	return experts.Of(in) + rest.Of(m.matrices-in) + vectors(rest).Of(m.Parameters-m.matrices)
}

func vectors(f Format) Format {
	if f.Elements > 1 {
		return BF16
	}
	return f
}

// expertMatrices returns the elements of the experts' matrices, without biases.
func (m *Model) expertMatrices() int64 {
	n := int64(0)
	for _, mix := range m.once().Mixtures {
		for _, e := range mix.Experts {
			n += elements(e.Gate) + elements(e.Up) + elements(e.Down)
		}
	}
	return n
}

// Memory returns the bytes that the library takes for the weights once the model is open: matrices packed in
// their type, tables, and vectors in float32. While it reads a checkpoint it needs some 16 MB more, or as much
// as the largest matrix that is stored transposed; the file's own pages are the system's.
func (m *Model) Memory() int64 {
	w := m.once()
	if m.decoder != nil { // a long text may go through other matrices than a token
		w.Add(m.decoder.Work(attention.Span{Rows: 1 << 20, Out: 1 << 20, Source: 1}))
	}
	bytes, all := int64(0), w.Weights()
	for _, t := range m.trunks() {
		all = append(all, t.Embeddings.Tables()...)
	}
	seen := map[*tensor.Weight]bool{nil: true}
	for _, w := range all {
		if !seen[w] {
			seen[w] = true
			bytes += w.Bytes()
		}
	}
	return bytes + 4*(m.Parameters-m.matrices)
}

// Read returns the bytes of weights that one more token reads: the packed matrices that it is multiplied by,
// and a row of each table. Memory bandwidth bounds the speed of writing by it.
func (m *Model) Read() int64 {
	if m.decoder == nil {
		return 0
	}
	n := int64(0)
	w := m.decoder.Work(attention.Span{Rows: 1, Out: 1, Source: 1})
	for _, p := range w.Products {
		n += p.Weight.Bytes()
	}
	for _, mix := range w.Mixtures {
		for _, e := range mix.Experts[:min(mix.Active, len(mix.Experts))] {
			n += e.Gate.Bytes() + e.Up.Bytes() + e.Down.Bytes()
		}
	}
	return n
}

// Cache is the memory of the keys and values of one text, in bytes, by what limits it.
type Cache struct {
	Full   int64 // layers that see the whole text
	Window int64 // layers that see a window, or the present chunk
	Latent int64 // layers that keep one latent row for all heads (MLA)
	Cross  int64 // keys and values of an encoder's output
	State  int64 // states that do not grow with the text, in float32
}

// Total returns all bytes.
func (c Cache) Total() int64 { return c.Full + c.Window + c.Latent + c.Cross + c.State }

// Cache returns what a decoder has to keep of a text of n tokens in order to continue it, in this format.
// Layers that share keys and values count once. Windows and chunks keep what the last token sees. The library
// itself allocates pages of 128 tokens, and keeps one page more than a window needs.
func (m *Model) Cache(n int, f Format) Cache {
	var c Cache
	for _, l := range m.caches {
		if l.State > 0 {
			c.State += 4 * int64(l.State)
			continue
		}
		first, _ := l.Mask.Range(max(n-1, 0))
		bytes := cacheBytes(l, max(n, 0)-first, f)
		switch {
		case l.ValuesInKeys:
			c.Latent += bytes
		case l.Mask.Window > 0 || l.Mask.Chunk > 0:
			c.Window += bytes
		default:
			c.Full += bytes
		}
	}
	for _, l := range m.cross {
		c.Cross += cacheBytes(l, m.source, f)
	}
	return c
}

// cacheBytes returns what a layer keeps of some tokens in a format. Blocks of Q8_0 do not go beyond a key or value, and
// a last one that is shorter has a whole scale.
func cacheBytes(l attention.CacheLayer, tokens int, f Format) int64 {
	if f != Q8_0 {
		return f.Of(int64(tokens) * Width(l))
	}
	blocks := func(dim int) int64 { return (int64(dim) + f.Elements - 1) / f.Elements }
	perHead := blocks(l.KeyDim)
	if !l.ValuesInKeys {
		perHead += blocks(l.ValueDim)
	}
	return int64(tokens) * (Width(l) + int64(l.KVHeads)*perHead*(f.Bytes-f.Elements))
}

// CacheWidth returns the number of values that all layers keep of each token, while no window is full.
func (m *Model) CacheWidth() int64 {
	n := int64(0)
	for _, l := range m.caches {
		n += Width(l)
	}
	return n
}

// Width returns the number of values that a layer keeps of each token.
func Width(l attention.CacheLayer) int64 {
	n := l.KeyDim
	if !l.ValuesInKeys {
		n += l.ValueDim
	}
	return int64(l.KVHeads) * int64(n)
}
