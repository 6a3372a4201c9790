package lora_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/internal/torchfile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// golden is a small model, adapters, and what the reference answers with them: testdata/merge.py made it.
type golden struct {
	name     string
	Config   json.RawMessage
	Seed     int
	Tensors  tensors
	Adapters []struct {
		Config  json.RawMessage
		Tensors tensors
	}
	IDs  []int
	Want struct {
		Shape []int
		Data  string
	}
}

// tensors have values by a formula of their names.
type tensors map[string]struct {
	Shape         []int
	Offset, Scale float64
	Like          string // the tensor whose values this one repeats
}

func (x tensors) source(t testing.TB, seed int) checkpoint.Source {
	t.Helper()
	var entries []checkpoint.Entry
	for _, name := range slices.Sorted(maps.Keys(x)) {
		v := x[name]
		key := fmt.Sprintf("%d:%s", seed, cmp.Or(v.Like, name))
		formula := checkpoint.Formula(map[string]tensor.Shape{key: tensor.Of(v.Shape...)},
			func(string, tensor.Shape) (offset, scale float64) { return v.Offset, v.Scale })
		b, err := formula.Bytes(key)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, checkpoint.Entry{Name: name, DType: checkpoint.F32, Shape: v.Shape, Data: b})
	}
	return checkpointtest.Memory(t, entries...)
}

// safe returns a source as a file of safetensors.
func safe(t testing.TB, src checkpoint.Source) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	if err := safetensors.Write(&b, src, nil); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

// pickled returns a source of float32 as a file of torch.save.
func pickled(t testing.TB, src checkpoint.Source) *fstest.MapFile {
	t.Helper()
	var list []torchfile.Tensor
	var storages [][]byte
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		b, err := src.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, torchfile.Contiguous(name, "FloatStorage", fmt.Sprint(len(list)), info.Shape...))
		storages = append(storages, b)
	}
	return &fstest.MapFile{Data: torchfile.Zip(torchfile.State(torchfile.Pickle(list...), storages...)...)}
}

// folders returns the base, and its adapters.
func (g *golden) folders(t testing.TB, pickle bool) (base fstest.MapFS, adapters []fs.FS) {
	t.Helper()
	base = fstest.MapFS{"config.json": {Data: g.Config}, "model.safetensors": safe(t, g.Tensors.source(t, g.Seed))}
	for i, a := range g.Adapters {
		folder, src := fstest.MapFS{"adapter_config.json": {Data: a.Config}}, a.Tensors.source(t, g.Seed+1+i)
		if pickle {
			folder["adapter_model.bin"] = pickled(t, src)
		} else {
			folder["adapter_model.safetensors"] = safe(t, src)
		}
		adapters = append(adapters, folder)
	}
	return base, adapters
}

func goldens(t testing.TB) []golden {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json.gz")
	if err != nil || len(files) < 38 {
		t.Fatalf("%d golden files, want 38 or more (%v)", len(files), err)
	}
	all := make([]golden, len(files))
	for i, f := range files {
		if err := json.Unmarshal(tensortest.ReadFile(t, f), &all[i]); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[i].name = strings.TrimSuffix(filepath.Base(f), ".json.gz")
	}
	return all
}

// answer returns the logits, or of an encoder without a head the last hidden states.
func answer(t *testing.T, base fs.FS, opt model.Options, ids []int) ([]float32, error) {
	t.Helper()
	d, err := model.OpenDecoder(base, opt)
	if err == nil {
		s := d.NewSession(model.SessionOptions{})
		var rows []float32
		for _, id := range ids {
			if err := s.Append(id); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, s.Logits()...)
		}
		return rows, nil
	}
	if strings.Contains(err.Error(), `"score.weight"`) { // a decoder that classifies
		err = errors.New("OpenEncoder")
	}
	if strings.Contains(err.Error(), "OpenEncoderDecoder") {
		return written(t, base, opt, ids)
	}
	if !strings.Contains(err.Error(), "OpenEncoder") {
		return nil, err
	}
	e, err := model.OpenEncoder(base, opt)
	if err != nil {
		return nil, err
	}
	batch := []arch.Sequence{{IDs: ids}}
	if e.Task == arch.Features {
		x, err := e.Hidden(batch)
		if err != nil {
			t.Fatal(err)
		}
		return x[0].Data, nil
	}
	switch e.Task {
	case arch.MaskedLM, arch.TokenClassification, arch.QuestionAnswering:
		x, err := e.TokenScores(batch)
		if err != nil {
			t.Fatal(err)
		}
		return x[0].Data, nil
	}
	x, err := e.SequenceScores(batch)
	if err != nil {
		t.Fatal(err)
	}
	return x.Data, nil
}

// written returns the logits of an encoder–decoder for the target 0 and ids.
func written(t *testing.T, base fs.FS, opt model.Options, ids []int) ([]float32, error) {
	t.Helper()
	m, err := model.OpenEncoderDecoder(base, opt)
	if err != nil {
		return nil, err
	}
	e, err := m.Encode(ids)
	if err != nil {
		t.Fatal(err)
	}
	s := m.NewSession(e[0], model.SessionOptions{})
	var rows []float32
	for _, id := range append([]int{0}, ids...) {
		if err := s.Append(id); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, s.Logits()...)
	}
	return rows, nil
}

// near is the largest difference from the reference, of the largest magnitude.
const near = 2e-5

func (g *golden) check(t *testing.T, what string, got []float32) {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(g.Want.Data, "f32:"))
	if err != nil || len(b) != 4*len(got) {
		t.Fatalf("%s: %d values, want %d (%v)", what, len(got), len(b)/4, err)
	}
	var worst, size float64
	for i, v := range got {
		want := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
		worst, size = max(worst, math.Abs(float64(v)-want)), max(size, math.Abs(want))
	}
	if !(worst <= near*size) {
		t.Errorf("%s: error %.2g of the largest magnitude", what, worst/size)
	}
}

// Models with their adapters answer as the reference's do, whichever file the adapter is in.
func TestGolden(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name, func(t *testing.T) {
			for _, pickle := range []bool{false, true} {
				base, adapters := g.folders(t, pickle)
				got, err := answer(t, base, model.Options{Adapters: adapters}, g.IDs)
				if err != nil {
					t.Fatal(err)
				}
				g.check(t, fmt.Sprintf("pickle %v", pickle), got)
			}
		})
	}
}

// A merged source gives the same tensors whole and in pieces of any size, and they are those of the names that it has.
func TestSource(t *testing.T) {
	for _, g := range goldens(t) {
		src := merge(t, &g)
		for name := range src.Names() {
			info, ok := src.Lookup(name)
			if !ok || info.Name != name {
				t.Fatalf("%s: %q is %+v, %v", g.name, name, info, ok)
			}
			whole, err := src.Bytes(name)
			if err != nil || int64(len(whole)) != info.Size {
				t.Fatalf("%s: %q has %d bytes, want %d (%v)", g.name, name, len(whole), info.Size, err)
			}
			for _, size := range []int{1, 7, 64, 100, 1 << 20} {
				var got []byte
				for b, err := range src.Chunks(name, size) {
					if err != nil || len(b) == 0 || len(b) > max(size, 4) {
						t.Fatalf("%s: %q in pieces of %d: %d bytes, %v", g.name, name, size, len(b), err)
					}
					got = append(got, b...)
				}
				if !bytes.Equal(got, whole) {
					t.Fatalf("%s: %q in pieces of %d differs", g.name, name, size)
				}
			}
			src.Release(name)
		}
		if _, ok := src.Lookup("no such"); ok {
			t.Errorf("%s: finds what is not there", g.name)
		}
		if n := slices.Collect(src.Names()); len(n) != len(slices.Compact(slices.Sorted(slices.Values(n)))) {
			t.Errorf("%s: a name is given twice", g.name)
		}
	}
}
