package nn

import (
	"fmt"
	"iter"
	"slices"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Options say how a [Loader] reads weights.
type Options struct {
	// Convert, if not nil, returns the type in which a stored matrix is kept. If it is nil, matrices keep the stored
	// type. Conversion to a wider type is exact; to others it is that of [tensor.DType.Encode], and where rows are not
	// whole blocks of the type, [tensor.DType.Fit] finds another. It may be asked about a matrix more than once.
	Convert func(m Matrix) tensor.DType

	// Converted, if not nil, is told of each tensor that was converted to a type with blocks, and how far its values
	// are from those that are stored. That takes some time.
	Converted func(m Matrix, kept tensor.DType, d Deviation)

	// Precision says whether products with the matrices round activations.
	Precision Precision

	// Experts says where the experts of a mixture lie.
	Experts Placement

	// Valid, if not nil, is called before each weight is read. If it returns an error, no more weights are
	// read: a wrong config then fails early.
	Valid func() error

	// NoHead has [Loader.Head] return an empty layer: the projection to the vocabulary is not read.
	NoHead bool

	// Progress, if not nil, is called after each weight with the number of bytes read so far and in all.
	Progress func(done, total int64)

	// Skip, if not nil, is asked for each tensor that the model has no place for; those for which it returns true
	// are left out. Others are an error, but for those that [IsSideTensor] reports.
	Skip func(name string) bool

	// Skipped, if not nil, is told the name of each tensor that is left out: those of Skip, those of
	// [IsSideTensor], and those that a recipe knows to be no weights of the model.
	Skipped func(name string)
}

// Placement says where a matrix is while a model is in use.
type Placement uint8

const (
	// Packed is in memory of the model, in an order that products read fast.
	Packed Placement = iota

	// Mapped is where the file has it. Nothing is copied and nothing is converted: the matrix keeps the stored type,
	// whatever [Options.Convert] says. The system reads what products ask for, keeps it while there is memory, and
	// drops what has not been used for long. The Source must stay open; see [Loader.InPlace]. What is stored in parts,
	// such as the blocks and scales of quantised weights, cannot be mapped.
	Mapped
)

// Loader reads the layers of a model by the names of their weights in a checkpoint. Loaders made with
// [Loader.At] share errors and progress with the Loader they come from. One goroutine at a time may use them.
// After an error the layers are empty and must not compute.
type Loader struct {
	prefix string
	use    Use // of what is read
	*load
}

type load struct {
	src         checkpoint.Source
	opt         Options
	outer       string          // comes before every name in the checkpoint: see Root
	tied        map[string]*tie // by each name
	errs        []error
	invalid     bool // Valid has said so: nothing is read any more
	asked       map[string]bool
	slab        *tensor.Slab
	buffers     []packBuffers // of each worker
	done, total int64
	derived     int64 // bytes of what is computed from weights
	inPlace     bool  // some matrices are read from the source later

	converting converting

	shapes bool      // there are no data: src is a checkpoint.Shapes
	zeros  []float32 // what stands for vectors then
	made   int       // matrices without memory
}

// NewLoader returns a Loader of the weights in src. Names are those inside of the wrappers of PyTorch: module. of
// DataParallel in front, and _orig_mod, of torch.compile, anywhere.
func NewLoader(src checkpoint.Source, opt Options) Loader {
	l := &load{src: unwrapped(src), opt: opt, asked: map[string]bool{}, tied: map[string]*tie{},
		converting: converting{matrices: map[string]converted{}}}
	for name := range src.Names() {
		l.converting.layers = max(l.converting.layers, LayerOf(name)+1)
	}
	_, l.shapes = src.(*checkpoint.Shapes)
	room := int64(0)
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		l.total += info.Size
		room += Loader{load: l}.kept(info)
	}
	if opt.Experts == Mapped { // most weights need none
		room = 0
	}
	l.slab = tensor.NewSlab(room)
	return Loader{load: l}
}

// At returns a Loader that puts the formatted prefix and a dot before every name.
func (l Loader) At(format string, args ...any) Loader {
	return Loader{l.prefix + fmt.Sprintf(format, args...) + ".", l.use, l.load}
}

// Layers yields l.At(name.0), l.At(name.1), … for n layers. It stops at the first error, so that a config
// with a billion layers does not take for ever.
func (l Loader) Layers(name string, n int) iter.Seq2[int, Loader] {
	if LayerOf(l.prefix) < 0 {
		l.converting.layers = max(l.converting.layers, n)
	}
	return func(yield func(int, Loader) bool) {
		for i := 0; i < n && len(l.errs) == 0; i++ {
			if !yield(i, l.At("%s.%d", name, i)) {
				return
			}
		}
	}
}

// ShapesOnly reports whether the checkpoint has no data (a [checkpoint.Shapes]): matrices then come without
// memory, see [tensor.Describe], and vectors share theirs. A recipe that computes something from weights asks.
func (l Loader) ShapesOnly() bool { return l.shapes }

// Fail records an error that the recipe found itself.
func (l Loader) Fail(err error) { l.errs = append(l.errs, err) }

// A model that is opened may keep derivedFactor times the bytes of its weights, and derivedBytes, of what it
// computes from them. Of published models it is less than a third.
const derivedFactor, derivedBytes = 2, 16 << 20

// Derive asks for room for a float32 matrix [rows, dim] that is computed from weights and kept. It records an
// error and returns false if all such matrices together are out of proportion to the checkpoint: a number in
// a config must not allocate gigabytes. There is no limit for a [checkpoint.Maker].
func (l Loader) Derive(name string, rows, dim int) bool {
	if _, ok := l.src.(checkpoint.Maker); ok {
		return true
	}
	l.derived += 4 * int64(rows) * int64(dim)
	if l.derived <= derivedFactor*l.total+derivedBytes {
		return true
	}
	l.Fail(fmt.Errorf("nn: %q, [%d, %d], is computed from weights; with it, such tables take %d bytes and all weights only %d",
		l.full(name), rows, dim, l.derived, l.total))
	return false
}

// lookup returns the tensor's type if it is there, in this shape, as a type that weights can have.
func (l Loader) lookup(name string, dims ...int) (tensor.DType, bool) {
	if l.invalid {
		return 0, false
	}
	if l.opt.Valid != nil {
		if err := l.opt.Valid(); err != nil {
			l.invalid = true
			l.Fail(err)
			return 0, false
		}
	}
	full := l.full(name)
	l.asked[full] = true
	if m, ok := l.src.(checkpoint.Maker); ok {
		m.Make(full, tensor.Of(dims...))
	}
	info, ok := l.src.Lookup(full)
	if !ok {
		l.Fail(fmt.Errorf("nn: the checkpoint has no tensor %q of shape %v%s%s", full, dims, l.orTied(full), l.near(full)))
		return 0, false
	}
	if !slices.Equal(info.Shape, dims) {
		l.Fail(fmt.Errorf("nn: tensor %q has shape %.200s, the config asks for %v", full, fmt.Sprint(info.Shape), dims))
		return 0, false
	}
	dt, err := info.DType.Tensor()
	if err != nil {
		l.Fail(fmt.Errorf("nn: tensor %q: %w", full, err))
		return 0, false
	}
	return dt, true
}

// read counts a tensor, by its full name, as read.
func (l Loader) read(name string) {
	info, _ := l.src.Lookup(name)
	l.done += info.Size
	if l.opt.Progress != nil {
		l.opt.Progress(l.done, l.total)
	}
}

func (l Loader) consumed(name string) {
	l.src.Release(l.full(name))
	l.reportConversion(l.full(name))
	l.read(l.full(name))
}
