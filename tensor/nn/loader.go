package nn

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Options say how a [Loader] reads weights.
type Options struct {
	// Convert, if not nil, returns the type in which a matrix of the stored type is kept. If it is nil,
	// matrices keep the stored type. Conversion to a wider type is exact; to BF16 and F16 it rounds to
	// nearest even.
	Convert func(stored tensor.DType) tensor.DType

	// Precision says whether products with the matrices round activations.
	Precision tensor.Precision

	// Valid, if not nil, is called before each weight is read. If it returns an error, no more weights are
	// read: a wrong config then fails early.
	Valid func() error

	// NoHead has [Loader.Head] return an empty layer: the projection to the vocabulary is not read.
	NoHead bool

	// Progress, if not nil, is called after each weight with the number of bytes read so far and in all.
	Progress func(done, total int64)
}

// Loader reads the layers of a model by the names of their weights in a checkpoint. Loaders made with
// [Loader.At] share errors and progress with the Loader they come from. One goroutine at a time may use them.
// After an error the layers are empty and must not compute.
type Loader struct {
	prefix string
	*load
}

type load struct {
	src         checkpoint.Source
	opt         Options
	errs        []error
	invalid     bool // Valid has said so: nothing is read any more
	asked       map[string]bool
	slab        *tensor.Slab
	done, total int64
	derived     int64 // bytes of what is computed from weights
}

// NewLoader returns a Loader of the weights in src.
func NewLoader(src checkpoint.Source, opt Options) Loader {
	l := &load{src: src, opt: opt, asked: map[string]bool{}}
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		l.total += info.Size
	}
	l.slab = tensor.NewSlab(l.total)
	return Loader{"", l}
}

// At returns a Loader that puts the formatted prefix and a dot before every name.
func (l Loader) At(format string, args ...any) Loader {
	return Loader{l.prefix + fmt.Sprintf(format, args...) + ".", l.load}
}

// Layers yields l.At(name.0), l.At(name.1), … for n layers. It stops at the first error, so that a config
// with a billion layers does not take for ever.
func (l Loader) Layers(name string, n int) iter.Seq2[int, Loader] {
	return func(yield func(int, Loader) bool) {
		for i := 0; i < n && len(l.errs) == 0; i++ {
			if !yield(i, l.At("%s.%d", name, i)) {
				return
			}
		}
	}
}

// Root returns l.At(prefix), or l itself if the checkpoint has the tensor probe only without the prefix.
// Checkpoints hold the body of a model either alone, or under a prefix beside a head.
func (l Loader) Root(prefix, probe string) Loader {
	if !l.Has(prefix+"."+probe) && l.Has(probe) {
		return l
	}
	return l.At("%s", prefix)
}

// Prefix returns what this Loader puts before every name.
func (l Loader) Prefix() string { return l.prefix }

// Has reports whether the checkpoint has a tensor with this name.
func (l Loader) Has(name string) bool {
	_, ok := l.src.Lookup(l.prefix + name)
	return ok
}

// HasBelow reports whether the checkpoint has a tensor whose name begins with the prefix. A [checkpoint.Maker]
// makes any.
func (l Loader) HasBelow(prefix string) bool {
	if _, ok := l.src.(checkpoint.Maker); ok {
		return true
	}
	for name := range l.src.Names() {
		if strings.HasPrefix(name, l.prefix+prefix) {
			return true
		}
	}
	return false
}

// Equal reports whether the checkpoint has tensors a and b with the same type, shape and values. If so, a
// counts as asked for.
func (l Loader) Equal(a, b string) bool {
	x, okA := l.src.Lookup(l.prefix + a)
	y, okB := l.src.Lookup(l.prefix + b)
	if !okA || !okB || x.DType != y.DType || !slices.Equal(x.Shape, y.Shape) {
		return false
	}
	p, errA := l.src.Bytes(l.prefix + a)
	q, errB := l.src.Bytes(l.prefix + b)
	if errA != nil || errB != nil || !bytes.Equal(p, q) {
		return false
	}
	if full := l.prefix + a; !l.asked[full] {
		l.asked[full] = true
		l.read(full)
	}
	return true
}

// Ignore accepts unread tensors for which match returns true as leftovers, such as the buffers in old
// checkpoints. match is called for every tensor that was not asked for so far.
func (l Loader) Ignore(match func(name string) bool) {
	for name := range l.src.Names() {
		if !l.asked[name] && match(name) {
			l.asked[name] = true
			l.read(name)
		}
	}
}

// Fail records an error that the recipe found itself.
func (l Loader) Fail(err error) { l.errs = append(l.errs, err) }

const maxErrors = 20 // shown; a wrong config makes every weight wrong

// Err returns all errors so far, joined, or nil. If all is true it also reports tensors of the checkpoint
// that were not asked for: a model without them would compute something else.
func (l Loader) Err(all bool) error {
	errs, n := l.errs, len(l.errs)
	if all && n == 0 {
		for name := range l.src.Names() {
			if l.asked[name] {
				continue
			}
			if n++; n <= maxErrors {
				errs = append(errs, fmt.Errorf("nn: the model has no place for the checkpoint's tensor %.500q", name))
			}
		}
	}
	if n > maxErrors {
		errs = append(errs[:maxErrors:maxErrors], fmt.Errorf("nn: and %d more", n-maxErrors))
	}
	return errors.Join(errs...)
}

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
		l.prefix+name, rows, dim, l.derived, l.total))
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
	full := l.prefix + name
	l.asked[full] = true
	if m, ok := l.src.(checkpoint.Maker); ok {
		m.Make(full, tensor.Of(dims...))
	}
	info, ok := l.src.Lookup(full)
	if !ok {
		l.Fail(fmt.Errorf("nn: the checkpoint has no tensor %q of shape %v%s", full, dims, l.near(full)))
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

// near names a tensor whose name ends like the missing one, as under another prefix.
func (l Loader) near(full string) string {
	for rest, ok := full, true; ok && strings.Contains(rest, "."); _, rest, ok = strings.Cut(rest, ".") {
		for name := range l.src.Names() {
			if name == rest || strings.HasSuffix(name, "."+rest) {
				return fmt.Sprintf("; it has %.500q", name)
			}
		}
	}
	return ""
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
	l.src.Release(l.prefix + name)
	l.read(l.prefix + name)
}
