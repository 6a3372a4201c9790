package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tensor"
)

// fixtures returns the folder of foreign files, or skips the test.
func fixtures(t *testing.T) string {
	dir := os.Getenv("TRANSFORMER_FIXTURES")
	if dir == "" {
		t.Skip("TRANSFORMER_FIXTURES is not set to a folder with hostile/safetensors")
	}
	return dir
}

// file is a safetensors file with this header and n bytes of data.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	for i := range n {
		b = append(b, byte(i))
	}
	return b
}

// openBytes opens a file that is in memory.
func openBytes(b []byte) (*Files, error) {
	return Open(fstest.MapFS{singleFile: {Data: b}})
}

// onDisk returns the file system of a new folder with this file.
func onDisk(t testing.TB, name string, b []byte) fs.FS {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(dir)
}

func TestVerdictsOfTheReference(t *testing.T) {
	dir := os.DirFS(filepath.Join(fixtures(t), "hostile", "safetensors"))
	kinds := map[string]Kind{
		"HeaderTooSmall": ErrHeaderTooSmall, "HeaderTooLarge": ErrHeaderTooLarge, "InvalidHeaderLength": ErrHeaderLength,
		"InvalidHeader": ErrHeaderUTF8, "InvalidHeaderDeserialization": ErrHeaderJSON, "InvalidOffset": ErrOffset,
		"ValidationOverflow": ErrOverflow, "TensorInvalidInfo": ErrTensorInfo, "MetadataIncompleteBuffer": ErrIncompleteFile,
	}
	var index struct {
		Cases []struct{ File, Expect string }
	}
	text, err := fs.ReadFile(dir, "INDEX.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &index); err != nil {
		t.Fatal(err)
	}
	expect := map[string]string{}
	for _, c := range index.Cases {
		expect[c.File] = c.Expect
	}
	files, _ := fs.Glob(dir, "*.safetensors")
	if len(files) < len(expect) || len(expect) == 0 {
		t.Fatalf("%d files for %d verdicts", len(files), len(expect))
	}
	for _, name := range files {
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		for how, fsys := range map[string]fs.FS{"mapped": dir, "read": fstest.MapFS{name: {Data: data}}} {
			s, err := OpenFile(fsys, name)
			verdict, reject := strings.CutPrefix(expect[name], "reject:")
			if !reject { // files without a verdict are valid ones
				if err != nil {
					t.Errorf("%s, %s: %v", name, how, err)
					continue
				}
				for tensor := range s.Names() {
					if _, err := s.Bytes(tensor); err != nil {
						t.Errorf("%s, %s: %v", name, how, err)
					}
				}
				s.Close()
				continue
			}
			kind, ok := kinds[verdict]
			if !ok {
				t.Errorf("%s: unknown verdict %s", name, verdict)
			}
			if !errors.Is(err, kind) || !strings.Contains(fmt.Sprint(err), name) {
				t.Errorf("%s, %s: %v, expected %s", name, how, err, verdict)
			}
		}
	}
}

func TestMalformedHeaders(t *testing.T) {
	const u8 = `{"dtype":"U8","shape":[4],"data_offsets":[0,4]}`
	at := func(dtype, shape string, begin, end uint64) string {
		return fmt.Sprintf(`{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, dtype, shape, begin, end)
	}
	for _, c := range []struct {
		header string
		data   int
		kind   Kind
	}{
		{``, 0, ErrHeaderJSON},
		{`[]`, 0, ErrHeaderJSON},
		{`null`, 0, ErrHeaderJSON},
		{`{} {}`, 0, ErrHeaderJSON},
		{`{"a":` + strings.Repeat("[", 1<<20), 0, ErrHeaderJSON},
		{"\ufeff{}", 0, ErrHeaderJSON},
		{`{"a":1}`, 0, ErrHeaderJSON},
		{`{"a":{}}`, 0, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","shape":[4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"DType":"U8","shape":[4],"data_offsets":[0,4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":7,"shape":[4],"data_offsets":[0,4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","shape":4,"data_offsets":[0,4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","shape":[4e0],"data_offsets":[0,4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}`, 4, ErrHeaderJSON},
		{`{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 4, ErrHeaderJSON},
		{`{"__metadata__":{"k":1}}`, 0, ErrHeaderJSON},
		{`{"__metadata__":[]}`, 0, ErrHeaderJSON},
		{`{"__metadata__":{"k":"1","k":"2"}}`, 0, ErrHeaderJSON},
		{`{"__metadata__":{},"__metadata__":{}}`, 0, ErrDuplicate},
		{`{"a":` + u8 + `,"a":` + u8 + `}`, 4, ErrDuplicate},
		{`{"a":` + u8 + `,"\u0061":` + u8 + `}`, 4, ErrDuplicate},
		{`{"a":` + at("Q9", "[4]", 0, 4) + `}`, 4, ErrUnknownDType},
		{`{"a":` + at("u8", "[4]", 0, 4) + `}`, 4, ErrUnknownDType},
		{`{"a":` + at("U8", "[4]", 1, 5) + `}`, 5, ErrOffset},                                      // a hole at the start
		{`{"a":` + at("U8", "[4]", 0, 4) + `,"b":` + at("U8", "[4]", 5, 9) + `}`, 9, ErrOffset},    // between
		{`{"a":` + at("U8", "[4]", 0, 4) + `,"b":` + at("U8", "[4]", 3, 7) + `}`, 7, ErrOffset},    // overlap
		{`{"a":` + at("U8", "[4]", 0, 4) + `,"b":` + at("U8", "[4]", 0, 4) + `}`, 4, ErrOffset},    // shared
		{`{"a":` + at("U8", "[4]", 4, 0) + `}`, 4, ErrOffset},                                      // backwards
		{`{"a":` + at("U8", "[4]", 0, 4) + `,"b":` + at("U8", "[0]", 4, 3) + `}`, 4, ErrOffset},    // backwards
		{`{"a":` + at("U8", "[4294967296,4294967296]", 0, 4) + `}`, 4, ErrOverflow},                // elements
		{`{"a":` + at("F64", "[4611686018427387904]", 0, 4) + `}`, 4, ErrOverflow},                 // bytes
		{`{"a":` + at("U8", "[0,18446744073709551615]", 0, 0) + `}`, 0, ErrOverflow},               // a dimension
		{`{"a":` + at("F4", "[3]", 0, 2) + `}`, 2, ErrMisaligned},                                  // half a byte
		{`{"a":` + at("U8", "[5]", 0, 4) + `}`, 4, ErrTensorInfo},                                  //
		{`{"a":` + at("U8", "[1000000000000]", 0, 1000000000000) + `}`, 4, ErrIncompleteFile},      // a terabyte
		{`{"a":` + at("U8", "[4]", 0, 4) + `}`, 3, ErrIncompleteFile},                              // truncated
		{`{"a":` + at("U8", "[4]", 0, 4) + `}`, 5, ErrIncompleteFile},                              // trailing data
		{`{"a":` + at("U8", "[2305843009213693951]", 0, 1<<61-1) + `}`, 5, ErrIncompleteFile},      //
		{`{"a":` + at("U8", "[18446744073709551615]", 0, 1<<64-1) + `}`, 5, ErrOverflow},           //
		{`{}`, 1, ErrIncompleteFile},                                                               // trailing data
		{`{"a":{"dtype":"\ud800","shape":[4],"data_offsets":[0,4]}}`, 4, ErrUnknownDType},          // half a surrogate pair
		{`{"a":{"x":{"y":[{}]},"dtype":"U8","shape":[4],"data_offsets":[0,5]}}`, 5, ErrTensorInfo}, // unknown members are passed over
	} {
		b := file(c.header, c.data)
		_, err := openBytes(b)
		if strconv.IntSize == 32 && errors.Is(err, ErrOverflow) && c.kind == ErrIncompleteFile {
			continue // the dimension itself is too large there
		}
		var e *Error
		if !errors.Is(err, c.kind) || !errors.As(err, &e) || e.File != singleFile {
			t.Errorf("header %.100s: %v, expected: %v", c.header, err, c.kind)
		}
		if _, mapped := Open(onDisk(t, singleFile, b)); fmt.Sprint(mapped) != fmt.Sprint(err) {
			t.Errorf("header %.100s: mapped %v, read %v", c.header, mapped, err)
		}
	}
}

func TestOddButValidHeaders(t *testing.T) {
	for header, n := range map[string]int{
		`{}`:                     0,
		"\n { } \t\r":            0,
		`{"__metadata__":null}`:  0,
		`{"__metadata__":{}}   `: 0,
		`{"a":{"x":{"dtype":[1,{"y":"}\""},null,true,-1.5e3]},"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`:                                                            4,
		`{"a":{"dtype":"BOOL","shape":[1,2,1,2,1,2],"data_offsets":[0,8]}}`:                                                                                               8,
		`{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}`:                                                                                                      3,
		`{"b":{"dtype":"F32","shape":[1],"data_offsets":[3,7]},"z":{"dtype":"F32","shape":[0],"data_offsets":[3,3]},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}`: 7,
	} {
		for how, fsys := range map[string]fs.FS{"mapped": onDisk(t, singleFile, file(header, n)), "read": fstest.MapFS{singleFile: {Data: file(header, n)}}} {
			s, err := Open(fsys)
			if err != nil {
				t.Errorf("%s, %s: %v", header, how, err)
				continue
			}
			var data []byte
			for name := range s.Names() {
				b, err := s.Bytes(name)
				if info, _ := s.Lookup(name); err != nil || int64(len(b)) != info.Size {
					t.Errorf("%s, %s: %d of %d bytes, %v", header, how, len(b), info.Size, err)
				}
				data = append(data, b...)
			}
			if want := file("", n)[lengthBytes:]; !bytes.Equal(data, want) {
				t.Errorf("%s, %s: data %v, expected %v", header, how, data, want)
			}
			s.Close()
		}
	}
}

// entries are tensors of several types, one of them misaligned in the file that holds them.
func entries() []Entry {
	return []Entry{
		Float32("b.weight", tensor.From([]float32{1, -2, 3.5, 0, 1e-40, 6}, 2, 3)),
		{"a", BF16, []int{2}, []byte{0x80, 0x3f, 0, 0xc0}},
		{"half", F16, []int{1, 1, 2}, []byte{0, 0x3c, 0, 0xc0}},
		{"mask", "BOOL", []int{1, 3}, []byte{1, 0, 1}},
		{"position_ids", "I64", []int{1}, []byte{7, 0, 0, 0, 0, 0, 0, 0}},
		{"scalar", F32, nil, []byte{0, 0, 0x80, 0x3f}},
		{"none", F32, []int{2, 0}, nil},
		{"five", "U8", []int{1, 2, 1, 2, 1}, []byte{1, 2, 3, 4}},
		{"naïve \"<&>\"\n", "U8", []int{1}, []byte{9}},
	}
}

func mustWrite(t testing.TB, metadata map[string]string, entries ...Entry) []byte {
	t.Helper()
	src, err := Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := WriteSafetensors(&buf, src, metadata); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// same checks that src holds exactly the entries.
func same(t *testing.T, src Source, entries []Entry) {
	t.Helper()
	if n := len(slices.Collect(src.Names())); n != len(entries) {
		t.Errorf("%d tensors, expected %d", n, len(entries))
	}
	for _, e := range entries {
		info, ok := src.Lookup(e.Name)
		if !ok || info.Name != e.Name || info.DType != e.DType || !slices.Equal(info.Shape, e.Shape) || info.Size != int64(len(e.Data)) {
			t.Errorf("%q: %v %v, expected %s %v", e.Name, info, ok, e.DType, e.Shape)
		}
		for range 2 { // releasing loses nothing
			b, err := src.Bytes(e.Name)
			if err != nil || !bytes.Equal(b, e.Data) {
				t.Errorf("%q: %v %v, expected %v", e.Name, b, err, e.Data)
			}
			src.Release(e.Name)
		}
		for size := 1; size < 10; size++ {
			var got []byte
			for b, err := range src.Chunks(e.Name, size) {
				_, block, _ := e.DType.Block()
				if err != nil || len(b) == 0 || len(b) > max(size, block) || len(b)%block != 0 {
					t.Errorf("%q in chunks of %d: %d bytes, %v", e.Name, size, len(b), err)
				}
				got = append(got, b...)
			}
			if !bytes.Equal(got, e.Data) {
				t.Errorf("%q in chunks of %d: %v, expected %v", e.Name, size, got, e.Data)
			}
		}
	}
	if _, ok := src.Lookup("no such"); ok {
		t.Error("Lookup finds what is not there")
	}
	if _, err := src.Bytes("no such"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "no such") {
		t.Errorf("Bytes of what is not there: %v", err)
	}
	for _, err := range src.Chunks("no such", 1) {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("Chunks of what is not there: %v", err)
		}
	}
	src.Release("no such")
}

// plainFS hides what its files can do beside reading; seekFS leaves them seeking.
type plainFS struct{ fs.FS }

func (p plainFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	return struct{ fs.File }{f}, err
}

type seekFS struct{ fs.FS }

func (p seekFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return struct {
		fs.File
		io.Seeker
	}{f, f.(io.Seeker)}, nil
}

func TestRoundTrip(t *testing.T) {
	metadata := map[string]string{"format": "pt", "note": "<é>"}
	b := mustWrite(t, metadata, entries()...)
	memory := fstest.MapFS{singleFile: {Data: b}}
	for how, fsys := range map[string]fs.FS{
		"mapped": onDisk(t, singleFile, b), "read at": memory, "sought": seekFS{memory}, "read whole": plainFS{memory},
	} {
		t.Run(how, func(t *testing.T) {
			s, err := Open(fsys)
			if err != nil {
				t.Fatal(err)
			}
			same(t, s, entries())
			if got := s.Metadata(); fmt.Sprint(got) != fmt.Sprint(metadata) {
				t.Errorf("metadata %v, expected %v", got, metadata)
			}
			if err := errors.Join(s.Close(), s.Close()); err != nil {
				t.Error(err)
			}
			if _, err := s.Bytes("a"); !errors.Is(err, ErrClosed) {
				t.Errorf("Bytes after Close: %v", err)
			}
			s.Release("a")
		})
	}
}
