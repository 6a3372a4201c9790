package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
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

// The names of files.
const (
	weights   = "model.safetensors"
	indexFile = "model.safetensors.index.json"
)

// openAny opens the file of this name in a folder, or its index.
func openAny(fsys fs.FS) (*checkpoint.Files, error) {
	if _, err := fs.Stat(fsys, indexFile); err == nil {
		return OpenIndex(fsys, indexFile)
	}
	return Open(fsys, weights)
}

// openBytes opens a file that is in memory.
func openBytes(b []byte) (*checkpoint.Files, error) {
	return Open(fstest.MapFS{weights: {Data: b}}, weights)
}

func TestVerdictsOfTheReference(t *testing.T) {
	dir := os.DirFS(filepath.Join(fixtures(t), "hostile", "safetensors"))
	kinds := map[string]checkpoint.Kind{
		"HeaderTooSmall": ErrHeaderTooSmall, "HeaderTooLarge": checkpoint.ErrHeaderTooLarge, "InvalidHeaderLength": ErrHeaderLength,
		"InvalidHeader": ErrHeaderUTF8, "InvalidHeaderDeserialization": ErrHeaderJSON, "InvalidOffset": ErrOffset,
		"ValidationOverflow": checkpoint.ErrOverflow, "TensorInvalidInfo": checkpoint.ErrTensorInfo, "MetadataIncompleteBuffer": ErrIncompleteFile,
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
			s, err := Open(fsys, name)
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
		kind   checkpoint.Kind
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
		{`{"__metadata__":{},"__metadata__":{}}`, 0, checkpoint.ErrDuplicate},
		{`{"a":` + u8 + `,"a":` + u8 + `}`, 4, checkpoint.ErrDuplicate},
		{`{"a":` + u8 + `,"\u0061":` + u8 + `}`, 4, checkpoint.ErrDuplicate},
		{`{"a":` + at("Q9", "[4]", 0, 4) + `}`, 4, checkpoint.ErrUnknownDType},
		{`{"a":` + at("u8", "[4]", 0, 4) + `}`, 4, checkpoint.ErrUnknownDType},
		{`{"a":` + at("U8", "[4]", 1, 5) + `}`, 5, ErrOffset},                                                 // a hole at the start
		{`{"a":` + at("U8", "[4]", 0, 4) + `,"b":` + at("U8", "[4]", 5, 9) + `}`, 9, ErrOffset},               // between
		{`{"a":` + at("U8", "[4]", 0, 4) + `,"b":` + at("U8", "[4]", 3, 7) + `}`, 7, ErrOffset},               // overlap
		{`{"a":` + at("U8", "[4]", 0, 4) + `,"b":` + at("U8", "[4]", 0, 4) + `}`, 4, ErrOffset},               // shared
		{`{"a":` + at("U8", "[4]", 4, 0) + `}`, 4, ErrOffset},                                                 // backwards
		{`{"a":` + at("U8", "[4]", 0, 4) + `,"b":` + at("U8", "[0]", 4, 3) + `}`, 4, ErrOffset},               // backwards
		{`{"a":` + at("U8", "[4294967296,4294967296]", 0, 4) + `}`, 4, checkpoint.ErrOverflow},                // elements
		{`{"a":` + at("F64", "[4611686018427387904]", 0, 4) + `}`, 4, checkpoint.ErrOverflow},                 // bytes
		{`{"a":` + at("U8", "[0,18446744073709551615]", 0, 0) + `}`, 0, checkpoint.ErrOverflow},               // a dimension
		{`{"a":` + at("F4", "[3]", 0, 2) + `}`, 2, ErrMisaligned},                                             // half a byte
		{`{"a":` + at("U8", "[5]", 0, 4) + `}`, 4, checkpoint.ErrTensorInfo},                                  //
		{`{"a":` + at("U8", "[1000000000000]", 0, 1000000000000) + `}`, 4, ErrIncompleteFile},                 // a terabyte
		{`{"a":` + at("U8", "[4]", 0, 4) + `}`, 3, ErrIncompleteFile},                                         // truncated
		{`{"a":` + at("U8", "[4]", 0, 4) + `}`, 5, ErrIncompleteFile},                                         // trailing data
		{`{"a":` + at("U8", "[2305843009213693951]", 0, 1<<61-1) + `}`, 5, ErrIncompleteFile},                 //
		{`{"a":` + at("U8", "[18446744073709551615]", 0, 1<<64-1) + `}`, 5, checkpoint.ErrOverflow},           //
		{`{}`, 1, ErrIncompleteFile},                                                                          // trailing data
		{`{"a":{"dtype":"\ud800","shape":[4],"data_offsets":[0,4]}}`, 4, checkpoint.ErrUnknownDType},          // half a surrogate pair
		{`{"a":{"x":{"y":[{}]},"dtype":"U8","shape":[4],"data_offsets":[0,5]}}`, 5, checkpoint.ErrTensorInfo}, // unknown members are passed over
	} {
		b := file(c.header, c.data)
		_, err := openBytes(b)
		if strconv.IntSize == 32 && errors.Is(err, checkpoint.ErrOverflow) && c.kind == ErrIncompleteFile {
			continue // the dimension itself is too large there
		}
		var e *checkpoint.Error
		if !errors.Is(err, c.kind) || !errors.As(err, &e) || e.File != weights {
			t.Errorf("header %.100s: %v, expected: %v", c.header, err, c.kind)
		}
		if _, mapped := Open(checkpointtest.OnDisk(t, weights, b), weights); fmt.Sprint(mapped) != fmt.Sprint(err) {
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
		for how, fsys := range map[string]fs.FS{"mapped": checkpointtest.OnDisk(t, weights, file(header, n)), "read": fstest.MapFS{weights: {Data: file(header, n)}}} {
			s, err := Open(fsys, weights)
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

// mustWrite returns the file of the entries.
func mustWrite(t testing.TB, metadata map[string]string, entries ...checkpoint.Entry) []byte {
	t.Helper()
	src := checkpointtest.Memory(t, entries...)
	var buf bytes.Buffer
	if err := Write(&buf, src, metadata); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestRoundTrip(t *testing.T) {
	metadata := map[string]string{"format": "pt", "note": "<é>"}
	b := mustWrite(t, metadata, checkpointtest.Entries()...)
	checkpointtest.EachFS(t, weights, b, func(t *testing.T, fsys fs.FS) {
		s, err := Open(fsys, weights)
		if err != nil {
			t.Fatal(err)
		}
		checkpointtest.Check(t, s, checkpointtest.Entries())
		if got := s.Metadata(); fmt.Sprint(got) != fmt.Sprint(metadata) {
			t.Errorf("metadata %v, expected %v", got, metadata)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		if _, err := s.Bytes("a"); !errors.Is(err, checkpoint.ErrClosed) {
			t.Errorf("Bytes after Close: %v", err)
		}
		s.Release("a")
	})
}
