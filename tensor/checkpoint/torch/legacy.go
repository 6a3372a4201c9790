package torch

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// oldMagic is how files of the form before zip start: a pickle of a number.
const oldMagic = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

// readOld reads the form before PyTorch 1.6: pickles of a magic number, a version, facts on the writer, the
// dictionary and the keys of its storages; then each storage, after the number of its elements.
func readOld(f *checkpoint.File) (checkpoint.Contents, error) {
	program, err := f.Read(0, min(f.Size(), maxProgram))
	if err != nil {
		return checkpoint.Contents{}, err
	}
	u := newUnpickler(program)
	u.take(uint32(len(oldMagic)))
	var parts [4]value
	for i := range parts {
		if parts[i], err = u.run(); err != nil {
			return checkpoint.Contents{}, noPickle("%v", err)
		}
	}
	if parts[0] != number(1001) {
		return checkpoint.Contents{}, noPickle("it has another version than 1001")
	}
	if facts, ok := parts[1].(*dictionary); !ok || slices.Contains(facts.items, item{"little_endian", truth(false)}) {
		return checkpoint.Contents{}, noPickle("it does not say that its numbers are little-endian")
	}
	used := int64(len(program) - len(u.in))
	extents, err := oldStorages(f, parts[2], parts[3], used)
	if err != nil {
		return checkpoint.Contents{}, err
	}
	return contents(parts[2], used, func(a *stored) (extent, bool) {
		e, ok := extents[a.key]
		return e, ok
	})
}

// oldStorages finds the storages, whose sizes are known from the tensors in them, from offset on.
func oldStorages(f *checkpoint.File, state, keys value, offset int64) (map[string]extent, error) {
	used := map[string]*stored{}
	if d, ok := state.(*dictionary); ok {
		for _, it := range d.items {
			if a, ok := it.value.(*array); ok {
				used[a.key] = a.stored
			}
		}
	}
	order, ok := keys.(*list)
	if !ok {
		return nil, noPickle("the keys of the storages are %s", keys.what())
	}
	extents := map[string]extent{}
	for _, k := range order.items {
		key, _ := k.(text)
		a := used[string(key)]
		if _, twice := extents[string(key)]; twice || a == nil {
			return nil, noPickle("storage %.100q is given twice or has no tensor", key)
		}
		size, ok := a.dtype.Size(a.n)
		if !ok || f.Size()-offset < 8 || size > f.Size()-offset-8 {
			return nil, &checkpoint.Error{Kind: checkpoint.ErrStorage, Detail: fmt.Sprintf("storage %.100q: %d elements of %s from byte %d on of %d", key, a.n, a.dtype, offset, f.Size())}
		}
		n, err := f.Read(offset, 8)
		if err != nil {
			return nil, err
		}
		if n := binary.LittleEndian.Uint64(n); n != uint64(a.n) {
			return nil, &checkpoint.Error{Kind: checkpoint.ErrStorage, Detail: fmt.Sprintf("storage %.100q has %d elements, the tensors say %d", key, n, a.n)}
		}
		extents[string(key)] = extent{offset + 8, size}
		offset += 8 + size
	}
	return extents, nil
}
