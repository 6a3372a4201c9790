package lora_test

import (
	"math/rand/v2"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/lora"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
)

// merge returns the base with all adapters.
func merge(t testing.TB, g *golden) checkpoint.Source {
	t.Helper()
	_, folders := g.folders(t, false)
	config, err := hf.ParseConfig("config.json", g.Config)
	if err != nil {
		t.Fatal(err)
	}
	src := g.Tensors.source(t, g.Seed)
	for _, folder := range folders {
		a, err := lora.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close() })
		if src, err = a.Merge(src, config); err != nil {
			t.Fatal(err)
		}
	}
	return src
}

// stored returns values in a type.
func stored(name string, dt tensor.DType, values []float32, shape ...int) checkpoint.Entry {
	b := make([]byte, dt.Bytes(len(values)))
	dt.Encode(b, values)
	return checkpoint.Entry{Name: name, DType: checkpoint.DType(dt.String()), Shape: shape, Data: b}
}

// In whatever types base and adapter are stored, the sum is float32, of the values as they are stored.
func TestTypes(t *testing.T) {
	const rows, cols, r, alpha = 5, 64, 2, 3
	random := rand.New(rand.NewPCG(1, 2))
	w, down, up := tensortest.Normal(random, rows*cols), tensortest.Normal(random, r*cols), tensortest.Normal(random, rows*r)
	c, err := hf.ParseConfig("config.json", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0, tensor.Q4_1} {
		for _, kept := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16} {
			entries := []checkpoint.Entry{stored("q.weight", base, w, rows, cols), stored("q.lora_A.weight", kept, down, r, cols), stored("q.lora_B.weight", kept, up, rows, r)}
			a, err := lora.Open(fstest.MapFS{"adapter_config.json": {Data: []byte(`{"peft_type": "LORA", "r": 2, "lora_alpha": 3, "target_modules": ["q"]}`)},
				"adapter_model.safetensors": safe(t, checkpointtest.Memory(t, entries[1:]...))})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			src, err := a.Merge(checkpointtest.Memory(t, entries[0]), c)
			if err != nil {
				t.Fatal(err)
			}
			if info, _ := src.Lookup("q.weight"); info.DType != checkpoint.F32 {
				t.Errorf("%v and %v are merged as %v", base, kept, info.DType)
			}
			got, err := checkpoint.ReadFloat32(src, "q.weight")
			if err != nil {
				t.Fatal(err)
			}
			all, err := checkpoint.Memory(entries...)
			if err != nil {
				t.Fatal(err)
			}
			read := func(name string) tensor.Tensor {
				x, err := checkpoint.ReadFloat32(all, name)
				if err != nil {
					t.Fatal(err)
				}
				return x
			}
			x, y, z := read("q.weight"), read("q.lora_B.weight"), read("q.lora_A.weight")
			for i := range rows {
				for j := range cols {
					want := float64(x.Row(i)[j])
					for k := range r {
						want += alpha / float64(r) * float64(y.Row(i)[k]) * float64(z.Row(k)[j])
					}
					if !tensortest.Near(got.Row(i)[j], float32(want), 1e-5) {
						t.Errorf("%v and %v: [%d, %d] is %v, want %v", base, kept, i, j, got.Row(i)[j], want)
					}
				}
			}
		}
	}
}
