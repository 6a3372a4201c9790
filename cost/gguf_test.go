package cost_test

import (
	"bytes"
	"os"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// A GGUF file costs what the folder does that it was made of, and says how many bytes its weights have.
func TestGGUF(t *testing.T) {
	folder := os.DirFS("../examples/internal/tiny/decoder")
	want, err := cost.Open(folder, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	meta, src, err := model.ConvertGGUF(folder, "", model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var b bytes.Buffer
	if err := gguf.Write(&b, meta, src); err != nil {
		t.Fatal(err)
	}
	got, err := cost.Open(fstest.MapFS{"m.gguf": {Data: b.Bytes()}}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Parameters != want.Parameters || got.Active != want.Active || got.Family != want.Family || got.Parameters == 0 {
		t.Errorf("%d and %d parameters of %s, want %d and %d of %s", got.Parameters, got.Active, got.Family, want.Parameters, want.Active, want.Family)
	}
	// Two bytes a weight, and four for those of norms.
	if least := 2 * got.Parameters; got.Stored < least || got.Stored > least+least/100 || want.Stored != 0 {
		t.Errorf("%d bytes are stored of %d parameters, %d of the folder", got.Stored, got.Parameters, want.Stored)
	}
	if _, err := cost.Open(fstest.MapFS{"m.gguf": {Data: b.Bytes()[:100]}}, model.Options{}); err == nil {
		t.Error("a file that was cut is opened")
	}
}
