package torch

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"unsafe"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/internal/torchfile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

const weights = "pytorch_model.bin"

const folder = "testdata"

// smallTorch returns a file with one tensor, w of two numbers.
func smallTorch() []byte {
	return torchfile.Zip(torchfile.State(torchfile.Pickle(torchfile.Contiguous("w", "FloatStorage", "0", 2)), make([]byte, 8))...)
}

// torchEntries returns what is in testdata, as PyTorch says.
func torchEntries(t testing.TB) map[string][]checkpoint.Entry {
	data, err := os.ReadFile(filepath.Join(folder, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]map[string]struct {
		DType string `json:"dtype"`
		Shape []int  `json:"shape"`
		Data  []byte `json:"data"`
	}
	if err := json.Unmarshal(data, &expected); err != nil {
		t.Fatal(err)
	}
	types := map[string]checkpoint.DType{"torch.float32": checkpoint.F32, "torch.float16": checkpoint.F16, "torch.bfloat16": checkpoint.BF16, "torch.float64": "F64",
		"torch.complex64": "C64", "torch.int64": "I64", "torch.int32": "I32", "torch.int16": "I16", "torch.int8": "I8",
		"torch.uint8": "U8", "torch.bool": "BOOL"}
	entries := map[string][]checkpoint.Entry{}
	for file, tensors := range expected {
		for name, e := range tensors {
			entries[file] = append(entries[file], checkpoint.Entry{Name: name, DType: types[e.DType], Shape: e.Shape, Data: e.Data})
		}
	}
	return entries
}

func TestTorchWroteIt(t *testing.T) {
	entries := torchEntries(t)
	disk := os.DirFS(folder)
	for _, name := range []string{"dtypes", "views", "module", "parameters", "views-old", "module-old"} {
		want := entries[strings.TrimSuffix(name, "-old")]
		if len(want) < 4 {
			t.Fatalf("%d tensors are expected in %s", len(want), name)
		}
		data, err := fs.ReadFile(disk, name+".pt")
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			checkpointtest.EachFS(t, name+".pt", data, func(t *testing.T, fsys fs.FS) {
				var c checkpoint.Contents
				s, err := checkpoint.OpenFile(fsys, name+".pt", func(f *checkpoint.File) (checkpoint.Contents, error) {
					var err error
					c, err = read(f)
					return c, err
				})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				checkpointtest.Check(t, s, want)
				if !slices.IsSortedFunc(c.Tensors, func(a, b checkpoint.Location) int { return cmp.Compare(a.Offset, b.Offset) }) {
					t.Errorf("not in the order of the data: %v", c.Tensors)
				}
			})
		})
	}
}

func TestTiedTensorsShareMemory(t *testing.T) {
	s, err := Open(os.DirFS(folder), "module.pt")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var at []*byte
	for _, name := range []string{"shared.weight", "shared.weight", "embed_tokens.weight", "lm_head.weight"} {
		b, err := s.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, unsafe.SliceData(b))
	}
	if at[0] != at[1] {
		t.Skip("files are not mapped here")
	}
	if at[0] != at[2] || at[0] != at[3] {
		t.Errorf("tied weights lie at %v", at)
	}
}

func TestViewsFromManyGoroutines(t *testing.T) {
	s, err := Open(os.DirFS(folder), "views.pt")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want, err := s.Bytes("transposed")
	if err != nil {
		t.Fatal(err)
	}
	seq := s.Chunks("transposed", 8)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var got []byte
			for b, err := range seq {
				if err != nil {
					t.Error(err)
				}
				got = append(got, b...)
				s.Release("base")
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%v, expected %v", got, want)
			}
		})
	}
	wg.Wait()
}

// TestTorchRefuses has things that torch.save wrote and that are no dictionary of tensors.
func TestTorchRefuses(t *testing.T) {
	for name, culprit := range map[string]string{
		"nested": `"state_dict" is a dictionary`, "epoch": `"epoch" is a number`, "whole": "torch.nn.modules.linear.Linear",
		"float8": "torch.storage.UntypedStorage", "sparse": "torch.serialization._get_layout", "list": "it is a list", "protocol": "protocol 4",
	} {
		file := "refused-" + name + ".pt"
		_, err := Open(os.DirFS(folder), file)
		var e *checkpoint.Error
		if !errors.As(err, &e) || e.File != file || e.Kind != ErrPickle || !strings.Contains(err.Error(), culprit) || !strings.Contains(err.Error(), "save_pretrained") {
			t.Errorf("%s: %v; expected it to name %s", file, err, culprit)
		}
	}
}

// openBytes opens a file that is in memory.
func openBytes(b []byte) (*checkpoint.Files, error) {
	return Open(fstest.MapFS{weights: {Data: b}}, weights)
}

func refuses(t *testing.T, what string, b []byte, kind checkpoint.Kind, culprit string) {
	t.Helper()
	_, err := openBytes(b)
	var e *checkpoint.Error
	if !errors.As(err, &e) || e.File != weights || e.Kind != kind || !strings.Contains(err.Error(), culprit) {
		t.Errorf("%s: %v; expected: %v, naming %s", what, err, kind, culprit)
	}
}

func TestTensorsBeyondTheirStorage(t *testing.T) {
	const most, huge = math.MaxInt, math.MaxInt >> 23
	if most == math.MaxInt32 {
		t.Skip("the cases are of hosts with 64 bits")
	}
	of := func(class, key string, elements, first int, shape, stride []int) torchfile.Tensor {
		return torchfile.Tensor{Name: "w", Class: class, Key: key, Elements: elements, First: first, Shape: shape, Stride: stride}
	}
	for _, c := range []struct {
		tensor  torchfile.Tensor
		kind    checkpoint.Kind
		culprit string
	}{
		{of("FloatStorage", "0", 4, 1, []int{4}, []int{1}), checkpoint.ErrStorage, "from element 1 on of 4"},
		{of("FloatStorage", "0", 4, 4, []int{1}, []int{1}), checkpoint.ErrStorage, "from element 4"},
		{of("FloatStorage", "0", 4, -1, []int{1}, []int{1}), checkpoint.ErrStorage, "from element -1"},
		{of("FloatStorage", "0", 4, 0, []int{2, 2}, []int{3, 1}), checkpoint.ErrStorage, "strides [3 1]"},
		{of("FloatStorage", "0", 4, 3, []int{2}, []int{-1}), checkpoint.ErrStorage, "strides [-1]"},
		{of("FloatStorage", "0", 4, 0, []int{2, 2}, []int{most, most}), checkpoint.ErrStorage, "strides"},
		{of("FloatStorage", "0", 4, 2, []int{3}, []int{most}), checkpoint.ErrStorage, "strides"},
		{of("FloatStorage", "0", 5, 0, []int{1}, []int{1}), checkpoint.ErrStorage, "storage \"0\" of 16 bytes"},
		{of("DoubleStorage", "0", 4, 0, []int{1}, []int{1}), checkpoint.ErrStorage, "storage \"0\" of 16 bytes"},
		{of("FloatStorage", "0", -1, 0, []int{1}, []int{1}), checkpoint.ErrOverflow, "storage of -1"},
		{of("FloatStorage", "0", most, 0, []int{1}, []int{1}), checkpoint.ErrOverflow, "9223372036854775807"},
		{of("FloatStorage", "0", 4, 0, []int{huge, huge}, []int{0, 0}), checkpoint.ErrOverflow, "1099511627775"},
		{of("FloatStorage", "0", 4, 0, []int{huge}, []int{0}), checkpoint.ErrOverflow, "16 times"},
		{of("FloatStorage", "1", 4, 0, []int{1}, []int{1}), checkpoint.ErrStorage, "storage \"1\" is missing"},
		{of("FloatStorage", "../0", 4, 0, []int{1}, []int{1}), checkpoint.ErrStorage, "storage \"../0\" is missing"},
		{of("FloatStorage", "0", 4, 0, []int{-1}, []int{1}), ErrPickle, "dimension 0"},
		{of("FloatStorage", "0", 4, 0, make([]int, 9), make([]int, 9)), ErrPickle, "9 dimensions"},
		{of("FloatStorage", "0", 4, 0, []int{1}, nil), ErrPickle, "not described"},
		{of("QInt8Storage", "0", 4, 0, []int{1}, []int{1}), ErrPickle, "torch.QInt8Storage"},
	} {
		b := torchfile.Zip(torchfile.State(torchfile.Pickle(c.tensor), make([]byte, 16))...)
		refuses(t, c.culprit, b, c.kind, c.culprit)
		if c.kind != ErrPickle {
			_, err := openBytes(b)
			if !strings.Contains(err.Error(), `tensor "w"`) {
				t.Errorf("%v does not name the tensor", err)
			}
		}
	}
	twice := torchfile.Contiguous("w", "FloatStorage", "0", 4)
	refuses(t, "twice", torchfile.Zip(torchfile.State(torchfile.Pickle(twice, twice), make([]byte, 16))...), checkpoint.ErrDuplicate, `"w"`)
}

func TestSharingIsBounded(t *testing.T) {
	var tensors []torchfile.Tensor
	for i := range 100 {
		tensors = append(tensors, torchfile.Contiguous("w"+string(rune('a'+i)), "FloatStorage", "0", 1<<20))
	}
	storage := make([]byte, 4<<20)
	if _, err := openBytes(torchfile.Zip(torchfile.State(torchfile.Pickle(tensors[:16]...), storage)...)); err != nil {
		t.Error(err)
	}
	refuses(t, "100 names", torchfile.Zip(torchfile.State(torchfile.Pickle(tensors...), storage)...), checkpoint.ErrOverflow, "16 times")
}

func TestBrokenArchives(t *testing.T) {
	pickle := torchfile.Pickle(torchfile.Contiguous("w", "FloatStorage", "0", 2))
	sound := torchfile.State(pickle, make([]byte, 8))
	if _, err := openBytes(torchfile.Zip(sound...)); err != nil {
		t.Fatal(err)
	}
	before := slices.DeleteFunc(slices.Clone(sound), func(r torchfile.Record) bool { return r.Name == "archive/byteorder" })
	if _, err := openBytes(torchfile.Zip(before...)); err != nil {
		t.Errorf("without a byte order, as PyTorch 1 wrote it: %v", err)
	}
	with := func(name, data string) []byte {
		records := slices.Clone(sound)
		i := slices.IndexFunc(records, func(r torchfile.Record) bool { return r.Name == name })
		records[i].Data = []byte(data)
		return torchfile.Zip(records...)
	}
	for _, c := range []struct {
		what    string
		file    []byte
		culprit string
	}{
		{"empty", nil, `""`},
		{"text", []byte("version number one"), `"version number "`},
		{"pointer", []byte("version https://git-lfs.github.com/spec/v1"), "git lfs pull"},
		{"a bare pickle", pickle, `"\x80\x02}`},
		{"empty zip", torchfile.Zip(), "data.pkl has 0 bytes"},
		{"no pickle", torchfile.Zip(sound[1:]...), "data.pkl has 0 bytes"},
		{"big-endian", with("archive/byteorder", "big"), `"big"`},
		{"twice", torchfile.Zip(append(sound, sound[2])...), `"archive/data/0" is there twice`},
		{"two folders", torchfile.Zip(append(sound, torchfile.Record{Name: "other/data/1"})...), `"other/data/1"`},
		{"huge pickle", with("archive/data.pkl", strings.Repeat("N", maxProgram+1)), "16777217"},
		{"a call", with("archive/data.pkl", "\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."), `byte 21: it calls "os.system"`},
		{"compressed", compressed(t, pickle), `"archive/data.pkl" is compressed`},
	} {
		refuses(t, c.what, c.file, ErrPickle, c.culprit)
	}
	for n := range len(torchfile.Zip(sound...)) {
		if _, err := openBytes(torchfile.Zip(sound...)[:n]); !errors.Is(err, ErrPickle) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

func compressed(t *testing.T, pickle []byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("archive/data.pkl")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pickle); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestForgedDirectories has zip files whose directory says something else than the records before it.
func TestForgedDirectories(t *testing.T) {
	b := smallTorch()
	directory := bytes.Index(b, []byte("PK\x01\x02"))
	entry := func(i int) int { // of the directory
		at := directory
		for range i {
			at += 1 + bytes.Index(b[at+1:], []byte("PK\x01\x02"))
		}
		return at
	}
	forge := func(i, field int, value ...byte) []byte {
		forged := bytes.Clone(b)
		copy(forged[entry(i)+field:], value)
		return forged
	}
	sizes := func(n byte) []byte { return []byte{0, 0, 0, n, 0, 0, 0, n} }
	refuses(t, "huge", forge(2, 20, sizes(0x7f)...), ErrPickle, `"archive/data/0": 2130706432 bytes`)
	refuses(t, "two sizes", forge(2, 20, 9), ErrPickle, `"archive/data/0"`)
	refuses(t, "encrypted", forge(0, 8, 1), ErrPickle, "encrypted")
	refuses(t, "elsewhere", forge(2, 42, 5), ErrPickle, `"archive/data/0"`)
	refuses(t, "shared", forge(2, 42, 0, 0, 0, 0), ErrPickle, "share the bytes")
	refuses(t, "short", forge(2, 20, 4, 0, 0, 0, 4, 0, 0, 0), checkpoint.ErrStorage, `tensor "w"`)
}

func TestBrokenOldFiles(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(folder, "module-old.pt"))
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, new string) []byte {
		if !bytes.Contains(b, []byte(old)) {
			t.Fatalf("%q is not in the file", old)
		}
		return bytes.Replace(b, []byte(old), []byte(new), 1)
	}
	refuses(t, "big-endian", replaced("little_endianq\x02\x88", "little_endianq\x02\x89"), ErrPickle, "little-endian")
	refuses(t, "version", replaced("M\xe9\x03.", "M\xe8\x03."), ErrPickle, "1001")
	refuses(t, "call", replaced("ccollections\nOrderedDict\n", "cposix\nsystem\n"), ErrPickle, "posix.system")
	refuses(t, "fewer elements", replaced("\x14\x00\x00\x00\x00\x00\x00\x00", "\x13\x00\x00\x00\x00\x00\x00\x00"), checkpoint.ErrStorage, "has 19 elements, the tensors say 20")
	for n := range len(b) {
		if _, err := openBytes(b[:n]); !errors.Is(err, ErrPickle) && !errors.Is(err, checkpoint.ErrStorage) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

// TestBadPrograms has pickles that lack what they work on, or do what no dictionary of tensors takes.
func TestBadPrograms(t *testing.T) {
	for program, culprit := range map[string]string{
		"": "cut off", "\x80": "cut off", "N": "cut off", ".": "0 values", "NN.": "2 values", "N.": "expected a dictionary",
		"t.": "TUPLE lacks", "\x87.": "0x87 lacks", "}b.": "BUILD lacks", "NNb.": "BUILD lacks", "Q.": "BINPERSID lacks", "NQ.": "a storage is not",
		"R.": "REDUCE lacks", "NNR.": "REDUCE lacks", "cx\ny\nNR.": "REDUCE lacks", "q\x01.": "nothing is there", "h\x01.": "value 1 is recalled",
		"a.": "APPEND lacks", "]}u.": "SETITEMS lacks", "}Ns.": "SETITEM lacks", "}(Nu.": "SETITEMS lacks", "}(NNu.": "a key is no tensor", "}]a.": "APPEND lacks",
		"\x8a\x09123456789.": "more than 8 bytes", "\x80\x03}.": "protocol 3", "(cos\nsystem\no.": "OBJ", "ios\nsystem\n.": "INST", "cx\ny\n)\x81.": `object of class "x.y"`,
		"}\x95.": "0x95", "ccollections\nOrderedDict\nN\x85R.": "1 arguments", "ctorch._utils\n_rebuild_parameter\nNNN\x87R.": "3 arguments", "NN\x81.": "NEWOBJ lacks",
		strings.Repeat("N", 1<<17): "on the stack",
	} {
		refuses(t, program[:min(len(program), 20)], torchfile.Zip(torchfile.State([]byte(program))...), ErrPickle, culprit)
	}
}

// TestPicklesAllocateInProportion has pickles of a megabyte that make as much as they can.
func TestPicklesAllocateInProportion(t *testing.T) {
	deep := "(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01tq\x00"
	tensor := "ctorch._utils\n_rebuild_tensor\nq\x01((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00h\x00h\x00tq\x02R"
	for what, program := range map[string]string{
		"dictionaries": strings.Repeat("("+strings.Repeat("}", 60000)+"t", 17),
		"tuples":       "N" + strings.Repeat("\x85", 1<<20),
		"doubled":      ")q\x00" + strings.Repeat("h\x00h\x00\x86q\x00", 1<<17),
		"calls":        strings.Repeat("("+strings.Repeat("ccollections\nOrderedDict\n)R", 30000)+"t", 1),
		"tensors":      deep + tensor + strings.Repeat("("+strings.Repeat("h\x01h\x02R", 60000)+"t", 3),
		"memo":         "N" + strings.Repeat("q\x00", 1<<19),
		"keys":         "}X\x01\x00\x00\x00aq\x00" + strings.Repeat("("+strings.Repeat("h\x00N", 20000)+"u", 17),
		"marks":        strings.Repeat("(", 60000) + strings.Repeat("N\x85", 1<<19),
		"text":         "X\xff\xff\xff\xff",
	} {
		b := torchfile.Zip(torchfile.State([]byte(program))...)
		n := tensortest.Allocated(func() {
			if _, err := openBytes(b); err == nil {
				t.Errorf("%s: accepted", what)
			}
		})
		if n > 100*uint64(len(b))+1<<16 {
			t.Errorf("%s: %d bytes allocated for a file of %d", what, n, len(b))
		} else {
			t.Logf("%s: %d times", what, n/uint64(len(b)))
		}
	}
}
