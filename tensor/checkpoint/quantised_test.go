package checkpoint_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/checkpointtest"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

// reference opens the weights that the reference has dequantised: see testdata/quantised.py.
func reference(t testing.TB) *checkpoint.Files {
	src, err := safetensors.Open(os.DirFS("testdata"), "quantised.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// only returns a Source of the tensors of src whose names begin so.
func only(t testing.TB, src checkpoint.Source, prefix string) checkpoint.Source {
	t.Helper()
	r, err := checkpoint.Rename(src, func(name string) string {
		if strings.HasPrefix(name, prefix) {
			return name
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// FP8 weights are the reference's to the bit, for scales of every type.
func TestFP8Reference(t *testing.T) {
	src := reference(t)
	for name, block := range map[string][2]int{"float": {4, 8}, "bf16": {4, 8}, "f16": {4, 8}, "ue8m0": {4, 8}, "bytes": {4, 8}, "single": {}} {
		got, err := checkpoint.FP8{Block: block}.Dequantize(only(t, src, name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := src.Bytes("want." + name + ".weight")
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			checkpointtest.Check(t, got, []checkpoint.Entry{{Name: name + ".weight", DType: checkpoint.F32, Shape: []int{24, 32}, Data: want}})
		})
	}
}

// MXFP4 weights are the reference's to the bit, and in its shape but for the transposition.
func TestMXFP4Reference(t *testing.T) {
	src := reference(t)
	got, err := checkpoint.JoinMXFP4(only(t, src, "m_"))
	if err != nil {
		t.Fatal(err)
	}
	info, ok := got.Lookup("m")
	if !ok || info.DType != checkpoint.MXFP4 || !slices.Equal(info.Shape, []int{3, 5, 64}) || info.Size != 30*17 {
		t.Fatalf("%v %v", info, ok)
	}
	b, err := got.Bytes("m")
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.Check(t, got, []checkpoint.Entry{{Name: "m", DType: checkpoint.MXFP4, Shape: info.Shape, Data: b}})
	x, err := checkpoint.ReadFloat32(got, "m")
	if err != nil {
		t.Fatal(err)
	}
	want, err := checkpoint.ReadFloat32(src, "want.m")
	if err != nil || x.Shape != want.Shape || !bytes.Equal(bytesview.Bytes(x.Data), bytesview.Bytes(want.Data)) {
		t.Errorf("%v, want %v, %v", x, want, err)
	}
}

// e4m3 returns the value of a code by the definition of the format.
func e4m3(code byte) float64 {
	exponent, mantissa, sign := int(code>>3&15), float64(code&7), 1.0
	if code >= 128 {
		sign = -1
	}
	switch {
	case code&127 == 127:
		return math.NaN()
	case exponent == 0:
		return sign * math.Ldexp(mantissa, -9)
	}
	return sign * math.Ldexp(8+mantissa, exponent-10)
}

// fp8Entries returns a weight of random codes and its scales, without leading dimensions if experts is 0.
func fp8Entries(r *rand.Rand, name string, experts, rows, cols, blockRows, blockCols int) []checkpoint.Entry {
	shape := []int{rows, cols}
	grid := []int{(rows + blockRows - 1) / blockRows, (cols + blockCols - 1) / blockCols}
	if experts > 0 {
		shape, grid = append([]int{experts}, shape...), append([]int{experts}, grid...)
	}
	experts = max(experts, 1)
	codes, scales := make([]byte, experts*rows*cols), make([]float32, experts*grid[len(grid)-2]*grid[len(grid)-1])
	for i := range codes {
		if codes[i] = byte(r.Uint32()); codes[i]&127 == 127 {
			codes[i]--
		}
	}
	for i := range scales {
		scales[i] = float32(r.NormFloat64())
	}
	return []checkpoint.Entry{{Name: name, DType: "F8_E4M3", Shape: shape, Data: codes},
		{Name: name + "_scale_inv", DType: checkpoint.F32, Shape: grid, Data: bytesview.Bytes(scales)}}
}

// Ragged blocks are those of the formula: value × scale[row/block][column/block].
func TestFP8Ragged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range [][5]int{{0, 576, 200, 128, 128}, {0, 5, 7, 4, 3}, {0, 1, 1, 128, 128}, {0, 130, 128, 128, 128}, {3, 5, 10, 2, 4}, {2, 3, 3, 100, 1}, {0, 700, 300, 3, 5}} {
		experts, rows, cols, br, bc := c[0], c[1], c[2], c[3], c[4]
		e := fp8Entries(r, "w", experts, rows, cols, br, bc)
		src, err := checkpoint.FP8{Block: [2]int{br, bc}}.Dequantize(checkpointtest.Memory(t, e...))
		if err != nil {
			t.Fatal(err)
		}
		want, scales := make([]float32, len(e[0].Data)), bytesview.Float32s(e[1].Data)
		for i := range want {
			row, col := i/cols, i%cols
			at := (row/rows*((rows+br-1)/br)+row%rows/br)*((cols+bc-1)/bc) + col/bc
			want[i] = float32(e4m3(e[0].Data[i]) * float64(scales[at])) // exact in float64: rounded once
		}
		b, err := src.Bytes("w")
		if err != nil || !bytes.Equal(b, bytesview.Bytes(want)) {
			t.Fatalf("%v: whole tensor: %v", c, err)
		}
		for _, size := range []int{1, 4, 36, 4 * cols, 1 << 10, 1 << 20} {
			var all []byte
			for b, err := range src.Chunks("w", size) {
				if err != nil || len(b) > max(size, 4) {
					t.Fatalf("%v: %d bytes in pieces of %d: %v", c, len(b), size, err)
				}
				all = append(all, b...)
			}
			if !bytes.Equal(all, bytesview.Bytes(want)) {
				t.Errorf("%v: pieces of %d differ", c, size)
			}
		}
	}
}

// What is not quantised is shown as it is, in its order; scales are not shown.
func TestQuantisedAmongOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	norm := checkpoint.Float32("norm.weight", tensor.From([]float32{1, 2}, 2))
	entries := append([]checkpoint.Entry{norm}, fp8Entries(r, "a.weight", 0, 4, 4, 2, 2)...)
	entries = append(entries, checkpoint.Entry{Name: "a.activation_scale", DType: checkpoint.BF16, Data: []byte{0, 0}},
		checkpoint.Entry{Name: "bare.weight", DType: "F8_E4M3", Shape: []int{1, 2}, Data: []byte{0x38, 0xB8}}, // 1, −1
		checkpoint.Entry{Name: "last", DType: "I64", Shape: []int{0}})
	src, err := checkpoint.FP8{Block: [2]int{2, 2}, Bare: func(name string) bool { return name == "bare.weight" }}.Dequantize(checkpointtest.Memory(t, entries...))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(src.Names()); !slices.Equal(got, []string{"norm.weight", "a.weight", "bare.weight", "last"}) {
		t.Errorf("names %q", got)
	}
	for _, name := range []string{"a.weight_scale_inv", "a.activation_scale"} {
		if _, ok := src.Lookup(name); ok {
			t.Errorf("%s is shown", name)
		}
		if _, err := src.Bytes(name); !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bare, err := checkpoint.ReadFloat32(src, "bare.weight")
	if err != nil || !slices.Equal(bare.Data, []float32{1, -1}) {
		t.Errorf("without scales: %v, %v", bare, err)
	}
	if b, err := src.Bytes("norm.weight"); err != nil || !bytes.Equal(b, norm.Data) {
		t.Errorf("norm: %v, %v", b, err)
	}
	if m, err := (checkpoint.FP8{}).Dequantize(checkpoint.Zeros(tensor.F32)); err != nil {
		t.Error(err)
	} else if _, ok := m.(checkpoint.Maker); !ok {
		t.Error("a Maker is no Maker any more")
	}
}

func u8(name string, shape ...int) checkpoint.Entry {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return checkpoint.Entry{Name: name, DType: "U8", Shape: shape, Data: make([]byte, n)}
}

// Scales that do not fit are errors that name them.
func TestQuantisedErrors(t *testing.T) {
	f32 := func(name string, shape ...int) checkpoint.Entry {
		e := u8(name, append(slices.Clone(shape), 4)...)
		e.DType, e.Shape = checkpoint.F32, shape
		return e
	}
	f8 := func(shape ...int) checkpoint.Entry {
		e := u8("w", shape...)
		e.DType = "F8_E4M3"
		return e
	}
	nan := f32("w_scale_inv", 2, 1)
	binary.LittleEndian.PutUint32(nan.Data[4:], math.Float32bits(float32(math.NaN())))
	inf := f32("w_scale_inv", 2, 1)
	binary.LittleEndian.PutUint32(inf.Data, math.Float32bits(float32(math.Inf(1))))
	nan8 := u8("x_scales", 1, 2, 1)
	nan8.Data[1] = 255
	blocks16 := u8("x_blocks", 1, 2, 1, 32)
	blocks16.DType, blocks16.Shape = checkpoint.BF16, []int{1, 2, 1, 16}
	fp8 := func(src checkpoint.Source) (checkpoint.Source, error) {
		return checkpoint.FP8{Block: [2]int{2, 4}}.Dequantize(src)
	}
	each := func(src checkpoint.Source) (checkpoint.Source, error) { return checkpoint.FP8{}.Dequantize(src) }
	for name, c := range map[string]struct {
		open    func(checkpoint.Source) (checkpoint.Source, error)
		entries []checkpoint.Entry
		names   string
		kind    checkpoint.Kind
	}{
		"missing":            {fp8, []checkpoint.Entry{f8(3, 4)}, "w_scale_inv", checkpoint.ErrScale},
		"no weight":          {fp8, []checkpoint.Entry{f32("w_scale_inv", 2, 1)}, "w_scale_inv", checkpoint.ErrScale},
		"not quantised":      {fp8, []checkpoint.Entry{f32("w", 3, 4), f32("w_scale_inv", 2, 1)}, "w_scale_inv", checkpoint.ErrScale},
		"too few rows":       {fp8, []checkpoint.Entry{f8(3, 4), f32("w_scale_inv", 1, 1)}, "[2 1]", checkpoint.ErrScale},
		"too many columns":   {fp8, []checkpoint.Entry{f8(3, 4), f32("w_scale_inv", 2, 2)}, "[2 1]", checkpoint.ErrScale},
		"flat":               {fp8, []checkpoint.Entry{f8(3, 4), f32("w_scale_inv", 2)}, "[2 1]", checkpoint.ErrScale},
		"one for all":        {fp8, []checkpoint.Entry{f8(3, 4), f32("w_scale_inv")}, "[2 1]", checkpoint.ErrScale},
		"no experts":         {fp8, []checkpoint.Entry{f8(2, 3, 4), f32("w_scale_inv", 2, 1)}, "[2 2 1]", checkpoint.ErrScale},
		"blocks, not one":    {each, []checkpoint.Entry{f8(3, 4), f32("w_scale_inv", 2, 1)}, "[1 1]", checkpoint.ErrScale},
		"a vector":           {fp8, []checkpoint.Entry{f8(4), f32("w_scale_inv", 1)}, `"w"`, checkpoint.ErrScale},
		"of integers":        {fp8, []checkpoint.Entry{f8(3, 4), {Name: "w_scale_inv", DType: "I32", Shape: []int{2, 1}, Data: make([]byte, 8)}}, "I32", checkpoint.ErrScale},
		"NaN":                {fp8, []checkpoint.Entry{f8(3, 4), nan}, "scale 1 is NaN", checkpoint.ErrScale},
		"infinite":           {fp8, []checkpoint.Entry{f8(3, 4), inf}, "scale 0 is +Inf", checkpoint.ErrScale},
		"MXFP4 without":      {checkpoint.JoinMXFP4, []checkpoint.Entry{u8("x_blocks", 1, 2, 1, 16)}, "x_scales", checkpoint.ErrScale},
		"MXFP4 only":         {checkpoint.JoinMXFP4, []checkpoint.Entry{u8("x_scales", 1, 2, 1)}, "x_blocks", checkpoint.ErrScale},
		"MXFP4 twice":        {checkpoint.JoinMXFP4, []checkpoint.Entry{u8("x_blocks", 1, 2, 1, 16), u8("x_scales", 1, 2, 1), u8("x", 1)}, `"x"`, checkpoint.ErrDuplicate},
		"MXFP4 of 15":        {checkpoint.JoinMXFP4, []checkpoint.Entry{u8("x_blocks", 1, 2, 1, 15), u8("x_scales", 1, 2, 1)}, "x_blocks", checkpoint.ErrScale},
		"MXFP4 other groups": {checkpoint.JoinMXFP4, []checkpoint.Entry{u8("x_blocks", 1, 2, 1, 16), u8("x_scales", 1, 1, 2)}, "[1 2 1]", checkpoint.ErrScale},
		"MXFP4 flat":         {checkpoint.JoinMXFP4, []checkpoint.Entry{u8("x_blocks", 1, 16), u8("x_scales", 1)}, "x_blocks", checkpoint.ErrScale},
		"MXFP4 of BF16":      {checkpoint.JoinMXFP4, []checkpoint.Entry{blocks16, u8("x_scales", 1, 2, 1)}, "BF16", checkpoint.ErrScale},
		"MXFP4 NaN":          {checkpoint.JoinMXFP4, []checkpoint.Entry{u8("x_blocks", 1, 2, 1, 16), nan8}, "scale 1", checkpoint.ErrScale},
		"MXFP4 overflow":     {checkpoint.JoinMXFP4, []checkpoint.Entry{u8("x_blocks", 0, 1, math.MaxInt32, 16), u8("x_scales", 0, 1, math.MaxInt32)}, `"x"`, checkpoint.ErrOverflow},
	} {
		stored, err := checkpoint.Memory(c.entries...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		src, err := c.open(stored)
		if err == nil {
			_, err = src.Bytes(slices.Collect(src.Names())[0])
		}
		if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.names) {
			t.Errorf("%s: %v, want %q: %s", name, err, c.kind, c.names)
		}
	}
}

// FuzzQuantised dequantises tensors of any shape: it gives an error, or all of what the shapes promise.
func FuzzQuantised(f *testing.F) {
	f.Add(uint8(3), uint16(5), uint16(7), uint8(2), uint16(3), uint16(3), uint16(2), uint16(3), []byte{1, 2, 3})
	f.Add(uint8(0), uint16(1), uint16(16), uint8(0), uint16(1), uint16(1), uint16(0), uint16(0), []byte{255})
	f.Fuzz(func(t *testing.T, lead uint8, rows, cols uint16, scaleLead uint8, scaleRows, scaleCols, blockRows, blockCols uint16, data []byte) {
		fill := func(name string, d checkpoint.DType, shape ...int) checkpoint.Entry {
			n := 1
			for len(shape) > 2 && shape[0] == 0 {
				shape = shape[1:]
			}
			for _, s := range shape {
				n *= s
			}
			_, size, _ := d.Block()
			if n *= size; n > 1<<20 {
				t.Skip()
			}
			e := checkpoint.Entry{Name: name, DType: d, Shape: shape, Data: make([]byte, n)}
			for i := range e.Data {
				if len(data) > 0 {
					e.Data[i] = data[i%len(data)]
				}
			}
			return e
		}
		types := []checkpoint.DType{checkpoint.F32, checkpoint.BF16, "F8_E8M0", "U8", "I64"}
		q := checkpoint.FP8{Block: [2]int{int(blockRows), int(blockCols)}}
		weights := checkpointtest.Memory(t, fill("w", "F8_E4M3", int(lead), int(rows), int(cols)),
			fill("w_scale_inv", types[int(lead^scaleLead)%len(types)], int(scaleLead), int(scaleRows), int(scaleCols)))
		blocks := checkpointtest.Memory(t, fill("x_blocks", "U8", int(lead), int(rows), int(scaleRows), int(cols)),
			fill("x_scales", "U8", int(scaleLead), int(rows), int(scaleCols)))
		eight, err8 := q.Dequantize(weights)
		four, err4 := checkpoint.JoinMXFP4(blocks)
		for _, c := range []struct {
			name string
			src  checkpoint.Source
			err  error
		}{{"w", eight, err8}, {"x", four, err4}} {
			if c.err == nil {
				info, ok := c.src.Lookup(c.name)
				b, err := c.src.Bytes(c.name)
				if c.err = err; err == nil && (!ok || int64(len(b)) != info.Size) {
					t.Fatalf("%s: %d bytes, %v", c.name, len(b), info)
				}
			}
			if c.err != nil && !errors.Is(c.err, checkpoint.ErrScale) && !errors.Is(c.err, checkpoint.ErrOverflow) {
				t.Errorf("%s: %v", c.name, c.err)
			}
		}
	})
}
