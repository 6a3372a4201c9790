package sidefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/internal/sidefile/hostile"
)

// What cannot be read gives an error that names the file, at once and for little memory.
func TestHostileFiles(t *testing.T) {
	for _, size := range []int{0, 5, 200_000} {
		data := bytes.Repeat([]byte("x"), size)
		folder := fstest.MapFS{"sub/a.json": {Data: data}, "other": {}}
		folders := hostile.Folders(t, folder, "sub/a.json")
		if size == 0 { // then it is true
			folders = folders[:len(folders)-7]
		}
		errs := hostile.Check(t, folders, 1<<20, func(fsys fs.FS) error {
			got, err := sidefile.Read(fsys, "sub/a.json", 1<<20)
			if err == nil && !bytes.Equal(got, data) {
				t.Errorf("%d bytes: %d were read", len(data), len(got))
			}
			if !sidefile.Exists(fsys, "sub/a.json") {
				t.Errorf("%v: the file is taken for absent", fsys)
			}
			return err
		})
		for name, err := range errs {
			var p *fs.PathError
			if !errors.As(err, &p) || p.Path != "sub/a.json" || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, want := range map[string]string{
			"a pipe": "not a regular file: prw", "a link to /dev/zero": "not a regular file: Dcrw", "a socket": "not a regular file: Srw",
			"a folder": "not a regular file: drwx", "a link to nothing": "a link to a file that is not there",
			"40 GB of holes": "42949672960 bytes; at most 1048576 are read", "says it has 1 TB": "1099511627776 bytes; at most 1048576",
			"says it has −1 bytes": "says that it has -1 bytes", "says it has 0 bytes": "says that it has 0 bytes, and has more",
			"says it has a byte more": "and has", "does not end": "and has more",
		} {
			if err := errs[name]; err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error lacks %q: %v", name, want, err)
			}
		}
	}
}

func TestLimit(t *testing.T) {
	fsys := fstest.MapFS{"a": {Data: make([]byte, 1000)}}
	if b, err := sidefile.Read(fsys, "a", 1000); err != nil || len(b) != 1000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := sidefile.Read(fsys, "a", 999); err == nil || err.Error() != "read a: it has 1000 bytes; at most 999 are read" {
		t.Errorf("error %v", err)
	}
}

// What git clone writes without Git LFS says how to get the file.
func TestPointer(t *testing.T) {
	fsys := fstest.MapFS{"a": {Data: []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")}, "b": {Data: []byte("version 2")}}
	if _, err := sidefile.Read(fsys, "a", 1000); err == nil || !strings.HasPrefix(err.Error(), "read a: ") || !strings.Contains(err.Error(), "git lfs pull") {
		t.Errorf("error %v", err)
	}
	if _, err := sidefile.Read(fsys, "b", 1000); err != nil {
		t.Error(err)
	}
}

func TestAbsent(t *testing.T) {
	for _, fsys := range []fs.FS{fstest.MapFS{}, os.DirFS(t.TempDir())} {
		if _, err := sidefile.Read(fsys, "a", 9); !errors.Is(err, fs.ErrNotExist) || sidefile.Exists(fsys, "a") {
			t.Errorf("error %v", err)
		}
	}
}

// A file is read however few bytes come at a time, and for twice its size of memory.
func TestReadAll(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	for _, size := range []int{0, 1, 10, 64 << 10, 64<<10 + 1, len(data)} {
		for name, r := range map[string]reader{"whole": bytes.NewReader(data[:size]), "byte by byte": iotest.OneByteReader(bytes.NewReader(data[:size])),
			"the end with the data": iotest.DataErrReader(bytes.NewReader(data[:size]))} {
			got, err := sidefile.ReadAll(file{r}, "a", int64(size))
			if err != nil || !bytes.Equal(got, data[:size]) {
				t.Errorf("%d bytes, %s: %d, %v", size, name, len(got), err)
			}
		}
	}
	most := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, err := sidefile.ReadAll(file{bytes.NewReader(data)}, "a", int64(len(data))); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if most > 2*int64(len(data))+256<<10 {
		t.Errorf("%d bytes allocated for %d", most, len(data))
	}
	if _, err := sidefile.ReadAll(file{bytes.NewReader(data)}, "a", math.MaxInt64); err == nil || !strings.Contains(err.Error(), "and has 1000000") {
		t.Errorf("error %v", err)
	}
	broken := errors.New("broken")
	if _, err := sidefile.ReadAll(file{iotest.ErrReader(broken)}, "a", 5); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

type reader interface{ Read([]byte) (int, error) }

// file is a file that can only be read.
type file struct{ reader }

func (file) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }

func (file) Close() error { return nil }

// Links out of a folder are followed by os.DirFS, and not by os.Root.
func TestRoot(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "outside"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../outside", filepath.Join(inside, "a")); err != nil {
		t.Skip(err)
	}
	if _, err := sidefile.Read(os.DirFS(inside), "a", 9); err != nil {
		t.Error(err)
	}
	root, err := os.OpenRoot(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := sidefile.Read(root.FS(), "a", 9); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("error %v", err)
	}
	if !sidefile.Exists(root.FS(), "a") {
		t.Error("a link out of the root is taken for absent")
	}
}

func TestTrimMark(t *testing.T) {
	for text, want := range map[string]string{"\ufeff{}": "{}", "{}": "{}", "": "", "\ufeff\ufeff": "\ufeff"} {
		if got := sidefile.TrimMark([]byte(text)); string(got) != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// JSON as Python writes it is read by encoding/json, and what is in strings stays.
func TestJSON(t *testing.T) {
	for text, want := range map[string]string{
		"\ufeff{}": "{}", `{"a": NaN}`: `{"a": "NaN"}`, `[Infinity,-Infinity]`: `["Infinity","-Infinity"]`, `-1`: `-1`, `"Infinity"`: `"Infinity"`,
		`{"NaN": "a \" NaN \\", "b": NaN}`: `{"NaN": "a \" NaN \\", "b": "NaN"}`, `"NaN`: `"NaN`, `"NaN\`: `"NaN\`, `Nothing NaN`: `Nothing "NaN"`, "": "",
	} {
		if got := sidefile.JSON([]byte(text)); string(got) != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	fsys := fstest.MapFS{"a.json": {Data: []byte("\ufeff{}")}, "a.txt": {Data: []byte("\ufeffa")}}
	for name, want := range map[string]string{"a.json": "{}", "a.txt": "\ufeffa"} {
		if got, err := sidefile.Read(fsys, name, 9); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A folder is listed in order, as far as it goes; what is no folder has nothing in it.
func TestList(t *testing.T) {
	fsys := fstest.MapFS{"b": {}, "a/c": {}}
	for i := range 9000 {
		fsys[fmt.Sprintf("many/%d", i)] = &fstest.MapFile{}
	}
	for dir, want := range map[string]int{".": 3, "a": 1, "b": 0, "no such": 0, "many": 8192} {
		list := sidefile.List(fsys, dir)
		if len(list) != want {
			t.Errorf("%s: %d entries, want %d", dir, len(list), want)
		}
		if !slices.IsSortedFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) }) {
			t.Errorf("%s is not in order", dir)
		}
	}
}
