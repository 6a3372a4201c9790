package nn

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/internal/tensortest"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

const mixExperts, mixDim, mixHidden = 3, 20, 70

// mixture is a checkpoint with experts in every layout.
func mixture(t *testing.T, dt tensor.DType) []byte {
	var entries []checkpoint.Entry
	add := func(name string, shape ...int) { entries = append(entries, stored{name, dt, shape}.entry()) }
	for e := range mixExperts {
		add(fmt.Sprintf("experts.%d.w1.weight", e), mixHidden, mixDim)
		add(fmt.Sprintf("experts.%d.w3.weight", e), mixHidden, mixDim)
		add(fmt.Sprintf("experts.%d.w2.weight", e), mixDim, mixHidden)
	}
	add("rows.up", mixExperts, 2*mixHidden, mixDim)
	add("rows.down", mixExperts, mixDim, mixHidden)
	add("columns.up", mixExperts, mixDim, 2*mixHidden)
	add("columns.up_bias", mixExperts, 2*mixHidden)
	add("columns.down", mixExperts, mixHidden, mixDim)
	add("columns.down_bias", mixExperts, mixDim)
	src, err := checkpoint.Memory(entries...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, src, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onDisk opens a mixture in a file that is mapped.
func onDisk(t *testing.T, dt tensor.DType) *checkpoint.Files {
	src, err := safetensors.Open(checkpointtest.OnDisk(t, "model.safetensors", mixture(t, dt)), "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	if _, ok := src.InPlace("rows.up"); !ok {
		t.Skip("this system maps no files")
	}
	return src
}

// mixLayouts read the experts of a mixture.
var mixLayouts = map[string]func(l Loader) []tensor.Expert{
	"separate": func(l Loader) []tensor.Expert {
		return l.Experts("experts", mixExperts, mixDim, mixHidden, "w1", "w3", "w2")
	},
	"fused": func(l Loader) []tensor.Expert {
		return l.FusedExperts("rows.up", "rows.down", mixExperts, mixDim, mixHidden, Fusion{})
	},
	"interleaved": func(l Loader) []tensor.Expert {
		return l.FusedExperts("rows.up", "rows.down", mixExperts, mixDim, mixHidden, Fusion{Interleaved: true})
	},
	"transposed": func(l Loader) []tensor.Expert {
		return l.FusedExperts("columns.up", "columns.down", mixExperts, mixDim, mixHidden, Fusion{Transposed: true, Bias: true})
	},
	"transposed and interleaved": func(l Loader) []tensor.Expert {
		return l.FusedExperts("columns.up", "columns.down", mixExperts, mixDim, mixHidden, Fusion{Transposed: true, Interleaved: true, Bias: true})
	},
}

// Experts that stay in the file have the bits of packed ones, whatever the layout, the type and the precision; and
// nothing of them is kept in memory.
func TestMappedExperts(t *testing.T) {
	x := tensor.From(tensortest.Normal(rand.New(rand.NewPCG(1, 2)), 7*mixDim), 7, mixDim)
	g := tensor.Groups{Rows: []int{0, 2, 1, 2, 3, 4, 5, 6, 0}, Ends: []int{2, 2, 9}}
	for _, dt := range dtypes {
		src := onDisk(t, dt)
		for name, read := range mixLayouts {
			for _, p := range []Precision{Automatic, BF16Activations} {
				var results [2]tensor.Tensor
				for i, where := range []Placement{Packed, Mapped} {
					l := NewLoader(src, Options{Experts: where, Precision: p})
					experts := read(l)
					if err := l.Err(false); err != nil {
						t.Fatal(err)
					}
					if l.InPlace() != (where == Mapped) {
						t.Errorf("%s: placement %v, in place: %v", name, where, l.InPlace())
					}
					results[i] = tensor.New(len(g.Rows), mixDim)
					tensor.FeedForwardGrouped(results[i], x, g, experts, SiLU)
				}
				tensortest.CheckBits(t, fmt.Sprintf("%s, %v, precision %v", name, dt, p), results[1].Data, results[0].Data)
			}
		}
	}
}

// Mapped experts keep their type.
func TestMappedNotConverted(t *testing.T) {
	src := onDisk(t, tensor.F16)
	l := NewLoader(src, Options{Experts: Mapped, Convert: As(tensor.F32)})
	for name, read := range mixLayouts {
		if e := read(l); e[0].Up.DType != tensor.F16 {
			t.Errorf("%s: the type is %v", name, e[0].Up.DType)
		}
	}
}

// What cannot be read in place is an error that says so.
func TestNotMapped(t *testing.T) {
	inMemory, err := safetensors.Open(fstest.MapFS{"model.safetensors": &fstest.MapFile{Data: mixture(t, tensor.F32)}}, "model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]checkpoint.Source{
		"a file system that maps nothing": inMemory,
		"a source that makes tensors":     checkpoint.Zeros(tensor.F32),
	} {
		for layout, read := range mixLayouts {
			l := NewLoader(src, Options{Experts: Mapped})
			read(l)
			if err := l.Err(false); err == nil || !strings.Contains(err.Error(), "cannot be read in place") || l.InPlace() {
				t.Errorf("%s, %s: %v", name, layout, err)
			}
		}
	}
	wrong := NewLoader(inMemory, Options{Experts: Mapped})
	wrong.Experts("experts", mixExperts+1, mixDim, mixHidden+1, "w1", "w3", "w2")
	if err := wrong.Err(false); err == nil || !strings.Contains(err.Error(), "has shape [70 20], the config asks for [71 20]") {
		t.Errorf("a wrong shape: %v", err)
	}
}

// Blocks cannot be read from columns.
func TestMappedBlocks(t *testing.T) {
	b := make([]byte, tensor.MXFP4.Bytes(2*64*64))
	src, err := checkpoint.Memory(checkpoint.Entry{Name: "up", DType: checkpoint.MXFP4, Shape: []int{1, 64, 128}, Data: b},
		checkpoint.Entry{Name: "down", DType: checkpoint.MXFP4, Shape: []int{1, 64, 64}, Data: b[:len(b)/2]},
		checkpoint.Entry{Name: "rows", DType: checkpoint.MXFP4, Shape: []int{1, 128, 64}, Data: b})
	if err != nil {
		t.Fatal(err)
	}
	for _, where := range []Placement{Packed, Mapped} {
		l := NewLoader(src, Options{Experts: where})
		l.FusedExperts("up", "down", 1, 64, 64, Fusion{Transposed: true})
		if err := l.Err(false); err == nil || !strings.Contains(err.Error(), "has to be transposed") {
			t.Errorf("placement %v: %v", where, err)
		}
		l = NewLoader(src, Options{Experts: where})
		e := l.FusedExperts("rows", "down", 1, 64, 64, Fusion{Interleaved: true})
		if err := l.Err(false); err != nil {
			t.Fatal(err)
		}
		if up := e[0].Up; up.DType != tensor.MXFP4 || up.Precision != tensor.Int8Activations {
			t.Errorf("placement %v: the type is %v, products %v", where, up.DType, up.Precision)
		}
	}
}
