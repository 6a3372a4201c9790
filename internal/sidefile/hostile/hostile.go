// Package hostile makes folders with a fault in one file, to test functions that open folders.
package hostile

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"
	"time"
)

// A Folder has a fault in one file, or has that file in an unusual way.
type Folder struct {
	Name  string
	FS    fs.FS
	Sound bool // the file can be read all the same
}

// A fault puts something in the place of a file. data is what belongs there, and spare a folder for more.
type fault struct {
	name  string
	make  func(path, spare string, data []byte) error
	sound bool
}

// everywhere are the faults that a file can have on every system.
var everywhere = []fault{
	{name: "a folder", make: func(path, _ string, _ []byte) error { return os.Mkdir(path, 0o777) }},
	{name: "40 GB of holes", make: func(path, _ string, _ []byte) error {
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			return err
		}
		return os.Truncate(path, 40<<30)
	}},
	{name: "a link to nothing", make: func(path, spare string, _ []byte) error {
		return os.Symlink(filepath.Join(spare, "nothing"), path)
	}},
	{name: "a link to itself", make: func(path, _ string, _ []byte) error { return os.Symlink(path, path) }},
	{name: "a link to a folder", make: func(path, spare string, _ []byte) error { return os.Symlink(spare, path) }},
	{name: "a link to a link to the file", sound: true, make: func(path, spare string, data []byte) error {
		file, link := filepath.Join(spare, "file"), filepath.Join(spare, "link")
		if err := os.WriteFile(file, data, 0o666); err != nil {
			return err
		}
		if err := os.Symlink(file, link); err != nil {
			return err
		}
		return os.Symlink(link, path)
	}},
}

// Folders returns the folder with each fault that the file name can have in it: on disk, and in a file
// system that says what is not true. A fault that the system cannot have is left out.
func Folders(t testing.TB, folder fstest.MapFS, name string) []Folder {
	t.Helper()
	data := folder[name].Data
	var all []Folder
	for _, f := range append(special(), everywhere...) {
		dir := t.TempDir()
		inside, spare := filepath.Join(dir, "folder"), filepath.Join(dir, "spare")
		rest := fstest.MapFS{}
		for other, file := range folder {
			if other != name {
				rest[other] = file
			}
		}
		path := filepath.Join(inside, filepath.FromSlash(name))
		for _, made := range []string{filepath.Dir(path), spare} {
			if err := os.MkdirAll(made, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.CopyFS(inside, rest); err != nil {
			t.Fatal(err)
		}
		if err := f.make(path, spare, data); err != nil {
			t.Logf("%s: left out: %v", f.name, err)
			continue
		}
		part, err := fs.Sub(os.DirFS(dir), "folder") // it has no Stat: fs.Stat opens files
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Folder{f.name, os.DirFS(inside), f.sound}, Folder{f.name + ", in a part", part, f.sound})
	}
	size := int64(len(data))
	return append(all,
		Folder{"says it has 1 TB", liar{folder, name, 1 << 40, fs.File.Read, false}, false},
		Folder{"says it has 1 TB, in any order", liar{folder, name, 1 << 40, fs.File.Read, true}, false},
		Folder{"says it has 0 bytes", liar{folder, name, 0, fs.File.Read, false}, false},
		Folder{"says it has −1 bytes", liar{folder, name, -1, fs.File.Read, false}, false},
		Folder{"says it has a byte less", liar{folder, name, size - 1, fs.File.Read, false}, false},
		Folder{"says it has a byte more", liar{folder, name, size + 1, fs.File.Read, false}, false},
		Folder{"does not end", liar{folder, name, size, endless, false}, false})
}

// endless reads zeros.
func endless(_ fs.File, b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// A liar is a file system in which one file has not the size that it says it has.
type liar struct {
	fs.FS
	name     string
	size     int64
	read     func(fs.File, []byte) (int, error)
	anyOrder bool // the file is an io.ReaderAt
}

func (l liar) Open(name string) (fs.File, error) {
	f, err := l.FS.Open(name)
	if err != nil || name != l.name {
		return f, err
	}
	lie := lyingFile{f, l}
	if at, ok := f.(io.ReaderAt); ok && l.anyOrder {
		return struct {
			lyingFile
			io.ReaderAt
		}{lie, at}, nil
	}
	return lie, nil
}

type lyingFile struct {
	fs.File
	l liar
}

func (f lyingFile) Read(b []byte) (int, error) { return f.l.read(f.File, b) }

func (f lyingFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return lyingInfo{info, f.l.size}, err
}

type lyingInfo struct {
	fs.FileInfo
	size int64
}

func (i lyingInfo) Size() int64 { return i.size }

// Check opens each of the folders, and fails the test where that takes more than a few seconds, or allocates
// more than most bytes, or where a faulty folder gives no error or a sound one does. It returns the errors
// of the faulty ones by their names.
func Check(t testing.TB, folders []Folder, most uint64, open func(fs.FS) error) map[string]error {
	t.Helper()
	errs := map[string]error{}
	for _, f := range folders {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		done := make(chan error, 1)
		go func() { done <- open(f.FS) }()
		var err error
		select {
		case err = <-done:
		case <-time.After(10 * time.Second): // a second at most, if nothing else is running
			t.Fatalf("%s: opening does not end", f.Name)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s: opening allocates %d bytes", f.Name, n)
		}
		if (err == nil) != f.Sound {
			t.Errorf("%s: error %v", f.Name, err)
		}
		if !f.Sound {
			errs[f.Name] = err
		}
	}
	return errs
}
