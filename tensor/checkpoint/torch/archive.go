package torch

import (
	"archive/zip"
	"cmp"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// readArchive reads a zip file: a pickle, data.pkl, and a record for each storage.
func readArchive(f *checkpoint.File) (checkpoint.Contents, error) {
	records, err := readRecords(f)
	if err != nil {
		return checkpoint.Contents{}, err
	}
	if r, ok := records["byteorder"]; ok {
		order, err := f.Read(r.offset, min(r.size, 16))
		if err != nil {
			return checkpoint.Contents{}, err
		}
		if string(order) != "little" {
			return checkpoint.Contents{}, noPickle("the byte order of its numbers is %q, expected \"little\"", order)
		}
	}
	r, ok := records["data.pkl"]
	if !ok || r.size > maxProgram {
		return checkpoint.Contents{}, noPickle("data.pkl has %d bytes, expected from 1 to %d", r.size, maxProgram)
	}
	program, err := f.Read(r.offset, r.size)
	if err != nil {
		return checkpoint.Contents{}, err
	}
	state, err := newUnpickler(program).run()
	if err != nil {
		return checkpoint.Contents{}, noPickle("data.pkl: %v", err)
	}
	const entry = 46 // bytes of a record in the directory, at least
	return contents(state, r.size+entry*int64(len(records)), func(a *stored) (extent, bool) {
		r, ok := records["data/"+a.key]
		return r, ok
	})
}

// extent is a part of a file.
type extent struct{ offset, size int64 }

// readRecords returns where the records of a zip file lie, by their names in its one folder. PyTorch
// does not check, and may not write, the sums of zip; neither does this.
func readRecords(f *checkpoint.File) (map[string]extent, error) {
	z, err := zip.NewReader(f, f.Size())
	if err != nil {
		return nil, noPickle("%v", err)
	}
	records := map[string]extent{}
	var order []extent
	var folder string
	for i, r := range z.File {
		in, name, _ := strings.Cut(r.Name, "/")
		if i == 0 {
			folder = in
		}
		offset, err := r.DataOffset()
		size := r.UncompressedSize64
		_, twice := records[name]
		switch {
		case in != folder:
			return nil, noPickle("%.100q is not in the folder %.100q, as the rest is", r.Name, folder)
		case twice:
			return nil, noPickle("%.100q is there twice", r.Name)
		case err != nil:
			return nil, noPickle("%.100q: %v", r.Name, err)
		case r.Method != zip.Store || r.Flags&1 != 0:
			return nil, noPickle("%.100q is compressed or encrypted", r.Name)
		case size != r.CompressedSize64 || offset < 0 || offset > f.Size() || size > uint64(f.Size()-offset):
			return nil, noPickle("%.100q: %d bytes from %d on are not within the file's %d", r.Name, size, offset, f.Size())
		}
		records[name] = extent{offset, int64(size)}
		order = append(order, records[name])
	}
	slices.SortFunc(order, func(a, b extent) int { return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.size, b.size)) })
	for i := 1; i < len(order); i++ {
		if order[i-1].offset+order[i-1].size > order[i].offset {
			return nil, noPickle("two of its records share the bytes from %d on", order[i].offset)
		}
	}
	return records, nil
}
