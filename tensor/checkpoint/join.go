package checkpoint

import (
	"errors"
	"iter"

	"github.com/seed2010d43f/transformer/tensor"
)

// Join shows several Sources as one, such as a model's trunk in one file and its head in another. It returns
// [ErrDuplicate] if two of them have a tensor of the same name. The returned Source uses them, and closes
// them. None of them may be a [Maker].
func Join(sources ...Source) (Source, error) {
	j := &joined{sources: sources, of: map[string]Source{}}
	for _, s := range sources {
		for name := range s.Names() {
			if j.of[name] != nil {
				return nil, &Error{Tensor: name, Kind: ErrDuplicate, Detail: "two of the joined sources have it"}
			}
			j.of[name] = s
		}
	}
	return j, nil
}

type joined struct {
	sources []Source
	of      map[string]Source
}

// Names implements Source.
func (j *joined) Names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range j.sources {
			for name := range s.Names() {
				if !yield(name) {
					return
				}
			}
		}
	}
}

// Lookup implements Source.
func (j *joined) Lookup(name string) (Info, bool) {
	if s := j.of[name]; s != nil {
		return s.Lookup(name)
	}
	return Info{}, false
}

// Bytes implements Source.
func (j *joined) Bytes(name string) ([]byte, error) {
	if s := j.of[name]; s != nil {
		return s.Bytes(name)
	}
	return nil, &Error{Tensor: name, Kind: ErrNotFound}
}

// Chunks implements Source.
func (j *joined) Chunks(name string, size int) iter.Seq2[[]byte, error] {
	if s := j.of[name]; s != nil {
		return s.Chunks(name, size)
	}
	return func(yield func([]byte, error) bool) { yield(nil, &Error{Tensor: name, Kind: ErrNotFound}) }
}

// InPlace implements InPlace.
func (j *joined) InPlace(name string) (tensor.Stored, bool) {
	if s, ok := j.of[name].(InPlace); ok {
		return s.InPlace(name)
	}
	return tensor.Stored{}, false
}

// Check implements InPlace.
func (j *joined) Check() error {
	var errs []error
	for _, s := range j.sources {
		if s, ok := s.(InPlace); ok {
			errs = append(errs, s.Check())
		}
	}
	return errors.Join(errs...)
}

// Release implements Source.
func (j *joined) Release(name string) {
	if s := j.of[name]; s != nil {
		s.Release(name)
	}
}

// Close implements Source.
func (j *joined) Close() error {
	var errs []error
	for _, s := range j.sources {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
