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

// dequantizer is what shows quantised weights as what they stand for.
type dequantizer interface {
	Dequantize(src checkpoint.Source) (checkpoint.Source, error)
}

// compressed dequantises every module by one scheme.
func compressed(s checkpoint.Scheme) checkpoint.Compressed {
	return checkpoint.Compressed{Scheme: func(string) (checkpoint.Scheme, error) { return s, nil }}
}

// GPTQ's and AWQ's weights are those of their packers, and compressed-tensors' its own, to the bit: see
// testdata/packed.py.
func TestPackedReference(t *testing.T) {
	src, err := safetensors.Open(os.DirFS("testdata"), "packed.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	cases := map[string]dequantizer{
		"gptq.sym4":                  checkpoint.GPTQ{Bits: 4, GroupSize: 16},
		"gptq.asym4":                 checkpoint.GPTQ{Bits: 4, GroupSize: 8},
		"gptq.v2":                    checkpoint.GPTQ{Bits: 4, GroupSize: 16, ZerosAsTheyAre: true},
		"gptq.bits8":                 checkpoint.GPTQ{Bits: 8, GroupSize: 16},
		"gptq.v2bits8":               checkpoint.GPTQ{Bits: 8, GroupSize: 16, ZerosAsTheyAre: true},
		"gptq.actorder":              checkpoint.GPTQ{Bits: 4, GroupSize: 16},
		"gptq.whole":                 checkpoint.GPTQ{Bits: 4, GroupSize: -1},
		"gptq.raggedgroup":           checkpoint.GPTQ{Bits: 4, GroupSize: 16},
		"gptq.raggedword":            checkpoint.GPTQ{Bits: 4, GroupSize: 7},
		"gptq.raggedword8":           checkpoint.GPTQ{Bits: 8, GroupSize: -1},
		"gptq.noindex":               checkpoint.GPTQ{Bits: 4, GroupSize: 16},
		"awq.groups":                 checkpoint.AWQ{GroupSize: 16},
		"awq.whole":                  checkpoint.AWQ{GroupSize: -1},
		"ct.group":                   compressed(checkpoint.Scheme{Packed: true, Bits: 4, Symmetric: true, Block: [2]int{1, 16}}),
		"ct.groupasym":               compressed(checkpoint.Scheme{Packed: true, Bits: 4, Block: [2]int{1, 8}}),
		"ct.channel":                 compressed(checkpoint.Scheme{Packed: true, Bits: 4, Symmetric: true, Block: [2]int{1, 0}}),
		"ct.channelasym":             compressed(checkpoint.Scheme{Packed: true, Bits: 4, Block: [2]int{1, 0}}),
		"ct.tensorasym":              compressed(checkpoint.Scheme{Packed: true, Bits: 4}),
		"ct.bits8":                   compressed(checkpoint.Scheme{Packed: true, Bits: 8, Block: [2]int{1, 8}}),
		"ct.actorder":                compressed(checkpoint.Scheme{Packed: true, Bits: 4, Symmetric: true, Block: [2]int{1, 16}}),
		"ct.intchannel":              compressed(checkpoint.Scheme{Bits: 8, Symmetric: true, Block: [2]int{1, 0}}),
		"ct.inttensor":               compressed(checkpoint.Scheme{Bits: 8}),
		"ct.intgroup":                compressed(checkpoint.Scheme{Bits: 8, Block: [2]int{1, 16}}),
		"ct.int4":                    compressed(checkpoint.Scheme{Bits: 8, Symmetric: true, Block: [2]int{1, 16}}),
		"ct.naive":                   compressed(checkpoint.Scheme{Bits: 8, Symmetric: true, Block: [2]int{1, 0}}),
		"ct.intblock":                compressed(checkpoint.Scheme{Bits: 8, Symmetric: true, Block: [2]int{4, 8}}),
		"ct.floattensor":             compressed(checkpoint.Scheme{Bits: 8, Float: true, Symmetric: true}),
		"ct.floatchannel":            compressed(checkpoint.Scheme{Bits: 8, Float: true, Symmetric: true, Block: [2]int{1, 0}}),
		"ct.floatgroup":              compressed(checkpoint.Scheme{Bits: 8, Float: true, Symmetric: true, Block: [2]int{1, 16}}),
		"ct.floatblock":              compressed(checkpoint.Scheme{Bits: 8, Float: true, Symmetric: true, Block: [2]int{4, 8}}),
		"ct.floattensor by AutoFP8":  checkpoint.FP8{},
		"ct.floatchannel by AutoFP8": checkpoint.FP8{},
	}
	for name := range src.Names() {
		if of, ok := strings.CutPrefix(name, "want."); ok && cases[strings.TrimSuffix(of, ".x.weight")] == nil {
			t.Errorf("%s has no case", name)
		}
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			of, _, _ := strings.Cut(name, " ")
			got, err := q.Dequantize(only(t, src, of+"."))
			if err != nil {
				t.Fatal(err)
			}
			info, _ := src.Lookup("want." + of + ".x.weight")
			want, err := src.Bytes(info.Name)
			if err != nil {
				t.Fatal(err)
			}
			checkpointtest.Check(t, got, []checkpoint.Entry{{Name: of + ".x.weight", DType: checkpoint.F32, Shape: info.Shape, Data: want}})
		})
	}
}

// matrix is a quantised matrix of an emulation: codes [out][in], zeros and scales [out][group].
type matrix struct {
	out, in, bits, group int // inputs of a group
	codes, zeros         [][]uint32
	scales               [][]float32
	index                []int32 // group of each input
}

// newMatrix returns random numbers. Inputs are in groups of their order, or shuffled.
func newMatrix(r *rand.Rand, out, in, bits, group int, shuffled bool) *matrix {
	m := &matrix{out: out, in: in, bits: bits, group: group, index: make([]int32, in)}
	for i := range m.index {
		m.index[i] = int32(i / group)
	}
	if shuffled {
		r.Shuffle(in, func(i, j int) { m.index[i], m.index[j] = m.index[j], m.index[i] })
	}
	numbers := func(n int) []uint32 {
		row := make([]uint32, n)
		for i := range row {
			row[i] = r.Uint32N(1 << bits)
		}
		return row
	}
	for range out {
		m.codes, m.zeros = append(m.codes, numbers(in)), append(m.zeros, numbers(m.groups()))
		scales := make([]float32, m.groups())
		for i := range scales {
			scales[i] = float32(r.NormFloat64())
		}
		m.scales = append(m.scales, scales)
	}
	return m
}

func (m *matrix) groups() int { return (m.in + m.group - 1) / m.group }

// values returns (code − zero) · scale: exact in float64, and rounded once.
func (m *matrix) values() []float32 {
	var all []float32
	for o := range m.out {
		for i := range m.in {
			g := m.index[i]
			all = append(all, float32((float64(m.codes[o][i])-float64(m.zeros[o][g]))*float64(m.scales[o][g])))
		}
	}
	return all
}

// transpose returns x[j][i].
func transpose[T any](x [][]T) [][]T {
	t := make([][]T, len(x[0]))
	for j := range t {
		for i := range x {
			t[j] = append(t[j], x[i][j])
		}
	}
	return t
}

// pack puts neighbours in a row into words, the first in the lowest bits, in an order of each word's.
func pack(rows [][]uint32, bits int, order ...int) [][]uint32 {
	var words [][]uint32
	for _, row := range rows {
		packed := make([]uint32, (len(row)*bits+31)/32)
		for i, v := range row {
			at := i % (32 / bits)
			if order != nil {
				at = slices.Index(order, at)
			}
			packed[i/(32/bits)] |= v << (at * bits)
		}
		words = append(words, packed)
	}
	return words
}

// ints is a tensor of type I32.
func ints(name string, rows [][]uint32) checkpoint.Entry {
	e := checkpoint.Entry{Name: name, DType: "I32", Shape: []int{len(rows), len(rows[0])}}
	for _, row := range rows {
		for _, v := range row {
			e.Data = binary.LittleEndian.AppendUint32(e.Data, v)
		}
	}
	return e
}

func floats(name string, rows [][]float32) checkpoint.Entry {
	return checkpoint.Entry{Name: name, DType: checkpoint.F32, Shape: []int{len(rows), len(rows[0])}, Data: bytesview.Bytes(slices.Concat(rows...))}
}

func (m *matrix) groupIndex(name string) checkpoint.Entry {
	e := checkpoint.Entry{Name: name, DType: "I32", Shape: []int{m.in}}
	for _, g := range m.index {
		e.Data = binary.LittleEndian.AppendUint32(e.Data, uint32(g))
	}
	return e
}

// gptq returns the tensors of GPTQ, of its first version or the second.
func (m *matrix) gptq(version int) []checkpoint.Entry {
	zeros := pack(transpose(m.zeros), m.bits)
	for _, row := range zeros {
		for i := range row {
			if version == 1 {
				row[i] -= map[int]uint32{4: 0x11111111, 8: 0x01010101}[m.bits]
			}
		}
	}
	return []checkpoint.Entry{ints("m.qweight", transpose(pack(m.codes, m.bits))), ints("m.qzeros", zeros), floats("m.scales", transpose(m.scales)), m.groupIndex("m.g_idx")}
}

func (m *matrix) awq() []checkpoint.Entry {
	order := []int{0, 2, 4, 6, 1, 3, 5, 7}
	return []checkpoint.Entry{ints("m.qweight", pack(transpose(m.codes), 4, order...)), ints("m.qzeros", pack(transpose(m.zeros), 4, order...)), floats("m.scales", transpose(m.scales))}
}

func (m *matrix) compressed() []checkpoint.Entry {
	shape := checkpoint.Entry{Name: "m.weight_shape", DType: "I64", Shape: []int{2}}
	shape.Data = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(m.out)), uint64(m.in))
	return []checkpoint.Entry{ints("m.weight_packed", pack(m.codes, m.bits)), ints("m.weight_zero_point", transpose(pack(transpose(m.zeros), m.bits))),
		floats("m.weight_scale", m.scales), shape, m.groupIndex("m.weight_g_idx")}
}

// Matrices of any size are those of the formula, whole and in pieces of any size, whatever shares a word.
func TestPackedSizes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, c := range [][3]int{{1, 1, 1}, {8, 8, 8}, {3, 17, 5}, {40, 24, 8}, {9, 128, 32}, {100, 800, 100}, {513, 257, 64}} {
		for _, bits := range []int{4, 8} {
			out, in, group := c[0], c[1], c[2]
			m := newMatrix(r, out, in, bits, group, in%2 == 0)
			for version := 1; version <= 2; version++ {
				checkPieces(t, fmt.Sprint("GPTQ ", c, bits), checkpoint.GPTQ{Bits: bits, GroupSize: group, ZerosAsTheyAre: version == 2}, m.gptq(version), m.values())
			}
			if in%group == 0 {
				checkPieces(t, fmt.Sprint("compressed ", c, bits), compressed(checkpoint.Scheme{Packed: true, Bits: bits, Block: [2]int{1, group}}), m.compressed(), m.values())
			}
			if bits == 4 && in%group == 0 && out%8 == 0 {
				m := newMatrix(r, out, in, bits, group, false)
				checkPieces(t, fmt.Sprint("AWQ ", c), checkpoint.AWQ{GroupSize: group}, m.awq(), m.values())
			}
		}
	}
}

func checkPieces(t *testing.T, what string, q dequantizer, entries []checkpoint.Entry, values []float32) {
	t.Helper()
	src, err := q.Dequantize(checkpointtest.Memory(t, entries...))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if names := slices.Collect(src.Names()); !slices.Equal(names, []string{"m.weight"}) {
		t.Errorf("%s: names %q", what, names)
	}
	want := bytesview.Bytes(values)
	b, err := src.Bytes("m.weight")
	if err != nil || !bytes.Equal(b, want) {
		t.Fatalf("%s: whole tensor differs: %v", what, err)
	}
	for _, size := range []int{4, 52, 1 << 12, 1 << 20} {
		var all []byte
		for b, err := range src.Chunks("m.weight", size) {
			if err != nil || len(b) > size || len(all)+len(b) < len(want) && len(b) < size {
				t.Fatalf("%s: %d bytes in pieces of %d: %v", what, len(b), size, err)
			}
			all = append(all, b...)
			if len(all) > 40*size {
				break
			}
		}
		if !bytes.Equal(all, want[:len(all)]) {
			t.Errorf("%s: pieces of %d differ", what, size)
		}
	}
}

// The matrices of GPT-2 are stored as those of others, and shown transposed.
func TestGPTQTransposed(t *testing.T) {
	m := newMatrix(rand.New(rand.NewPCG(9, 10)), 20, 48, 4, 16, true)
	src, err := checkpoint.GPTQ{Bits: 4, GroupSize: 16, Transposed: func(module string) bool { return module == "m" }}.Dequantize(checkpointtest.Memory(t, m.gptq(1)...))
	if err != nil {
		t.Fatal(err)
	}
	values := m.values()
	want := tensor.New(48, 20)
	for i := range want.Data {
		want.Data[i] = values[i%20*48+i/20]
	}
	checkpointtest.Check(t, src, []checkpoint.Entry{checkpoint.Float32("m.weight", want)})
}

// Groups that are all −1 were never set: inputs are in groups of their order. A shape need not be stored.
func TestCompressedDefaults(t *testing.T) {
	m := newMatrix(rand.New(rand.NewPCG(11, 12)), 5, 32, 4, 8, false)
	entries := m.compressed()
	for i := range entries[4].Data {
		entries[4].Data[i] = 0xFF
	}
	q := compressed(checkpoint.Scheme{Packed: true, Bits: 4, Block: [2]int{1, 8}})
	checkPieces(t, "groups of -1", q, entries, m.values())
	checkPieces(t, "no shape", q, append(slices.Clone(entries[:3]), entries[4]), m.values())
	zeros := checkpoint.Entry{Name: "m.weight_zero_point", DType: "I8", Shape: []int{5, 4}, Data: make([]byte, 20)}
	for _, row := range m.zeros {
		for g := range row {
			row[g] = 8
		}
	}
	symmetric := compressed(checkpoint.Scheme{Packed: true, Bits: 4, Symmetric: true, Block: [2]int{1, 8}})
	checkPieces(t, "zeros that are 0", symmetric, []checkpoint.Entry{entries[0], zeros, entries[2], entries[3]}, m.values())
}

// with returns the entries with one of them changed, or left out.
func with(entries []checkpoint.Entry, name string, change func(e *checkpoint.Entry)) []checkpoint.Entry {
	all := slices.Clone(entries)
	i := slices.IndexFunc(all, func(e checkpoint.Entry) bool { return e.Name == name })
	if change == nil {
		return slices.Delete(all, i, i+1)
	}
	all[i].Data = slices.Clone(all[i].Data)
	change(&all[i])
	return all
}

// shaped changes the shape, and fills the tensor with zeros.
func shaped(shape ...int) func(e *checkpoint.Entry) {
	return func(e *checkpoint.Entry) {
		_, size, _ := e.DType.Block()
		e.Shape, e.Data = shape, make([]byte, tensor.Of(shape...).Len()*size)
	}
}

// set changes a 32-bit element.
func set(i int, v uint32) func(e *checkpoint.Entry) {
	return func(e *checkpoint.Entry) { binary.LittleEndian.PutUint32(e.Data[4*i:], v) }
}

func retyped(d checkpoint.DType) func(e *checkpoint.Entry) {
	return func(e *checkpoint.Entry) { e.DType = d }
}

// What does not fit is an error that names the tensor.
func TestPackedErrors(t *testing.T) {
	m := newMatrix(rand.New(rand.NewPCG(13, 14)), 24, 40, 4, 8, false)
	gptq, awq, ct := m.gptq(1), m.awq(), m.compressed()
	weight := checkpoint.Entry{Name: "m.weight", DType: checkpoint.F32, Shape: []int{1}, Data: make([]byte, 4)}
	nan, inf := math.Float32bits(float32(math.NaN())), math.Float32bits(float32(math.Inf(-1)))
	q4, a := checkpoint.GPTQ{Bits: 4, GroupSize: 8}, checkpoint.AWQ{GroupSize: 8}
	packed := checkpoint.Scheme{Packed: true, Bits: 4, Block: [2]int{1, 8}}
	p := compressed(packed)
	changed := func(change func(s *checkpoint.Scheme)) checkpoint.Compressed {
		s := packed
		change(&s)
		return compressed(s)
	}
	eight := []checkpoint.Entry{{Name: "m.weight", DType: "I8", Shape: []int{4, 8}, Data: make([]byte, 32)}, u8("m.weight_scale", 4, 1)}
	eight[1] = floats("m.weight_scale", [][]float32{{1}, {2}, {3}, {4}})
	i8 := compressed(checkpoint.Scheme{Bits: 8, Symmetric: true, Block: [2]int{1, 0}})
	f8 := compressed(checkpoint.Scheme{Bits: 8, Float: true, Symmetric: true, Block: [2]int{1, 0}})
	for name, c := range map[string]struct {
		q       dequantizer
		entries []checkpoint.Entry
		names   string
		kind    checkpoint.Kind
	}{
		"GPTQ of 3 bits":                 {checkpoint.GPTQ{Bits: 3, GroupSize: 8}, gptq, "3 bits", checkpoint.ErrPacked},
		"GPTQ, groups of 0":              {checkpoint.GPTQ{Bits: 4}, gptq, "groups of 0", checkpoint.ErrPacked},
		"GPTQ, groups of −2":             {checkpoint.GPTQ{Bits: 4, GroupSize: -2}, gptq, "groups of -2", checkpoint.ErrPacked},
		"GPTQ without zeros":             {q4, with(gptq, "m.qzeros", nil), "m.qzeros", checkpoint.ErrPacked},
		"GPTQ without scales":            {q4, with(gptq, "m.scales", nil), "m.scales", checkpoint.ErrPacked},
		"GPTQ without weights":           {q4, with(gptq, "m.qweight", nil), "m.qweight", checkpoint.ErrPacked},
		"GPTQ and weight":                {q4, append(slices.Clone(gptq), weight), "m.weight", checkpoint.ErrDuplicate},
		"GPTQ, other bits":               {checkpoint.GPTQ{Bits: 8, GroupSize: 8}, gptq, "m.g_idx", checkpoint.ErrPacked},
		"GPTQ, other bits, no index":     {checkpoint.GPTQ{Bits: 8, GroupSize: 8}, with(gptq, "m.g_idx", nil), "m.scales", checkpoint.ErrScale},
		"GPTQ, other groups":             {checkpoint.GPTQ{Bits: 4, GroupSize: 16}, gptq, "[3 24]", checkpoint.ErrScale},
		"GPTQ, scales of other outputs":  {q4, with(gptq, "m.scales", shaped(5, 23)), "[5 24]", checkpoint.ErrScale},
		"GPTQ, flat scales":              {q4, with(gptq, "m.scales", shaped(120)), "m.scales", checkpoint.ErrPacked},
		"GPTQ, zeros of other outputs":   {q4, with(gptq, "m.qzeros", shaped(5, 4)), "[5 3]", checkpoint.ErrScale},
		"GPTQ, a row of zeros":           {q4, with(gptq, "m.qzeros", shaped(1, 3)), "[5 3]", checkpoint.ErrScale},
		"GPTQ, no elements":              {q4, with(gptq, "m.qweight", shaped(0, 24)), "m.qweight", checkpoint.ErrPacked},
		"GPTQ, floats":                   {q4, with(gptq, "m.qweight", retyped(checkpoint.F32)), "m.qweight", checkpoint.ErrPacked},
		"GPTQ, scales of integers":       {q4, with(gptq, "m.scales", retyped("I32")), "m.scales", checkpoint.ErrPacked},
		"GPTQ, index too short":          {q4, with(gptq, "m.g_idx", shaped(32)), "m.g_idx", checkpoint.ErrPacked},
		"GPTQ, index too long":           {q4, with(gptq, "m.g_idx", shaped(41)), "m.g_idx", checkpoint.ErrPacked},
		"GPTQ, index beyond groups":      {q4, with(gptq, "m.g_idx", set(7, 5)), "input 7 is in group 5", checkpoint.ErrScale},
		"GPTQ, negative index":           {q4, with(gptq, "m.g_idx", set(39, math.MaxUint32)), "input 39 is in group -1", checkpoint.ErrScale},
		"GPTQ, NaN":                      {q4, with(gptq, "m.scales", set(3, nan)), "scale 3 is NaN", checkpoint.ErrScale},
		"GPTQ, infinity":                 {q4, with(gptq, "m.scales", set(119, inf)), "scale 119 is -Inf", checkpoint.ErrScale},
		"AWQ, groups that do not divide": {checkpoint.AWQ{GroupSize: 16}, awq, "40 inputs", checkpoint.ErrPacked},
		"AWQ, groups of 0":               {checkpoint.AWQ{}, awq, "groups of 0", checkpoint.ErrPacked},
		"AWQ, other groups":              {checkpoint.AWQ{GroupSize: 10}, awq, "[4 24]", checkpoint.ErrScale},
		"AWQ, GPTQ's":                    {a, gptq, "5 inputs", checkpoint.ErrPacked},
		"AWQ, NaN":                       {a, with(awq, "m.scales", set(0, nan)), "scale 0 is NaN", checkpoint.ErrScale},
		"nothing packed":                 {a, []checkpoint.Entry{weight}, "qweight", checkpoint.ErrPacked},
		"compressed, nothing packed":     {p, []checkpoint.Entry{weight}, "weight_packed", checkpoint.ErrPacked},
		"compressed without scales":      {p, with(ct, "m.weight_scale", nil), "m.weight_scale", checkpoint.ErrScale},
		"compressed without weights":     {p, with(ct, "m.weight_packed", nil), "m.weight_packed", checkpoint.ErrPacked},
		"compressed without zeros":       {p, with(ct, "m.weight_zero_point", nil), "m.weight_zero_point", checkpoint.ErrScale},
		"compressed and weight":          {p, append(slices.Clone(ct), weight), "m.weight", checkpoint.ErrDuplicate},
		"compressed, other bits":         {changed(func(s *checkpoint.Scheme) { s.Bits = 8 }), ct, "m.weight_shape", checkpoint.ErrPacked},
		"compressed, 3 bits":             {changed(func(s *checkpoint.Scheme) { s.Bits = 3 }), ct, "3 bits", checkpoint.ErrPacked},
		"compressed, packed floats":      {changed(func(s *checkpoint.Scheme) { s.Float = true }), ct, "m.weight_packed", checkpoint.ErrPacked},
		"compressed, not packed":         {changed(func(s *checkpoint.Scheme) { s.Packed, s.Bits = false, 8 }), ct, "m.weight_packed", checkpoint.ErrPacked},
		"compressed, other groups":       {changed(func(s *checkpoint.Scheme) { s.Block[1] = 20 }), ct, "[24 2]", checkpoint.ErrScale},
		"compressed, groups not whole":   {changed(func(s *checkpoint.Scheme) { s.Block[1] = 16 }), ct, "40 inputs", checkpoint.ErrPacked},
		"compressed, negative groups":    {changed(func(s *checkpoint.Scheme) { s.Block[1] = -1 }), ct, "groups of -1", checkpoint.ErrPacked},
		"compressed, one for an output":  {changed(func(s *checkpoint.Scheme) { s.Block[1] = 0 }), ct, "[24 1]", checkpoint.ErrScale},
		"compressed, one for all":        {changed(func(s *checkpoint.Scheme) { s.Block = [2]int{} }), ct, "[1 1]", checkpoint.ErrScale},
		"compressed, symmetric or not":   {changed(func(s *checkpoint.Scheme) { s.Symmetric = true }), ct, "m.weight_zero_point", checkpoint.ErrScale},
		"compressed, another shape":      {p, with(ct, "m.weight_shape", set(0, 25)), "25, 40", checkpoint.ErrPacked},
		"compressed, a larger shape":     {p, with(ct, "m.weight_shape", set(2, 41)), "24, 41", checkpoint.ErrPacked},
		"compressed, a smaller shape":    {p, with(ct, "m.weight_shape", set(2, 32)), "24, 32", checkpoint.ErrPacked},
		"compressed, a huge shape":       {p, with(ct, "m.weight_shape", set(3, math.MaxInt32)), "m.weight_shape", checkpoint.ErrPacked},
		"compressed, a negative shape":   {p, with(ct, "m.weight_shape", set(1, math.MaxUint32)), "m.weight_shape", checkpoint.ErrPacked},
		"compressed, shape of 3":         {p, with(ct, "m.weight_shape", shaped(3)), "m.weight_shape", checkpoint.ErrPacked},
		"compressed, experts":            {p, with(ct, "m.weight_packed", shaped(2, 12, 5)), "m.weight_packed", checkpoint.ErrPacked},
		"compressed, zeros not packed":   {p, with(ct, "m.weight_zero_point", shaped(24, 5)), "[3 5]", checkpoint.ErrScale},
		"compressed, index too short":    {p, with(ct, "m.weight_g_idx", shaped(39)), "m.weight_g_idx", checkpoint.ErrPacked},
		"compressed, index beyond":       {p, with(ct, "m.weight_g_idx", set(0, 9)), "input 0 is in group 9", checkpoint.ErrScale},
		"compressed, uneven groups":      {p, with(ct, "m.weight_g_idx", set(0, 1)), "more than 8 inputs are in group 1", checkpoint.ErrScale},
		"compressed, NaN":                {p, with(ct, "m.weight_scale", set(1, nan)), "scale 1 is NaN", checkpoint.ErrScale},
		"compressed, scales of integers": {p, with(ct, "m.weight_scale", retyped("I32")), "m.weight_scale", checkpoint.ErrScale},
		"8 bits, floats wanted":          {f8, eight, "m.weight", checkpoint.ErrPacked},
		"8 bits, packed wanted":          {p, eight, "m.weight", checkpoint.ErrPacked},
		"8 bits, zeros beside symmetric": {i8, append(slices.Clone(eight), checkpoint.Entry{Name: "m.weight_zero_point", DType: "I8", Shape: []int{4, 1}, Data: []byte{0, 0, 1, 0}}), "m.weight_zero_point", checkpoint.ErrScale},
		"8 bits, zeros of another type":  {compressed(checkpoint.Scheme{Bits: 8, Block: [2]int{1, 0}}), append(slices.Clone(eight), u8("m.weight_zero_point", 4, 1)), "m.weight_zero_point", checkpoint.ErrScale},
	} {
		stored, err := checkpoint.Memory(c.entries...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		src, err := c.q.Dequantize(stored)
		if err == nil {
			_, err = src.Bytes("m.weight")
		}
		if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.names) {
			t.Errorf("%s: %v, want %q: %s", name, err, c.kind, c.names)
		}
	}
	if src, err := i8.Dequantize(checkpointtest.Memory(t, eight...)); err != nil {
		t.Error(err)
	} else if _, err := src.Bytes("m.weight"); err != nil {
		t.Error(err)
	}
}

// FuzzPacked dequantises tensors of any shape and contents: it gives an error, or all of what the shapes promise.
func FuzzPacked(f *testing.F) {
	f.Add(uint8(4), int16(8), uint8(5), uint8(24), uint8(5), uint8(24), uint8(5), uint8(3), uint8(40), []byte{1, 2, 3, 0})
	f.Add(uint8(8), int16(-1), uint8(8), uint8(3), uint8(1), uint8(24), uint8(1), uint8(3), uint8(8), []byte{0})
	f.Fuzz(func(t *testing.T, bits uint8, group int16, rows, cols, scaleRows, scaleCols, zeroRows, zeroCols, index uint8, data []byte) {
		fill := func(name string, d checkpoint.DType, shape ...int) checkpoint.Entry {
			info, _ := checkpoint.NewInfo(name, d, shape)
			e := checkpoint.Entry{Name: name, DType: d, Shape: shape, Data: make([]byte, info.Size)}
			for i := range e.Data {
				if len(data) > 0 {
					e.Data[i] = data[i%len(data)]
				}
			}
			return e
		}
		words := []checkpoint.Entry{fill("m.qweight", "I32", int(rows), int(cols)), fill("m.scales", checkpoint.F16, int(scaleRows), int(scaleCols)),
			fill("m.qzeros", "I32", int(zeroRows), int(zeroCols))}
		packed := []checkpoint.Entry{fill("m.weight_packed", "I32", int(rows), int(cols)), fill("m.weight_scale", checkpoint.BF16, int(scaleRows), int(scaleCols)),
			fill("m.weight_zero_point", "I32", int(zeroRows), int(zeroCols)), fill("m.weight_g_idx", "I32", int(index)), fill("m.weight_shape", "I64", 2)}
		bytes8 := []checkpoint.Entry{fill("m.weight", "I8", int(rows), int(cols)), packed[1], fill("m.weight_zero_point", "I8", int(scaleRows), int(scaleCols))}
		s := checkpoint.Scheme{Packed: true, Bits: int(bits), Symmetric: index%3 == 0, Block: [2]int{1, int(group)}}
		s8 := checkpoint.Scheme{Bits: 8, Symmetric: index%3 == 0, Block: [2]int{int(zeroRows), int(group)}}
		for _, c := range []struct {
			q       dequantizer
			entries []checkpoint.Entry
		}{
			{checkpoint.GPTQ{Bits: int(bits), GroupSize: int(group)}, append(words, fill("m.g_idx", "I32", int(index)))},
			{checkpoint.GPTQ{Bits: int(bits), GroupSize: int(group), Transposed: func(string) bool { return true }}, words},
			{checkpoint.GPTQ{Bits: int(bits), GroupSize: int(group), KeepBits: true}, words},
			{checkpoint.AWQ{GroupSize: int(group)}, words}, {compressed(s), packed}, {compressed(s), packed[:3]}, {compressed(s8), bytes8},
			{checkpoint.Compressed{KeepBits: true, Scheme: func(string) (checkpoint.Scheme, error) { return s, nil }}, packed[:2]},
		} {
			src, err := c.q.Dequantize(checkpointtest.Memory(t, c.entries...))
			if err == nil {
				info, ok := src.Lookup("m.weight")
				var b []byte
				if b, err = src.Bytes("m.weight"); err == nil && (!ok || int64(len(b)) != info.Size) {
					t.Fatalf("%d bytes, %v", len(b), info)
				}
			}
			if err != nil && !errors.Is(err, checkpoint.ErrScale) && !errors.Is(err, checkpoint.ErrPacked) && !errors.Is(err, checkpoint.ErrNotFound) {
				t.Errorf("%T: %v", c.q, err)
			}
		}
	})
}

// With KeepBits symmetric matrices are Q4_0 and Q8_0, with the same values; others stay F32.
func TestKeepBits(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, c := range []struct {
		what                 string
		out, in, bits, group int
		change               func(m *matrix)
		want                 checkpoint.DType
	}{
		{"groups of 32", 40, 128, 4, 32, nil, checkpoint.Q4_0},
		{"groups of 64, the last shorter", 24, 96, 4, 64, nil, checkpoint.Q4_0},
		{"one group", 8, 160, 4, 160, nil, checkpoint.Q4_0},
		{"many", 300, 1024, 4, 128, nil, checkpoint.Q4_0},
		{"8 bits", 16, 256, 8, 128, nil, checkpoint.Q8_0},
		{"groups of 16", 8, 64, 4, 16, nil, checkpoint.F32},
		{"no whole blocks", 8, 80, 4, 80, nil, checkpoint.F32},
		{"a zero elsewhere", 8, 64, 4, 32, func(m *matrix) { m.zeros[7][1]++ }, checkpoint.F32},
		{"a scale of more digits", 8, 64, 4, 32, func(m *matrix) { m.scales[3][0] = 0.1 }, checkpoint.F32},
		{"a scale too large", 8, 64, 4, 32, func(m *matrix) { m.scales[3][0] = 1 << 17 }, checkpoint.F32},
		{"other order", 8, 64, 4, 32, func(m *matrix) { m.index[0], m.index[63] = 1, 0 }, checkpoint.F32},
	} {
		m := newMatrix(r, c.out, c.in, c.bits, c.group, false)
		for o := range m.out {
			for g := range m.groups() {
				m.zeros[o][g], m.scales[o][g] = 1<<(c.bits-1), float32(r.IntN(2000)-1000)/4096
			}
		}
		if c.change != nil {
			c.change(m)
		}
		checkBlocks(t, "GPTQ, "+c.what, checkpoint.GPTQ{Bits: c.bits, GroupSize: c.group, KeepBits: true}, m.gptq(1), c.want, m.values())
		if c.in%c.group > 0 {
			continue
		}
		q := compressed(checkpoint.Scheme{Packed: true, Bits: c.bits, Block: [2]int{1, c.group}})
		q.KeepBits = true
		checkBlocks(t, "compressed, "+c.what, q, m.compressed(), c.want, m.values())
	}
	m := newMatrix(r, 8, 64, 8, 64, false)
	codes := checkpoint.Entry{Name: "m.weight", DType: "I8", Shape: []int{8, 64}}
	for o := range m.out {
		m.scales[o][0], m.zeros[o][0] = float32(o)/64, 128
		for _, code := range m.codes[o] {
			codes.Data = append(codes.Data, byte(int(code)-128))
		}
	}
	q := compressed(checkpoint.Scheme{Bits: 8, Symmetric: true, Block: [2]int{1, 0}})
	q.KeepBits = true
	checkBlocks(t, "a scale a row", q, []checkpoint.Entry{codes, floats("m.weight_scale", m.scales)}, checkpoint.Q8_0, m.values())
}

func checkBlocks(t *testing.T, what string, q dequantizer, entries []checkpoint.Entry, want checkpoint.DType, values []float32) {
	t.Helper()
	src, err := q.Dequantize(checkpointtest.Memory(t, entries...))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	info, _ := src.Lookup("m.weight")
	if info.DType != want {
		t.Errorf("%s: it is %s, want %s", what, info.DType, want)
	}
	x, err := checkpoint.ReadFloat32(src, "m.weight")
	if err != nil || !bytes.Equal(bytesview.Bytes(x.Data), bytesview.Bytes(values)) {
		t.Errorf("%s: the values differ: %v", what, err)
	}
	b, err := src.Bytes("m.weight")
	if err != nil {
		t.Fatal(err)
	}
	checkpointtest.Check(t, src, []checkpoint.Entry{{Name: "m.weight", DType: want, Shape: info.Shape, Data: b}})
}

// BenchmarkPacked computes a matrix of 4096 by 4096; bytes are those of float32.
func BenchmarkPacked(b *testing.B) {
	m := newMatrix(rand.New(rand.NewPCG(19, 20)), 4096, 4096, 4, 128, false)
	for name, c := range map[string]struct {
		q       dequantizer
		entries []checkpoint.Entry
	}{
		"GPTQ":           {checkpoint.GPTQ{Bits: 4, GroupSize: 128}, m.gptq(1)},
		"GPTQ, no index": {checkpoint.GPTQ{Bits: 4, GroupSize: 128}, m.gptq(1)[:3]},
		"AWQ":            {checkpoint.AWQ{GroupSize: 128}, m.awq()},
		"compressed":     {compressed(checkpoint.Scheme{Packed: true, Bits: 4, Block: [2]int{1, 128}}), m.compressed()[:4]},
	} {
		b.Run(name, func(b *testing.B) {
			src, err := c.q.Dequantize(checkpointtest.Memory(b, c.entries...))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(4 * 4096 * 4096)
			for b.Loop() {
				for _, err := range src.Chunks("m.weight", 16<<20) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
