package model_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// mixtures are the cases whose models have experts.
func mixtures(t testing.TB) []golden {
	return slices.DeleteFunc(goldens(t), func(g golden) bool { return len(g.Routing) == 0 })
}

// mixture returns one of them.
func mixture(t testing.TB) golden { return mixtures(t)[0] }

// sharded writes the checkpoint in shards, its tensors in this type, and returns where it is.
func (g *golden) sharded(t testing.TB, dt tensor.DType, shards int) string {
	t.Helper()
	dir, src := t.TempDir(), g.weights(t, dt)
	parts := make([][]checkpoint.Entry, shards)
	i := 0
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		b, err := src.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		parts[i%shards] = append(parts[i%shards], checkpoint.Entry{Name: name, DType: info.DType, Shape: info.Shape, Data: b})
		i++
	}
	for i, part := range parts {
		src, err := checkpoint.Memory(part...)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := safetensors.Write(&b, src, nil); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, shards)), b.Bytes())
	}
	writeFile(t, filepath.Join(dir, "config.json"), g.Config)
	return dir
}

func writeFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// openMapped opens a folder with mapped experts.
func openMapped(t testing.TB, dir string, opt model.Options) *model.Decoder {
	t.Helper()
	opt.Experts = nn.Mapped
	d, err := model.OpenDecoder(os.DirFS(dir), opt)
	if err != nil && strings.Contains(err.Error(), "cannot be read in place") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// Mapped and packed experts give the same bits, for every family, type and precision, from shards too.
func TestMappedGolden(t *testing.T) {
	eachSet(t, func(t *testing.T) {
		for i, g := range mixtures(t) {
			dt := []tensor.DType{tensor.F32, tensor.F16}[i%2]
			dir := g.sharded(t, dt, 1+i%3)
			for _, p := range []nn.Precision{nn.Exact, nn.BF16Activations} {
				packed, err := model.OpenDecoder(os.DirFS(dir), model.Options{Precision: p})
				if err != nil {
					t.Fatal(err)
				}
				want := promptLogits(t, packed, g.Prompt)
				mapped := openMapped(t, dir, model.Options{Precision: p})
				tensortest.CheckBits(t, fmt.Sprintf("%s, %v, precision %v", g.Name, dt, p), promptLogits(t, mapped, g.Prompt), want)
				if err := errors.Join(packed.Close(), mapped.Close()); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// promptLogits returns the logits after a prompt, and after each of some tokens more.
func promptLogits(t testing.TB, d *model.Decoder, prompt []int) []float32 {
	t.Helper()
	s := d.NewSession(model.SessionOptions{})
	x, err := s.Extend(prompt...)
	if err != nil {
		t.Fatal(err)
	}
	all := x.Data
	for _, id := range prompt[:min(3, len(prompt))] {
		feed(t, s, id)
		all = append(all, s.Logits()...)
	}
	return all
}

// An encoder made of a decoder maps its experts too.
func TestMappedEncoder(t *testing.T) {
	g := mixture(t)
	dir := g.sharded(t, tensor.F32, 2)
	batch := []arch.Sequence{{IDs: g.Prompt}}
	var want []tensor.Tensor
	for _, where := range []nn.Placement{nn.Packed, nn.Mapped} {
		e, err := model.OpenEncoder(os.DirFS(dir), model.Options{Experts: where, Skip: func(string) bool { return true }})
		if err != nil {
			t.Skip(err)
		}
		got, err := e.Hidden(batch)
		if err != nil {
			t.Fatal(err)
		}
		if where == nn.Packed {
			want = got
			continue
		}
		tensortest.CheckBits(t, g.Name, got[0].Data, want[0].Data)
		if err := errors.Join(e.Close(), e.Close()); err != nil {
			t.Error(err)
		}
		if _, err := e.Hidden(batch); !errors.Is(err, checkpoint.ErrClosed) {
			t.Errorf("a closed encoder: %v", err)
		}
	}
}

// A token of a model with mapped experts allocates nothing.
func TestMappedAllocatesNothing(t *testing.T) {
	if tensortest.Race {
		t.Skip("the race detector allocates")
	}
	g := mixture(t)
	d := openMapped(t, g.sharded(t, tensor.F16, 2), model.Options{})
	s := d.NewSession(model.SessionOptions{Reserve: 32})
	feed(t, s, g.Prompt[:2]...)
	if got := testing.AllocsPerRun(10, func() { feed(t, s, g.Prompt[0]) }); got != 0 {
		t.Errorf("%v allocations for a token", got)
	}
}

// After Close, everything that computes returns an error, and the files are no longer mapped. Close of a model that has
// copies does nothing.
func TestMappedClose(t *testing.T) {
	g := mixture(t)
	dir := g.sharded(t, tensor.F32, 3)
	d := openMapped(t, dir, model.Options{})
	s, other := d.NewSession(model.SessionOptions{}), d.NewSession(model.SessionOptions{})
	feed(t, s, g.Prompt...)
	feed(t, other, g.Prompt...)
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil && !bytes.Contains(maps, []byte(dir)) {
		t.Error("the files are not mapped")
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil && bytes.Contains(maps, []byte(dir)) {
		t.Error("the files are mapped still")
	}
	id := g.Prompt[0]
	ctx, none := context.Background(), model.GenerateOptions{MaxTokens: 3}
	for name, do := range map[string]func() error{
		"Append":      func() error { return s.Append(id) },
		"Extend":      func() error { _, err := s.Extend(id); return err },
		"AppendBatch": func() error { return d.AppendBatch([]model.Input{{Session: other, IDs: []int{id}}}) },
		"Generate": func() (err error) {
			for _, err = range d.NewSession(model.SessionOptions{}).Generate(ctx, g.Prompt, nil, none) {
			}
			return err
		},
		"GenerateBatch": func() error {
			_, err := d.GenerateBatch(ctx, []model.Input{{Session: d.NewSession(model.SessionOptions{}), IDs: g.Prompt}}, nil, none)
			return err
		},
	} {
		if err := do(); !errors.Is(err, checkpoint.ErrClosed) {
			t.Errorf("%s of a closed model: %v", name, err)
		}
	}
	packed, err := model.OpenDecoder(os.DirFS(dir), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	feed(t, packed.NewSession(model.SessionOptions{}), g.Prompt...)
}

// Close while sessions generate: they end with the error, and nothing else happens.
func TestMappedCloseWhileGenerating(t *testing.T) {
	g := mixture(t)
	dir := g.sharded(t, tensor.F32, 2)
	for i := range 10 {
		d := openMapped(t, dir, model.Options{})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					s := d.NewSession(model.SessionOptions{})
					if err := s.Append(g.Prompt...); err != nil {
						if !errors.Is(err, checkpoint.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(i) * time.Millisecond)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
	}
}

// A file that becomes shorter, or is written to, while it is mapped is an error that names it: of the session, and of
// all others.
func TestMappedFileChanges(t *testing.T) {
	g := mixture(t)
	for what, change := range map[string]func(name string, size int64) error{
		"shorter by most":   func(name string, size int64) error { return os.Truncate(name, 10) },
		"shorter by a byte": func(name string, size int64) error { return os.Truncate(name, size-1) },
		"empty":             func(name string, size int64) error { return os.Truncate(name, 0) },
		"written to": func(name string, size int64) error {
			later := time.Now().Add(time.Hour) // as clocks of file systems may be coarse
			return os.Chtimes(name, later, later)
		},
	} {
		dir := g.sharded(t, tensor.F32, 1)
		d := openMapped(t, dir, model.Options{})
		s := d.NewSession(model.SessionOptions{})
		feed(t, s, g.Prompt[:2]...)
		name := filepath.Join(dir, "model-00001-of-00001.safetensors")
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(name, info.Size()); err != nil {
			t.Logf("a mapped file stays as it is here: %v", err)
			continue
		}
		for range 2 {
			if err := s.Append(g.Prompt...); !errors.Is(err, checkpoint.ErrReadFile) || !strings.Contains(err.Error(), "model-00001-of-00001") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := d.NewSession(model.SessionOptions{}).Append(g.Prompt...); !errors.Is(err, checkpoint.ErrReadFile) {
			t.Errorf("%s, another session: %v", what, err)
		}
		if err := d.Close(); err != nil {
			t.Errorf("%s: closing: %v", what, err)
		}
	}
}

// The source of NewDecoder is its caller's to close; a file system that maps nothing is an error that says so.
func TestMappedSources(t *testing.T) {
	g := mixture(t)
	src := g.weights(t, tensor.F32)
	d, err := model.NewDecoder(g.Config, src, model.Options{Experts: nn.Mapped})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := model.NewDecoder(g.Config, src, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tensortest.CheckBits(t, "a source in memory", promptLogits(t, d, g.Prompt), promptLogits(t, packed, g.Prompt))
	dir := g.sharded(t, tensor.F32, 1)
	file, err := os.ReadFile(filepath.Join(dir, "model-00001-of-00001.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"config.json": {Data: g.Config}, "model.safetensors": {Data: file}}
	if _, err := model.OpenDecoder(fsys, model.Options{Experts: nn.Mapped}); err == nil || !strings.Contains(err.Error(), "cannot be read in place") {
		t.Errorf("a file system that maps nothing: %v", err)
	}
}
