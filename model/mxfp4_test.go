package model_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/nn"
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

// Experts of 4 bits compute exactly what the reference does, as BF16, kept as they are, and in F32: with the same bits.
func TestMXFP4(t *testing.T) {
	g := mxfp4Golden(t)
	narrow, wide := nn.As(tensor.BF16), nn.As(tensor.F32)
	eachSet(t, func(t *testing.T) {
		var first []float32
		for name, c := range map[string]struct {
			convert func(nn.Matrix) tensor.DType
			want    tensor.DType
		}{"BF16": {narrow, tensor.BF16}, "MXFP4": {nil, tensor.MXFP4}, "F32": {wide, tensor.F32}} {
			d, err := model.OpenDecoder(os.DirFS(mxfp4), model.Options{Convert: c.convert, Precision: nn.Exact})
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

// What contradicts itself, among blocks, scales and matrices that could lie either way, is an error with its name.
func TestMXFP4Refused(t *testing.T) {
	g := mxfp4Golden(t)
	folder, err := hf.OpenWeights(os.DirFS(mxfp4))
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	const name = "model.layers.0.mlp.experts.down_proj"
	open := func(config []byte, more ...checkpoint.Entry) error {
		var entries []checkpoint.Entry
		for stored := range folder.Names() {
			if i := slices.IndexFunc(more, func(e checkpoint.Entry) bool { return e.Name == stored }); i >= 0 {
				if more[i].DType != "" {
					entries = append(entries, more[i])
				}
				continue
			}
			info, _ := folder.Lookup(stored)
			b, err := folder.Bytes(stored)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, checkpoint.Entry{Name: stored, DType: info.DType, Shape: info.Shape, Data: b})
		}
		for _, e := range more {
			if e.Name == name {
				entries = append(entries, e)
			}
		}
		_, err := model.NewDecoder(config, checkpointtest.Memory(t, entries...), model.Options{})
		return err
	}
	if err := open(g.Config); err != nil {
		t.Fatal(err)
	}
	blocks, scales := checkpoint.Entry{Name: name + "_blocks"}, checkpoint.Entry{Name: name + "_scales"}
	u8 := func(of checkpoint.Entry, shape ...int) checkpoint.Entry {
		return checkpoint.Entry{Name: of.Name, DType: "U8", Shape: shape, Data: make([]byte, tensor.Of(shape...).Len())}
	}
	transposed := checkpoint.Entry{Name: name, DType: checkpoint.BF16, Shape: []int{5, 32, 64}, Data: make([]byte, 5*32*64*2)}
	nan := u8(scales, 5, 64, 1)
	nan.Data[7] = 255
	for what, c := range map[string]struct {
		config []byte
		more   []checkpoint.Entry
		want   []string
	}{
		"no scales":       {g.Config, []checkpoint.Entry{scales}, []string{blocks.Name, scales.Name}},
		"no blocks":       {g.Config, []checkpoint.Entry{blocks}, []string{blocks.Name, scales.Name}},
		"fewer scales":    {g.Config, []checkpoint.Entry{u8(scales, 5, 63, 1)}, []string{scales.Name, "[5 64 1]"}},
		"fewer experts":   {g.Config, []checkpoint.Entry{u8(blocks, 4, 64, 1, 16), u8(scales, 4, 64, 1)}, []string{name, "[4 64 32]"}},
		"NaN":             {g.Config, []checkpoint.Entry{nan}, []string{scales.Name, "scale 7 is NaN"}},
		"one of two":      {g.Config, []checkpoint.Entry{blocks, scales, transposed}, []string{"gate_up_proj"}},
		"not as it says":  {encode(with(g.object(t), "quantization_config", "missing")), nil, []string{"gate_up_proj"}},
		"a width of half": {encode(with(g.object(t), "hidden_size", "32")), nil, []string{"[89 64]", "asks for [89 32]"}},
	} {
		err := open(c.config, c.more...)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error lacks %q: %v", what, want, err)
			}
		}
	}
}
