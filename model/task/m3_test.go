package task

import (
	_ "embed"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

//go:embed testdata/sparse_linear.pt
var sparsePT []byte

//go:embed testdata/colbert_linear.pt
var colbertPT []byte

func withState(files map[string][]byte) fstest.MapFS {
	fsys := expected.Checkpoints["features"].fs()
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: data}
	}
	return fsys
}

// TestState reads layers in float16, as torch.save wrote them.
func TestState(t *testing.T) {
	m, err := OpenM3(withState(map[string][]byte{"sparse_linear.pt": sparsePT, "colbert_linear.pt": colbertPT}), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src := checkpoint.Formula(map[string]tensor.Shape{"weight": tensor.Of(24, 32), "bias": tensor.Of(24)}, formula)
	weight, bias := must(checkpoint.ReadFloat32(src, "weight")), must(checkpoint.ReadFloat32(src, "bias"))
	row := make([]float32, 32)
	for i := range 24 {
		m.ColBERT.Weight.Row(row, i)
		for j, v := range row {
			if d := v - weight.Row(i)[j]; d > 1e-3 || d < -1e-3 {
				t.Fatalf("weight %d, %d is %v, want %v", i, j, v, weight.Row(i)[j])
			}
		}
		if d := m.ColBERT.Bias[i] - bias.Data[i]; d > 1e-4 || d < -1e-4 {
			t.Fatalf("bias %d is %v, want %v", i, m.ColBERT.Bias[i], bias.Data[i])
		}
	}
	if m.Sparse.Out() != 1 || m.ColBERT.Out() != 24 {
		t.Errorf("outputs %d and %d", m.Sparse.Out(), m.ColBERT.Out())
	}
}

// TestBadState has files that are no state of tensors.
func TestBadState(t *testing.T) {
	for name, data := range map[string][]byte{"empty": nil, "no zip": []byte("hello"), "cut": sparsePT[:len(sparsePT)/2]} {
		_, err := OpenM3(withState(map[string][]byte{"sparse_linear.pt": data, "colbert_linear.pt": colbertPT}), model.Options{})
		if err == nil || !strings.Contains(err.Error(), "sparse_linear.pt") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDenseState reads a layer of sentence-transformers that has only pytorch_model.bin.
func TestDenseState(t *testing.T) {
	fsys := withState(map[string][]byte{
		"modules.json":        []byte(`[{"idx":0,"path":"","type":"x.Transformer"},{"idx":1,"path":"1","type":"x.Pooling"},{"idx":2,"path":"2","type":"x.Dense"}]`),
		"1/config.json":       []byte(`{"pooling_mode_cls_token": true}`),
		"2/config.json":       []byte(`{"in_features": 32, "out_features": 24}`),
		"2/pytorch_model.bin": colbertPT,
	})
	e, err := OpenEmbedder(fsys, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Dim != 24 {
		t.Errorf("embeddings of %d, want 24", e.Dim)
	}
}
