// Package sidefile reads the files that lie beside a model's weights: configurations, vocabularies,
// indexes. Each is read whole.
//
// A folder may come from a stranger. So only regular files are read, or links to them, as the cache of the
// Hugging Face hub has. A file has a limit for its kind, and no memory is allocated for bytes that have
// not arrived: a pipe, a device, a file of holes or a size that is not true gives an error.
//
// Errors are values of type [*fs.PathError], which name the file. A file that is not there matches
// [fs.ErrNotExist]. A link to nothing does not: it is a file that is broken, not one that is absent.
package sidefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Limits in bytes, by kind of file. Each is several times the largest that is published, so that it
// stands in nobody's way, and small enough for the memory that parsing takes.
const (
	// MaxConfig is for configurations: of models, tokenizers, generation and modules. The names of 21,000
	// labels take 2 MB in a config.json, and the added tokens of Gemma 3 1 MB in a tokenizer_config.json.
	MaxConfig = 16 << 20

	// MaxVocabulary is for tokenizer.json and all other vocabularies. Gemma 3's tokenizer.json has 33 MB.
	MaxVocabulary = 128 << 20

	// MaxIndex is for the index of a sharded checkpoint. It has about 100 bytes for each tensor. DeepSeek-V3,
	// with 90,000 tensors, has 9 MB.
	MaxIndex = 64 << 20
)

// Exists reports whether a file called name exists. If that cannot be found out it returns true, so that
// reading the file reports the error.
func Exists(fsys fs.FS, name string) bool {
	_, err := stat(fsys, name)
	return !errors.Is(err, fs.ErrNotExist)
}

// Read returns the contents of a file of at most limit bytes. Of a file of JSON, it returns them
// without the byte-order mark that some editors put before the text.
func Read(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, size, err := Open(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, problem(name, "it has %d bytes; at most %d are read", size, limit)
	}
	b, err := ReadAll(f, name, size)
	if err == nil && IsPointer(b) {
		return nil, problem(name, NotFetched)
	}
	if strings.HasSuffix(name, ".json") {
		b = TrimMark(b)
	}
	return b, err
}

// NotFetched says what is wrong with a file for which [IsPointer] is true.
const NotFetched = "it is a pointer of Git LFS, 130 bytes that point to the file: download the file itself, from the model's page or " +
	"with git lfs pull in this folder"

// IsPointer reports whether b is the beginning of a Git LFS pointer: git clone writes one in place of a large
// file if Git LFS is not installed.
func IsPointer(b []byte) bool { return bytes.HasPrefix(b, []byte("version https://git-lfs")) }

// Open opens a regular file, or a link to one, and returns the size that it says it has.
func Open(fsys fs.FS, name string) (fs.File, int64, error) {
	info, err := stat(fsys, name) // before opening: opening a pipe can wait for ever
	if err == nil {
		_, err = regular(name, info)
	}
	if err != nil {
		return nil, 0, err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, 0, err
	}
	size := int64(0)
	if info, err = f.Stat(); err == nil { // again: another file may have taken its place
		size, err = regular(name, info)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, size, nil
}

// stat is fs.Stat. A link to nothing is an error of its own.
func stat(fsys fs.FS, name string) (fs.FileInfo, error) {
	if err := look(fsys, name); err != nil {
		return nil, err
	}
	info, err := fs.Stat(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		if link, e := fs.Lstat(fsys, name); e == nil && link.Mode()&fs.ModeSymlink != 0 {
			return nil, problem(name, "it is a link to a file that is not there")
		}
	}
	return info, err
}

// look returns an error for what is there and is no regular file, where fs.Stat would open it to find out:
// what fs.Sub returns knows of links and has no Stat. It asks the folder, if that is one of the system's.
func look(fsys fs.FS, name string) error {
	_, links := fsys.(fs.ReadLinkFS)
	if _, stats := fsys.(fs.StatFS); stats || !links {
		return nil
	}
	folder, err := fsys.Open(".")
	if err != nil {
		return nil
	}
	defer folder.Close()
	if f, ok := folder.(*os.File); ok {
		if mode, ok := modeIn(f, name); ok && !mode.IsRegular() {
			return irregular(name, mode)
		}
	}
	return nil
}

func irregular(name string, mode fs.FileMode) error {
	return problem(name, "it is not a regular file: %v", mode)
}

// regular returns the size of a regular file.
func regular(name string, info fs.FileInfo) (int64, error) {
	if !info.Mode().IsRegular() {
		return 0, irregular(name, info.Mode())
	}
	if info.Size() < 0 {
		return 0, problem(name, "it says that it has %d bytes", info.Size())
	}
	return info.Size(), nil
}

// firstRead is the memory for a file before any of it has arrived.
const firstRead = 64 << 10

// ReadAll reads a file from its beginning. It is an error if the file does not have exactly size bytes.
// Memory grows as bytes arrive.
func ReadAll(f fs.File, name string, size int64) ([]byte, error) {
	b := make([]byte, 0, min(size, firstRead)+1) // the byte more shows where the file ends
	for {
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > size:
			return nil, problem(name, "it says that it has %d bytes, and has more", size)
		case err == io.EOF && int64(len(b)) < size:
			return nil, problem(name, "it says that it has %d bytes, and has %d", size, len(b))
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		case len(b) == cap(b):
			b = append(make([]byte, 0, min(size, 2*int64(cap(b)))+1), b...)
		}
	}
}

// problem says what is wrong with a file.
func problem(name, format string, args ...any) error {
	return &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf(format, args...)}
}

// TrimMark returns a text without a leading byte-order mark, which some editors write.
func TrimMark(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) }

// constants are what Python's json writes for numbers that are not finite, the longest first.
var constants = [][]byte{[]byte("-Infinity"), []byte("Infinity"), []byte("NaN")}

// JSON returns a text of JSON, as Python writes it, as encoding/json reads it: without a byte-order mark, and with NaN,
// Infinity and -Infinity as strings, so that they harm nobody who does not ask for them, and are no numbers to who does. The
// text is returned as it is if it has none of these.
func JSON(text []byte) []byte {
	text = TrimMark(text)
	if !bytes.Contains(text, constants[1]) && !bytes.Contains(text, constants[2]) {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for i := 0; i < len(text); {
		n := 1
		switch c := text[i]; c {
		case '"':
			n = stringLength(text[i:])
		case '-', 'I', 'N':
			for _, word := range constants {
				if bytes.HasPrefix(text[i:], word) {
					n = len(word)
					out = append(append(append(out, '"'), word...), '"')
					break
				}
			}
			if n > 1 {
				i += n
				continue
			}
		}
		out = append(out, text[i:i+n]...)
		i += n
	}
	return out
}

// stringLength returns the bytes of the string that a text begins with.
func stringLength(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// maxEntries is the number of names that are read of a folder. The largest that is published has some hundred.
const maxEntries = 1 << 13

// List returns what is in a folder, in order of the names, or nothing if it cannot be read. Of a folder with more than 8192
// files it returns some.
func List(fsys fs.FS, dir string) []fs.DirEntry {
	f, err := fsys.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	var all []fs.DirEntry
	for len(all) < maxEntries {
		some, err := d.ReadDir(maxEntries - len(all))
		all = append(all, some...)
		if err != nil || len(some) == 0 {
			break
		}
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}
