package tensortest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// ReadFile returns what a file holds, unpacked where its name ends in .gz.
func ReadFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err == nil && strings.HasSuffix(name, ".gz") {
		data, err = Gunzip(data)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return data
}

// Gunzip unpacks a file that a test has embedded.
func Gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// Zip returns the folders of a zip archive.
func Zip(t testing.TB, name string) fs.FS {
	t.Helper()
	data := ReadFile(t, name)
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}
