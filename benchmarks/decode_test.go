package benchmarks

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// BenchmarkDecode is one token of a model that reads its own text, at positions 0 to 127. All weights
// are read for it, so the bandwidth of memory is its bound.
func BenchmarkDecode(b *testing.B) { benchModels(b, benchDecode) }

// BenchmarkPrompt is the first 512 tokens of a text at once. Floating-point operations are its bound, and
// nearer to reach, the model's matrix products alone: %gemm is their time by the time of the whole.
func BenchmarkPrompt(b *testing.B) { benchModels(b, benchPrompt) }

// benchModels runs a benchmark on each model, which is loaded when it is first needed and kept for all
// of -cpu and -count. The larger one has random weights; so has the smaller one, and then says so, if
// TRANSFORMER_REAL does not tell where it is.
func benchModels(b *testing.B, bench func(b *testing.B, d *model.Decoder)) {
	b.Run("llama-1b", func(b *testing.B) {
		if testing.Short() {
			b.Skip("-short: the model takes 2.5 GB in bf16 and 4.9 GB in f32")
		}
		benchTypes(b, llama1B, llama1B.random, bench, slices.Concat(wideKinds, blockKinds)...)
	})
	b.Run("smollm2-135m", func(b *testing.B) {
		dir := folder(b, "TRANSFORMER_REAL", "smollm2-135m-instruct")
		benchTypes(b, smolLM135M, func(dt tensor.DType, p nn.Precision) (*model.Decoder, error) {
			keep := nn.As(dt)
			return model.OpenDecoder(os.DirFS(dir), model.Options{Convert: keep, Precision: p})
		}, bench, wideKinds...)
	})
	if os.Getenv("TRANSFORMER_REAL") == "" {
		b.Run("smollm2-135m-random", func(b *testing.B) {
			benchTypes(b, smolLM135M, smolLM135M.random, bench, wideKinds...)
		})
	}
	benchFiles(b, bench)
}

// benchFiles runs a benchmark on each GGUF file in the folder that TRANSFORMER_REAL names.
func benchFiles(b *testing.B, bench func(b *testing.B, d *model.Decoder)) {
	dir := os.Getenv("TRANSFORMER_REAL")
	names, err := fs.Glob(os.DirFS(dir), "*.gguf")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range names {
		b.Run(strings.TrimSuffix(name, ".gguf"), func(b *testing.B) {
			for _, kind := range []struct {
				name      string
				precision nn.Precision
			}{{"fast", nn.Automatic}, {"exact", nn.Exact}} {
				get := sync.OnceValues(func() (*model.Decoder, error) {
					return model.OpenDecoder(os.DirFS(dir), model.Options{GGUF: name, Precision: kind.precision})
				})
				run(b, kind.name, func(b *testing.B) {
					d, err := get()
					if err != nil {
						b.Fatal(err)
					}
					bench(b, d)
				})
			}
		})
	}
}

// weightKind is a type of weights and the arithmetic with them.
type weightKind struct {
	name      string
	dt        tensor.DType
	precision nn.Precision
}

var (
	wideKinds  = []weightKind{{"f32", tensor.F32, nn.Exact}, {"bf16", tensor.BF16, nn.Exact}, {"bf16-rounding", tensor.BF16, nn.BF16Activations}}
	blockKinds = []weightKind{{"q8_0", tensor.Q8_0, nn.Automatic}, {"q6_k", tensor.Q6_K, nn.Automatic}, {"q5_0", tensor.Q5_0, nn.Automatic},
		{"q4_0", tensor.Q4_0, nn.Automatic}, {"q4_k", tensor.Q4_K, nn.Automatic}}
)

func benchTypes(b *testing.B, shape llamaShape, load func(tensor.DType, nn.Precision) (*model.Decoder, error), bench func(*testing.B, *model.Decoder), kinds ...weightKind) {
	for _, kind := range kinds {
		if lack := lacksMemory(int64(kind.dt.Bytes(shape.parameters()))); lack != "" {
			b.Run(kind.name, func(b *testing.B) { b.Skip(lack) })
			continue
		}
		get := sync.OnceValues(func() (*model.Decoder, error) { return load(kind.dt, kind.precision) })
		run(b, kind.name, func(b *testing.B) {
			d, err := get()
			if err != nil {
				b.Fatal(err)
			}
			bench(b, d)
		})
	}
}

func benchDecode(b *testing.B, d *model.Decoder) {
	const length = 128
	ids := tokens(length, d.Vocab)
	s := d.NewSession(model.SessionOptions{Reserve: length})
	feed(b, s, ids[:8]) // scratch memory
	bytes := float64(readBytes(d))
	b.ReportAllocs()
	meter := newMeter(b, ofBandwidth(bytes))
	for b.Loop() {
		if s.Len() == length {
			rewind(b, s)
		}
		feed(b, s, ids[s.Len():s.Len()+1])
		meter.lap()
	}
	meter.report()
	perSecond(b, "tok/s", 1)
	perSecond(b, "GB/s", bytes/1e9)
}

func benchPrompt(b *testing.B, d *model.Decoder) {
	const length = 512
	ids := tokens(length, d.Vocab)
	s := d.NewSession(model.SessionOptions{Reserve: length})
	feed(b, s, ids)
	alone := newProductsAlone(d, length)
	meter := newMeter(b, ofPeak(alone.flops()+attentionFlops(d, length)), limit{"%gemm", 1, alone.rate})
	for b.Loop() {
		rewind(b, s)
		feed(b, s, ids)
		meter.lap()
	}
	meter.report()
	perSecond(b, "tok/s", length)
}

func feed(b *testing.B, s *model.Session, ids []int) {
	if err := s.Append(ids...); err != nil {
		b.Fatal(err)
	}
}

func rewind(b *testing.B, s *model.Session) {
	if err := s.Rewind(0); err != nil {
		b.Fatal(err)
	}
}

// attentionFlops returns the operations of attention for the pairs of tokens that see each other.
func attentionFlops(d *model.Decoder, length int) float64 {
	pairs := float64(length) * float64(length+1) / 2
	flops := 0.0
	for _, blk := range d.Blocks {
		for _, r := range blk {
			if a, ok := r.Op.(*attention.MultiHead); ok {
				flops += 4 * pairs * float64(a.Heads*a.HeadDim)
			}
		}
	}
	return flops
}

// productsAlone is the matrix products of a prompt and nothing else.
type productsAlone struct {
	layers []*tensor.Weight
	head   *tensor.Weight
	rows   int
	x, y   []float32
}

func newProductsAlone(d *model.Decoder, rows int) *productsAlone {
	p := &productsAlone{rows: rows}
	p.layers, p.head = products(d)
	in, out := p.head.In, p.head.Out
	for _, w := range p.layers {
		in, out = max(in, w.In*rows), max(out, w.Out*rows)
	}
	p.x, p.y = make([]float32, in), make([]float32, out)
	fill(p.x)
	return p
}

func (p *productsAlone) flops() float64 {
	n := 2 * float64(p.head.In) * float64(p.head.Out)
	for _, w := range p.layers {
		n += 2 * float64(w.In) * float64(w.Out) * float64(p.rows)
	}
	return n
}

func (p *productsAlone) run() {
	for _, w := range p.layers {
		p.product(w, p.rows)
	}
	p.product(p.head, 1)
}

func (p *productsAlone) product(w *tensor.Weight, rows int) {
	tensor.MatMul(tensor.From(p.y[:rows*w.Out], rows, w.Out), tensor.From(p.x[:rows*w.In], rows, w.In), w)
}

// rate returns prompts a second: of one run if it is long, or else the median.
func (p *productsAlone) rate() float64 {
	var rates []float64
	for begin := time.Now(); len(rates) == 0 || time.Since(begin) < sliceTime/2; {
		start := time.Now()
		p.run()
		rates = append(rates, 1/time.Since(start).Seconds())
	}
	return median(rates)
}
