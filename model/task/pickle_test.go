package task

import (
	"archive/zip"
	"bytes"
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
	program := string(pickleOf(t, sparsePT))
	for _, c := range []struct{ old, new, want string }{
		{"ccollections\nOrderedDict", "cos\nsystem", "it calls os.system"},
		{"HalfStorage", "LongStorage", "torch.LongStorage"},
		{"Q", "i", `'i'`},
		{"K\x00", "K\xff", "255"}, // the first number of a tensor
		{".", "", "cut off"},
	} {
		changed := strings.Replace(program, c.old, c.new, 1)
		if c.old == "." {
			changed = program[:len(program)-1]
		}
		u := unpickler{in: []byte(changed), memo: map[uint32]*value{}}
		state, err := u.run()
		if err == nil {
			_, err = state.items[1].entry("x", make([]byte, 64))
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q in place of %q: %v; want %q in it", c.new, c.old, err, c.want)
		}
	}
}

func FuzzPickle(f *testing.F) {
	f.Add(pickleOf(f, sparsePT))
	f.Add(pickleOf(f, colbertPT))
	f.Fuzz(func(t *testing.T, program []byte) {
		u := unpickler{in: program, memo: map[uint32]*value{}}
		state, err := u.run()
		if err != nil {
			return
		}
		for _, v := range state.items {
			if v.kind == array {
				if e, err := v.entry("x", make([]byte, 100)); err == nil && len(e.Data) > 100 {
					t.Errorf("%d bytes of 100", len(e.Data))
				}
			}
		}
	})
}

func pickleOf(t testing.TB, file []byte) []byte {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/data.pkl") {
			return must(unzip(f, maxProgram))
		}
	}
	t.Fatal("no pickle in the file")
	return nil
}
