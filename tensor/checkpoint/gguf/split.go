package gguf

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// The keys of a part of a model.
const (
	splitNo      = "split.no"
	splitCount   = "split.count"
	splitTensors = "split.tensors.count" // of all parts
)

// split is the name of a part, such as model-00001-of-00003.gguf.
type split struct {
	model     string
	no, count int // the first is number 1
}

func (s split) String() string { return fmt.Sprintf("%s-%05d-of-%05d.gguf", s.model, s.no, s.count) }

// parseSplit reads the name of a part.
func parseSplit(name string) (s split, ok bool) {
	const rest = len("-00001-of-00003.gguf")
	if len(name) < rest {
		return s, false
	}
	s.model = name[:len(name)-rest]
	_, err := fmt.Sscanf(name[len(s.model):], "-%05d-of-%05d.gguf", &s.no, &s.count)
	return s, err == nil && s.String() == name
}

// ModelName returns the name of a model of which a file is a part: that of its first part. A file whose name is not that of a
// part is a model of its own.
func ModelName(file string) string {
	s, ok := parseSplit(file)
	if !ok {
		return file
	}
	s.no = 1
	return s.String()
}

// splits returns the number of files that the model has.
func (h *header) splits() (int, error) {
	if !h.metadata.Has(splitCount) {
		return 1, nil
	}
	n, err := h.metadata.Uint(splitCount)
	const most = 99_999 // names have five digits
	if err == nil && n > most {
		err = &checkpoint.Error{Kind: ErrSplit, Detail: fmt.Sprintf("%q is %d; at most %d files can be one model", splitCount, n, most)}
	}
	return int(n), err
}

// openSplits opens the n parts of a model of which name is one.
func openSplits(fsys fs.FS, name string, n int) (*File, error) {
	part, ok := parseSplit(name)
	if !ok {
		return nil, &checkpoint.Error{File: name, Kind: ErrSplit,
			Detail: fmt.Sprintf("it is one of %d, and the others are found by its name, which must be as model-00001-of-%05d.gguf", n, n)}
	}
	if part.count != n {
		return nil, &checkpoint.Error{File: name, Kind: ErrSplit, Detail: fmt.Sprintf("its name says %d parts, its metadata say %d", part.count, n)}
	}
	names := make([]string, n)
	for i := range names {
		part.no = i + 1
		names[i] = part.String()
	}
	var headers []*header
	files, err := checkpoint.OpenShards(fsys, names, func(f *checkpoint.File) (checkpoint.Contents, error) {
		h := &header{}
		headers = append(headers, h)
		c, err := h.read(f)
		if err == nil {
			err = checkPart(headers)
		}
		return c, err
	})
	if e := (*checkpoint.Error)(nil); errors.As(err, &e) && errors.Is(e.Cause, fs.ErrNotExist) {
		return nil, &checkpoint.Error{File: e.File, Kind: checkpoint.ErrShardMissing, Detail: fmt.Sprintf("the model %s is in %d files", name, n), Cause: e.Cause}
	}
	if err != nil {
		return nil, err
	}
	if err := checkCount(headers); err != nil {
		return nil, errors.Join(withFile(err, names[0]), files.Close())
	}
	return &File{files, &headers[0].metadata, names}, nil
}

// checkPart checks that the last of some parts is the one that follows the others.
func checkPart(parts []*header) error {
	first, h := &parts[0].metadata, &parts[len(parts)-1].metadata
	no, err := h.Uint(splitNo)
	if err != nil {
		return err
	}
	if no != uint64(len(parts)-1) {
		return &checkpoint.Error{Kind: ErrSplit, Detail: fmt.Sprintf("%q is %d, expected %d", splitNo, no, len(parts)-1)}
	}
	// A later part repeats nothing or some of what the first says of the model.
	for _, key := range []string{splitCount, splitTensors, "general.architecture", "general.name", "general.uuid"} {
		if !h.Has(key) || !first.Has(key) && key != splitCount {
			continue
		}
		if a, b := first.values[key].text(), h.values[key].text(); a != b {
			return &checkpoint.Error{Kind: ErrSplit, Detail: fmt.Sprintf("it is a part of another model: %q is %.100s, and %.100s in the first", key, b, a)}
		}
	}
	return nil
}

// checkCount checks that the parts have all tensors.
func checkCount(parts []*header) error {
	if !parts[0].metadata.Has(splitTensors) {
		return nil
	}
	want, err := parts[0].metadata.Uint(splitTensors)
	if err != nil {
		return err
	}
	n := 0
	for _, h := range parts {
		n += h.tensors
	}
	if uint64(n) != want {
		return &checkpoint.Error{Kind: ErrSplit, Detail: fmt.Sprintf("all %d parts have %d tensors, and %q is %d: one of them is of another model", len(parts), n, splitTensors, want)}
	}
	return nil
}

// text shows a value that is one text or integer.
func (v Value) text() string {
	switch {
	case !v.array && v.isString():
		return strconv.Quote(v.strings[0])
	case !v.array && v.isInteger():
		n, _ := v.int(0)
		return strconv.FormatInt(n, 10)
	}
	return v.describe()
}
