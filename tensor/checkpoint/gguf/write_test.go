package gguf

import (
	"bytes"
	"io/fs"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// mustWrite returns a file.
func mustWrite(t testing.TB, m *Metadata, entries ...checkpoint.Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, m, checkpointtest.Memory(t, entries...)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// entries are those of checkpointtest that the format can hold.
func entries() []checkpoint.Entry {
	return slices.DeleteFunc(checkpointtest.Entries(), func(e checkpoint.Entry) bool { return number(e.DType) < 0 || len(e.Shape) > maxDims })
}

func TestRoundTrip(t *testing.T) {
	var m Metadata
	m.Set("general.architecture", Of("test"))
	m.Set("tokens", ArrayOf([]string{"a", "", "naïve"}))
	m.Set(alignmentKey, Of(uint32(64)))
	checkpointtest.EachFS(t, model, mustWrite(t, &m, entries()...), func(t *testing.T, fsys fs.FS) {
		f, err := Open(fsys, model)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		checkpointtest.Check(t, f, entries())
		if got, want := f.Metadata().Keys(), m.Keys(); !slices.Equal(got, want) {
			t.Errorf("keys %q, expected %q", got, want)
		}
		if s, err := f.Metadata().Strings("tokens"); err != nil || !slices.Equal(s, []string{"a", "", "naïve"}) {
			t.Errorf("%q %v", s, err)
		}
	})
}
