package checkpoint

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// OpenTorch opens one file that torch.save wrote, in the zip format or the one before PyTorch 1.6: a
// dictionary from names to tensors or parameters, as a module's state_dict is. It is a Python pickle,
// which is interpreted and never run: operations and calls that such a dictionary is not made of are
// refused by name. See [Open] for how it is read, and PyTorch's torch/serialization.py for the format.
//
// Tensors that share memory, as tied weights do, are given under each of their names. One that is
// stored in another order than row-major, as a transpose is, is copied into order each time it is read.
//
// What is not such a dictionary is refused with [ErrPickle], and so are compressed and encrypted zip
// files, big-endian numbers, and numbers of quantised and rare types; a tensor that does not lie within
// its storage with [ErrStorage].
func OpenTorch(fsys fs.FS, name string) (*Files, error) { return openOne(fsys, name, readTorch) }

const (
	// maxProgram bounds a pickle: it has some 250 bytes for a tensor.
	maxProgram = 1 << 24

	// oldMagic is how files of the form before zip start: a pickle of a number.
	oldMagic = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
)

// readTorch reads what a file of torch.save contains.
func readTorch(file string, s storage) (contents, error) {
	start, err := s.view(nil, 0, min(s.size(), int64(len(oldMagic))))
	if err != nil {
		return contents{}, &Error{File: file, Kind: ErrReadFile, Cause: err}
	}
	switch {
	case bytes.HasPrefix(start, []byte("PK")):
		return readArchive(file, s)
	case string(start) == oldMagic:
		return readOld(file, s)
	}
	return contents{}, noPickle(file, "it starts with %q", start)
}

// noPickle says what is wrong with a file, and what to do.
func noPickle(file, what string, args ...any) error {
	return &Error{File: file, Kind: ErrPickle, Detail: fmt.Sprintf(what, args...) +
		"; in Python, load it where it comes from and save it again with safetensors: save_pretrained, or safetensors.torch.save_file"}
}

// readArchive reads a zip file: a pickle, data.pkl, and a record for each storage.
func readArchive(file string, s storage) (contents, error) {
	records, err := readRecords(file, s)
	if err != nil {
		return contents{}, err
	}
	if r, ok := records["byteorder"]; ok {
		order, err := s.view(nil, r.offset, min(r.size, 16))
		if err != nil {
			return contents{}, &Error{File: file, Kind: ErrReadFile, Cause: err}
		}
		if string(order) != "little" {
			return contents{}, noPickle(file, "the byte order of its numbers is %q, expected \"little\"", order)
		}
	}
	r, ok := records["data.pkl"]
	if !ok || r.size > maxProgram {
		return contents{}, noPickle(file, "data.pkl has %d bytes, expected from 1 to %d", r.size, maxProgram)
	}
	program, err := s.view(nil, r.offset, r.size)
	if err != nil {
		return contents{}, &Error{File: file, Kind: ErrReadFile, Cause: err}
	}
	state, err := newUnpickler(program).run()
	if err != nil {
		return contents{}, noPickle(file, "data.pkl: %v", err)
	}
	const entry = 46 // bytes of a record in the directory, at least
	return place(file, state, r.size+entry*int64(len(records)), s.size(), func(a *stored) (extent, bool) {
		r, ok := records["data/"+a.key]
		return r, ok
	})
}

// extent is a part of a file.
type extent struct{ offset, size int64 }

// readRecords returns where the records of a zip file lie, by their names in its one folder. PyTorch
// does not check, and may not write, the sums of zip; neither does this.
func readRecords(file string, s storage) (map[string]extent, error) {
	z, err := zip.NewReader(storageReader{s}, s.size())
	if err != nil {
		return nil, noPickle(file, "%v", err)
	}
	records := map[string]extent{}
	var order []extent
	var folder string
	for i, f := range z.File {
		in, name, _ := strings.Cut(f.Name, "/")
		if i == 0 {
			folder = in
		}
		offset, err := f.DataOffset()
		size := f.UncompressedSize64
		_, twice := records[name]
		switch {
		case in != folder:
			return nil, noPickle(file, "%.100q is not in the folder %.100q, as the rest is", f.Name, folder)
		case twice:
			return nil, noPickle(file, "%.100q is there twice", f.Name)
		case err != nil:
			return nil, noPickle(file, "%.100q: %v", f.Name, err)
		case f.Method != zip.Store || f.Flags&1 != 0:
			return nil, noPickle(file, "%.100q is compressed or encrypted", f.Name)
		case size != f.CompressedSize64 || offset < 0 || offset > s.size() || size > uint64(s.size()-offset):
			return nil, noPickle(file, "%.100q: %d bytes from %d on are not within the file's %d", f.Name, size, offset, s.size())
		}
		records[name] = extent{offset, int64(size)}
		order = append(order, records[name])
	}
	slices.SortFunc(order, func(a, b extent) int { return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.size, b.size)) })
	for i := 1; i < len(order); i++ {
		if order[i-1].offset+order[i-1].size > order[i].offset {
			return nil, noPickle(file, "two of its records share the bytes from %d on", order[i].offset)
		}
	}
	return records, nil
}

// storageReader is what zip reads from.
type storageReader struct{ storage }

func (r storageReader) ReadAt(b []byte, off int64) (int, error) {
	n := max(0, min(int64(len(b)), r.size()-off))
	if off < 0 || n == 0 {
		return 0, io.EOF
	}
	got, err := r.view(b[:n:n], off, n)
	if err != nil {
		return 0, err
	}
	if copy(b, got) < len(b) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// readOld reads the form before zip: pickles of a magic number, a version, facts on the writer, the
// dictionary and the keys of its storages; then each storage, after the number of its elements.
func readOld(file string, s storage) (contents, error) {
	program, err := s.view(nil, 0, min(s.size(), maxProgram))
	if err != nil {
		return contents{}, &Error{File: file, Kind: ErrReadFile, Cause: err}
	}
	u := newUnpickler(program)
	u.take(uint32(len(oldMagic)))
	var parts [4]value
	for i := range parts {
		if parts[i], err = u.run(); err != nil {
			return contents{}, noPickle(file, "%v", err)
		}
	}
	if parts[0] != number(1001) {
		return contents{}, noPickle(file, "it has another version than 1001")
	}
	if facts, ok := parts[1].(*dictionary); !ok || slices.Contains(facts.items, item{"little_endian", truth(false)}) {
		return contents{}, noPickle(file, "it does not say that its numbers are little-endian")
	}
	used := int64(len(program) - len(u.in))
	extents, err := oldStorages(file, s, parts[2], parts[3], used)
	if err != nil {
		return contents{}, err
	}
	return place(file, parts[2], used, s.size(), func(a *stored) (extent, bool) {
		e, ok := extents[a.key]
		return e, ok
	})
}

// oldStorages finds the storages, whose sizes are known from the tensors in them, from offset on.
func oldStorages(file string, s storage, state, keys value, offset int64) (map[string]extent, error) {
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
		return nil, noPickle(file, "the keys of the storages are %s", keys.what())
	}
	extents := map[string]extent{}
	for _, k := range order.items {
		key, _ := k.(text)
		a := used[string(key)]
		if _, twice := extents[string(key)]; twice || a == nil {
			return nil, noPickle(file, "storage %.100q is given twice or has no tensor", key)
		}
		size, ok := a.dtype.Size(a.n)
		if !ok || s.size()-offset < 8 || size > s.size()-offset-8 {
			return nil, &Error{File: file, Kind: ErrStorage, Detail: fmt.Sprintf("storage %.100q: %d elements of %s from byte %d on of %d", key, a.n, a.dtype, offset, s.size())}
		}
		n, err := s.view(nil, offset, 8)
		if err != nil {
			return nil, &Error{File: file, Kind: ErrReadFile, Cause: err}
		}
		if n := binary.LittleEndian.Uint64(n); n != uint64(a.n) {
			return nil, &Error{File: file, Kind: ErrStorage, Detail: fmt.Sprintf("storage %.100q has %d elements, the tensors say %d", key, n, a.n)}
		}
		extents[string(key)] = extent{offset + 8, size}
		offset += 8 + size
	}
	return extents, nil
}
