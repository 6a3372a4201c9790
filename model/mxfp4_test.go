package model_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor"
)

// mxfp4 is the folder of a gpt-oss whose experts have 4 bits: see make.py there.
const mxfp4 = "testdata/mxfp4"

func mxfp4Golden(t testing.TB) golden {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(mxfp4, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// Experts of 4 bits compute what the reference does, as BF16, kept as they are, and in F32: with the same bits.
func TestMXFP4(t *testing.T) {
	g := mxfp4Golden(t)
	same := func(d tensor.DType) tensor.DType { return d }
	wide := func(tensor.DType) tensor.DType { return tensor.F32 }
	eachSet(t, func(t *testing.T) {
		var first []float32
		for name, c := range map[string]struct {
			convert func(tensor.DType) tensor.DType
			want    tensor.DType
		}{"BF16": {nil, tensor.BF16}, "MXFP4": {same, tensor.MXFP4}, "F32": {wide, tensor.F32}} {
			d, err := model.OpenDecoder(os.DirFS(mxfp4), model.Options{Convert: c.convert})
			if err != nil {
				t.Fatal(err)
			}
			for l := range moe.Layers(d.Blocks[1][1].Op) {
				for _, w := range []*tensor.Weight{l.Experts[4].Gate, l.Experts[4].Up, l.Experts[4].Down} {
					if w.DType != c.want {
						t.Fatalf("%s: experts are %v", name, w.DType)
					}
				}
			}
			t.Run(name, func(t *testing.T) {
				g.checkStates(t, d)
				g.checkGreedy(t, d)
			})
			logits := logitsOf(t, d, g.Prompt)
			if first == nil {
				first = logits
			}
			if i, ok := tensortest.SameBits(logits, first); !ok {
				t.Errorf("%s: logit %d is %v, and %v with experts of another type", name, i, logits[i], first[i])
			}
		}
	})
}
