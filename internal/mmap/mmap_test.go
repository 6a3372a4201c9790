package mmap

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func create(t *testing.T, data []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func mustOpen(t *testing.T, f *os.File) *Mapping {
	t.Helper()
	m, err := Open(f)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestContents(t *testing.T) {
	page := os.Getpagesize()
	for _, size := range []int{0, 1, page - 1, page, page + 1, 3*page + 17} {
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i * 7)
		}
		f := create(t, want)
		m := mustOpen(t, f)
		for _, r := range [][2]int{{0, size}, {size / 2, size - size/2}, {size / 3, size / 3}, {size, 0}} {
			if !bytes.Equal(m.Bytes(), want) {
				t.Fatalf("%d bytes read differently", size)
			}
			m.Drop(r[0], r[1])
		}
		if !bytes.Equal(m.Bytes(), want) {
			t.Errorf("%d bytes read differently after Drop", size)
		}
		if err := errors.Join(m.Close(), m.Close()); err != nil || m.Bytes() != nil {
			t.Errorf("closing %d bytes: %v", size, err)
		}
	}
}

func TestRangesAreChecked(t *testing.T) {
	m := mustOpen(t, create(t, make([]byte, 10)))
	defer m.Close()
	for _, r := range [][2]int{{-1, 2}, {0, 11}, {10, 1}, {5, -1}, {math.MaxInt, math.MaxInt}} {
		tensortest.Panics(t, fmt.Sprintf("mmap: %d bytes from %d of 10", r[1], r[0]), func() { m.Drop(r[0], r[1]) })
	}
}

func TestNotAFile(t *testing.T) {
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Open(f); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a folder: %v", err)
	}
	closed := create(t, nil)
	closed.Close()
	if _, err := Open(closed); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
}
