package checkpoint_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// readToy is a format of one's own: a line for each tensor with its name, type and shape, an empty line, and the bytes
// of the tensors.
func readToy(f *checkpoint.File) (checkpoint.Contents, error) {
	var c checkpoint.Contents
	var header int64
	for s := bufio.NewScanner(io.NewSectionReader(f, 0, f.Size())); s.Scan(); {
		header += int64(len(s.Bytes())) + 1
		if s.Text() == "" {
			break
		}
		var name string
		var dtype checkpoint.DType
		if _, err := fmt.Sscanf(s.Text(), "%q %s", &name, &dtype); err != nil {
			return c, fmt.Errorf("line %q: %w", s.Text(), err)
		}
		shape := []int{}
		for _, field := range strings.Fields(s.Text()[strings.LastIndex(s.Text(), ":")+1:]) {
			var d int
			if _, err := fmt.Sscan(field, &d); err != nil {
				return c, fmt.Errorf("dimension %q: %w", field, err)
			}
			shape = append(shape, d)
		}
		info, ok := checkpoint.NewInfo(name, dtype, shape)
		if !ok {
			return c, &checkpoint.Error{Tensor: name, Kind: checkpoint.ErrTensorInfo, Detail: s.Text()}
		}
		c.Tensors = append(c.Tensors, checkpoint.Location{Info: info})
	}
	c.Header = header
	for i, at := 0, header; i < len(c.Tensors); i++ {
		c.Tensors[i].Offset = at
		at += c.Tensors[i].Size
	}
	return c, nil
}

// toy returns a file that readToy reads.
func toy(entries ...checkpoint.Entry) []byte {
	var header strings.Builder
	var data []byte
	for _, e := range entries {
		fmt.Fprintf(&header, "%q %s :%s\n", e.Name, e.DType, strings.Trim(fmt.Sprint(e.Shape), "[]"))
		data = append(data, e.Data...)
	}
	return append([]byte(header.String()+"\n"), data...)
}

// A format is a function from a file to what it contains. Mapping, reading and checks are those of every format.
func ExampleFormat() {
	// A file of two float32 numbers after the text "toy1".
	format := func(f *checkpoint.File) (checkpoint.Contents, error) {
		magic, err := f.Read(0, 4)
		if err != nil {
			return checkpoint.Contents{}, err
		}
		if string(magic) != "toy1" {
			return checkpoint.Contents{}, fmt.Errorf("it starts with %q, expected toy1", magic)
		}
		info, _ := checkpoint.NewInfo("w", checkpoint.F32, []int{2})
		return checkpoint.Contents{Tensors: []checkpoint.Location{{Info: info, Offset: 4}}, Header: 4}, nil
	}
	folder := fstest.MapFS{
		"sound":   {Data: []byte("toy1\x00\x00\x80\x3f\x00\x00\x00\xc0")},
		"short":   {Data: []byte("toy1\x00\x00\x80\x3f")},
		"foreign": {Data: []byte("GGUF")},
	}
	src, err := checkpoint.OpenFile(folder, "sound", format)
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	fmt.Println(checkpoint.ReadFloat32(src, "w"))
	_, err = checkpoint.OpenFile(folder, "short", format)
	fmt.Println(err)
	_, err = checkpoint.OpenFile(folder, "foreign", format)
	fmt.Println(err)
	// Output:
	// {[2] [1 -2]} <nil>
	// checkpoint: short: tensor "w": the tensor does not lie within what is stored: F32 [2], 8 bytes from byte 4 on of 8
	// checkpoint: foreign: the file is not of the format that is expected: it starts with "GGUF", expected toy1
}

func TestFormatFromOutside(t *testing.T) {
	checkpointtest.EachFS(t, "model.toy", toy(checkpointtest.Entries()...), func(t *testing.T, fsys fs.FS) {
		src, err := checkpoint.OpenFile(fsys, "model.toy", readToy)
		if err != nil {
			t.Fatal(err)
		}
		checkpointtest.Check(t, src, checkpointtest.Entries())
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestIndexOfAFormatFromOutside(t *testing.T) {
	e := checkpointtest.Entries()
	src, err := checkpoint.OpenIndex(fstest.MapFS{
		"toy.json": {Data: []byte(`{"weight_map":{"b.weight":"1.toy","a":"2.toy"}}`)},
		"1.toy":    {Data: toy(e[0])},
		"2.toy":    {Data: toy(e[1], e[2])},
	}, "toy.json", readToy)
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.Check(t, src, e[:2])
}

// located returns a format of one tensor, whatever the file.
func located(l checkpoint.Location) checkpoint.Format {
	return func(f *checkpoint.File) (checkpoint.Contents, error) {
		return checkpoint.Contents{Tensors: []checkpoint.Location{l}}, nil
	}
}

// What a format says of tensors is checked, so that a mistake in it is an error.
func TestLocationsAreChecked(t *testing.T) {
	at := func(d checkpoint.DType, size, offset int64, shape []int, stride []int64) checkpoint.Location {
		return checkpoint.Location{Info: checkpoint.Info{Name: "w", DType: d, Shape: shape, Size: size}, Offset: offset, Stride: stride}
	}
	const most = math.MaxInt64
	for _, c := range []struct {
		l    checkpoint.Location
		kind checkpoint.Kind
	}{
		{at("F32", 8, 24, []int{2}, nil), ""},
		{at("F32", 8, 25, []int{2}, nil), checkpoint.ErrStorage},
		{at("F32", 8, -1, []int{2}, nil), checkpoint.ErrStorage},
		{at("F32", 8, most, []int{2}, nil), checkpoint.ErrStorage},
		{at("F32", 4, 0, []int{2}, nil), checkpoint.ErrTensorInfo},
		{at("F32", 8, 0, []int{-2}, nil), checkpoint.ErrTensorInfo},
		{at("F32", 0, 33, []int{0}, nil), checkpoint.ErrStorage},
		{at("mine", 32, 0, []int{1000}, nil), ""},
		{at("mine", 33, 0, []int{1000}, nil), checkpoint.ErrStorage},
		{at("mine", -1, 0, []int{1000}, nil), checkpoint.ErrStorage},
		{at("mine", 3, 0, []int{3}, []int64{1}), checkpoint.ErrTensorInfo},
		{at("F4", 1, 0, []int{2}, []int64{1}), checkpoint.ErrTensorInfo},
		{at("U8", 4, 0, []int{2, 2}, []int64{1}), checkpoint.ErrTensorInfo},
		{at("U8", 4, 0, []int{2, 2}, []int64{30, 1}), ""},
		{at("U8", 4, 0, []int{2, 2}, []int64{31, 1}), checkpoint.ErrStorage},
		{at("U8", 4, 1, []int{2, 2}, []int64{30, 1}), checkpoint.ErrStorage},
		{at("U8", 4, 0, []int{2, 2}, []int64{most, most}), checkpoint.ErrStorage},
		{at("U8", 2, 3, []int{2}, []int64{-1}), checkpoint.ErrStorage},
		{at("U8", 0, 0, []int{2, 0}, []int64{-1, 7}), ""},
		{at("U8", 32*16, 0, []int{32 * 16}, []int64{0}), ""},
		{at("U8", 32*16+1, 0, []int{32*16 + 1}, []int64{0}), checkpoint.ErrOverflow},
	} {
		src, err := checkpoint.OpenFile(fstest.MapFS{"f": {Data: make([]byte, 32)}}, "f", located(c.l))
		if c.kind != "" {
			var e *checkpoint.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.File != "f" || e.Tensor != "w" {
				t.Errorf("%+v: %v, expected: %v", c.l, err, c.kind)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", c.l, err)
			continue
		}
		if b, err := src.Bytes("w"); err != nil || int64(len(b)) != c.l.Size {
			t.Errorf("%+v: %d bytes, %v", c.l, len(b), err)
		}
	}
}

func TestFormatsThatFail(t *testing.T) {
	broken := errors.New("broken")
	for what, c := range map[string]struct {
		format checkpoint.Format
		kind   error
	}{
		"an error":   {func(*checkpoint.File) (checkpoint.Contents, error) { return checkpoint.Contents{}, broken }, broken},
		"its format": {func(*checkpoint.File) (checkpoint.Contents, error) { return checkpoint.Contents{}, broken }, checkpoint.ErrFormat},
		"a read beyond the end": {func(f *checkpoint.File) (checkpoint.Contents, error) {
			_, err := f.Read(1, f.Size())
			return checkpoint.Contents{}, err
		}, checkpoint.ErrReadFile},
		"a read of nothing": {func(f *checkpoint.File) (checkpoint.Contents, error) {
			_, err := f.Read(-1, math.MaxInt64)
			return checkpoint.Contents{}, err
		}, checkpoint.ErrReadFile},
		"two of one name": {func(f *checkpoint.File) (checkpoint.Contents, error) {
			info, _ := checkpoint.NewInfo("w", "U8", []int{1})
			return checkpoint.Contents{Tensors: slices.Repeat([]checkpoint.Location{{Info: info}}, 2)}, nil
		}, checkpoint.ErrDuplicate},
		"much to describe it": {func(f *checkpoint.File) (checkpoint.Contents, error) {
			return checkpoint.Contents{Header: 1e9}, nil
		}, checkpoint.ErrHeaderTooLarge},
	} {
		_, err := checkpoint.OpenFile(fstest.MapFS{"f": {Data: make([]byte, 32)}}, "f", c.format)
		var e *checkpoint.Error
		if !errors.Is(err, c.kind) || !errors.As(err, &e) || e.File != "f" {
			t.Errorf("%s: %v, expected: %v", what, err, c.kind)
		}
	}
}

// A File serves readers of the standard library.
func TestFileIsAReaderAt(t *testing.T) {
	checkpointtest.EachFS(t, "f", []byte("0123456789"), func(t *testing.T, fsys fs.FS) {
		_, err := checkpoint.OpenFile(fsys, "f", func(f *checkpoint.File) (checkpoint.Contents, error) {
			for _, c := range []struct {
				n    int
				off  int64
				want string
				err  error
			}{{3, 2, "234", nil}, {0, 2, "", nil}, {3, 8, "89", io.EOF}, {3, 10, "", io.EOF}, {3, math.MaxInt64, "", io.EOF}} {
				b := make([]byte, c.n)
				if n, err := f.ReadAt(b, c.off); string(b[:n]) != c.want || err != c.err {
					t.Errorf("%d bytes from %d on: %q, %v", c.n, c.off, b[:n], err)
				}
			}
			var last uint16
			if err := binary.Read(io.NewSectionReader(f, 8, 2), binary.BigEndian, &last); err != nil || last != 0x3839 {
				t.Errorf("%#x, %v", last, err)
			}
			return checkpoint.Contents{}, nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

var _ io.ReaderAt = (*checkpoint.File)(nil)

// Tensors of the other byte order are given in that of a Source, strided or not, and never in place.
func TestSwap(t *testing.T) {
	want := checkpoint.Entry{Name: "w", DType: "U16", Shape: []int{2, 3}, Data: []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}
	swap := func(b []byte) {
		for i := 0; i < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
	}
	for what, c := range map[string]struct {
		file   []byte
		stride []int64
	}{
		"rows":    {[]byte{1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10}, nil},
		"columns": {[]byte{1, 0, 7, 6, 3, 2, 9, 8, 5, 4, 11, 10}, []int64{1, 2}},
	} {
		read := func(d checkpoint.DType) checkpoint.Format {
			return func(*checkpoint.File) (checkpoint.Contents, error) {
				l := checkpoint.Location{Info: checkpoint.Info{Name: "w", DType: d, Shape: want.Shape, Size: int64(len(want.Data))}, Stride: c.stride, Swap: swap}
				return checkpoint.Contents{Tensors: []checkpoint.Location{l}}, nil
			}
		}
		checkpointtest.EachFS(t, "w", c.file, func(t *testing.T, fsys fs.FS) {
			src, err := checkpoint.OpenFile(fsys, "w", read("U16"))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			checkpointtest.Check(t, src, []checkpoint.Entry{want})
			if _, ok := src.InPlace("w"); ok {
				t.Errorf("%s: in place", what)
			}
			if _, err := checkpoint.OpenFile(fsys, "w", read("UNKNOWN")); c.stride == nil && !errors.Is(err, checkpoint.ErrUnsupported) {
				t.Errorf("%s of a type without known blocks: %v", what, err)
			}
		})
	}
}
