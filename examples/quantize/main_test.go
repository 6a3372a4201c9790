package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

var folder = filepath.FromSlash("../internal/tiny/decoder")

// A folder that was written holds the values of the model that is made when the other is opened.
func TestFolder(t *testing.T) {
	for name, bits := range map[string]tensor.DType{"Q4_0": tensor.Q4_0, "Q8_0": tensor.Q8_0} {
		choose, err := quantize.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), "written")
		var r report
		if err := writeFolder(folder, to, name, choose, &r); err != nil {
			t.Fatal(err)
		}
		if len(r.tensors) != 28 || r.all.Relative() < 0.003 || r.all.Relative() > 0.1 {
			t.Errorf("%s: %d tensors, error %v", name, len(r.tensors), r.all.Relative())
		}
		inLayers := func(m nn.Matrix) tensor.DType {
			if m.Use == nn.Products {
				return bits
			}
			return m.DType
		}
		written, _, err := open(to, model.Options{KeepBits: true})
		if err != nil {
			t.Fatal(err)
		}
		made, _, err := open(folder, model.Options{Convert: inLayers})
		if err != nil {
			t.Fatal(err)
		}
		var losses [2]float64
		for i, d := range []*model.Decoder{written, made} {
			m := &text{text: stories, window: 64, windows: 1}
			if err := m.measure(context.Background(), d); err != nil {
				t.Fatal(err)
			}
			losses[i] = m.perplexity.Loss
		}
		// The products may round activations in one of the two: to 8 bits in blocks, a hundredth of the loss at most.
		if math.Abs(losses[0]-losses[1]) > 0.01*losses[1] {
			t.Errorf("%s: loss %v of what was written, %v of what was made", name, losses[0], losses[1])
		}
		if err := writeFolder(folder, to, name, choose, &r); err == nil || !strings.Contains(err.Error(), "exists") {
			t.Errorf("written over a folder: %v", err)
		}
	}
}

// A GGUF file keeps its metadata and gets the types of the mix.
func TestGGUF(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from.gguf"), filepath.Join(dir, "to.gguf")
	src, err := checkpoint.Memory(
		checkpoint.Entry{Name: "token_embd.weight", DType: checkpoint.F16, Shape: []int{3, 256}, Data: make([]byte, 2*3*256)},
		checkpoint.Entry{Name: "blk.0.ffn_up.weight", DType: checkpoint.BF16, Shape: []int{2, 256}, Data: make([]byte, 2*2*256)},
		checkpoint.Entry{Name: "output_norm.weight", DType: checkpoint.F32, Shape: []int{2}, Data: make([]byte, 8)})
	if err != nil {
		t.Fatal(err)
	}
	var meta gguf.Metadata
	meta.Set("general.architecture", gguf.Of("llama"))
	file, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := gguf.Write(file, &meta, src); err != nil {
		t.Fatal(err)
	}
	file.Close()
	if err := writeGGUF(from, to, "Q4_K_M", quantize.Q4_K_M, new(report)); err != nil {
		t.Fatal(err)
	}
	f, err := openFile(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]checkpoint.DType{"token_embd.weight": checkpoint.Q6_K, "blk.0.ffn_up.weight": checkpoint.Q4_K, "output_norm.weight": checkpoint.F32} {
		if info, _ := f.Lookup(name); info.DType != want {
			t.Errorf("%s is %v, want %v", name, info.DType, want)
		}
	}
	if v, err := f.Metadata().Uint("general.file_type"); v != 15 || err != nil {
		t.Errorf("the file says type %d, %v", v, err)
	}
	if v, err := f.Metadata().String("general.architecture"); v != "llama" || err != nil {
		t.Errorf("the file says architecture %q, %v", v, err)
	}
}

func TestErrors(t *testing.T) {
	for want, f := range map[string]flags{
		"Q3_X":               {to: "Q3_X"},
		"-o needs -model":    {to: "Q8_0", out: "x"},
		"Q4_K_M is for":      {to: "Q4_K_M", model: folder, out: filepath.Join(t.TempDir(), "x")},
		"no such file":       {to: "Q8_0", text: filepath.Join(t.TempDir(), "x")},
		"-model nowhere":     {to: "Q8_0", model: "nowhere.gguf"},
		"less than a window": {to: "Q8_0", text: "main_test.go", windows: 1, model: folder},
	} {
		if want == "less than a window" {
			short := filepath.Join(t.TempDir(), "short.txt")
			if err := os.WriteFile(short, []byte("The cat"), 0o600); err != nil {
				t.Fatal(err)
			}
			f.text = short
		}
		if err := run(context.Background(), new(strings.Builder), f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error with %q", f, err, want)
		}
	}
}
