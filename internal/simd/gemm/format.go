package gemm

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/seed2010d43f/transformer/internal/blocks"
	"github.com/seed2010d43f/transformer/internal/bytesview"
	"github.com/seed2010d43f/transformer/internal/half"
	"github.com/seed2010d43f/transformer/internal/simd"
)

// Format is how weights are stored and multiplied: one entry of the table below. Elements and Bytes, a name and
// Decode are enough for one that works; the rest makes it fast.
type Format struct {
	Name     string
	Elements int // a block has so many elements, which follow each other in a row,
	Bytes    int // in so many bytes
	RowBytes int // and a row has so many more, after its blocks

	// Activations is what the format's tiles multiply by.
	Activations Activations

	// Decode sets dst to the elements of whole blocks, as a file has them; with RowBytes, of one row.
	Decode func(dst []float32, blocks []byte)
	// Encode sets blocks, as a file has them, to those nearest to src; with RowBytes, one row. Without it nothing is
	// converted to the format.
	Encode func(blocks []byte, src []float32)

	layout layout  // of panels
	tiles  []tiles // the fastest first; there may be none if Activations is AsFloat32
}

// layout is how blocks lie in a panel. Without any of this they lie as they are in the file, [K/Elements][width].
type layout struct {
	units *int8Weights // in units of a block for each column
	codes *rowCodes    // with a scale for each column: see rows8.go
	// pack sets columns col, col+1, … of a panel from rows of so many blocks each, as a file has them, whose first
	// blocks are stride bytes apart.
	pack func(panel []byte, width, col, rows, blocks int, src []byte, stride int)
	// row sets dst to the column col of a panel.
	row func(dst []float32, panel []byte, width, col int)
	// unpack sets dst, [n][width], to n rows of blocks of a panel.
	unpack func(dst []float32, part []byte)
}

// Name names a format of the table.
type Name uint8

const (
	F32         Name = iota // IEEE 754 binary32
	F16                     // IEEE 754 binary16
	BF16                    // the upper half of a binary32
	BF16Rounded             // BF16, by activations rounded to it
	BF16Pairs               // the same, two at a time: K is even, and sums are not those of BF16Rounded to the bit
	MXFP4                   // OCP Microscaling, as GGUF has it; this and those below are in package blocks

	Q4_0 // block formats of GGUF
	Q4_1
	Q5_0
	Q5_1
	Q8_0
	Q2_K
	Q3_K
	Q4_K
	Q5_K
	Q6_K
	IQ4_NL
	IQ4_XS

	IQ1_S // those that are only decoded
	IQ1_M
	IQ2_XXS
	IQ2_XS
	IQ2_S
	IQ3_XXS
	IQ3_S
	TQ1_0
	TQ2_0
	NVFP4
	Q1_0
	Q2_0

	W8 // a scale for each row: see rows8.go
	W7
)

// Format returns the entry of the table.
func (n Name) Format() *Format { return &formats[n] }

// Int8 returns the entry for the same weights, in panels of the same bytes, by activations as [AsInt8Blocks] or
// [AsInt8Rows]; or, of a format that has none, that of the table.
func (n Name) Int8() *Format {
	if formats[n].layout.units == nil && formats[n].layout.codes == nil {
		return &formats[n]
	}
	return &int8Formats[n]
}

var formats = [...]Format{
	F32: {
		Name: "F32", Elements: 1, Bytes: 4, Decode: bytesview.ReadFloat32s, Encode: encodeF32,
		layout: layout{pack: pack32, row: rowF32},
		tiles:  f32Tiles[:],
	},
	F16: {
		Name: "F16", Elements: 1, Bytes: 2, Decode: half.F16FromBytes, Encode: half.F16ToBytes,
		layout: layout{pack: pack16, row: rowF16, unpack: unpackF16},
		tiles:  f16Tiles[:],
	},
	BF16: {
		Name: "BF16", Elements: 1, Bytes: 2, Decode: half.BF16FromBytes, Encode: half.BF16ToBytes,
		layout: layout{pack: pack16, row: rowBF16, unpack: unpackBF16},
		tiles:  bf16Tiles[:],
	},
	BF16Rounded: {
		Name: "BF16", Elements: 1, Bytes: 2, Decode: half.BF16FromBytes, Encode: half.BF16ToBytes,
		Activations: AsBF16,
		layout:      layout{pack: pack16, row: rowBF16, unpack: unpackBF16},
		tiles:       bf16Tiles[:],
	},
	BF16Pairs: {
		Name: "BF16", Elements: 2, Bytes: 4, Decode: half.BF16FromBytes, Encode: half.BF16ToBytes,
		Activations: AsBF16Pairs,
		layout:      layout{pack: pack32, row: rowBF16Pairs},
		tiles:       bf16PairsTiles[:],
	},
	MXFP4:   {Name: "MXFP4", Elements: 32, Bytes: 17, Decode: blocks.DecodeMXFP4, Encode: blocks.EncodeMXFP4, layout: layout{units: &unitsMXFP4}},
	Q4_0:    {Name: "Q4_0", Elements: 32, Bytes: 18, Decode: blocks.DecodeQ4_0, Encode: blocks.EncodeQ4_0, layout: layout{units: &unitsQ4_0}},
	Q4_1:    {Name: "Q4_1", Elements: 32, Bytes: 20, Decode: blocks.DecodeQ4_1, Encode: blocks.EncodeQ4_1, layout: layout{units: &unitsQ4_1}},
	Q5_0:    {Name: "Q5_0", Elements: 32, Bytes: 22, Decode: blocks.DecodeQ5_0, Encode: blocks.EncodeQ5_0, layout: layout{units: &unitsQ5_0}},
	Q5_1:    {Name: "Q5_1", Elements: 32, Bytes: 24, Decode: blocks.DecodeQ5_1, Encode: blocks.EncodeQ5_1, layout: layout{units: &unitsQ5_1}},
	Q8_0:    {Name: "Q8_0", Elements: 32, Bytes: 34, Decode: blocks.DecodeQ8_0, Encode: blocks.EncodeQ8_0, layout: layout{units: &unitsQ8_0}},
	Q2_K:    {Name: "Q2_K", Elements: 256, Bytes: 84, Decode: blocks.DecodeQ2_K, layout: layout{units: &unitsQ2_K}},
	Q3_K:    {Name: "Q3_K", Elements: 256, Bytes: 110, Decode: blocks.DecodeQ3_K, layout: layout{units: &unitsQ3_K}},
	Q4_K:    {Name: "Q4_K", Elements: 256, Bytes: 144, Decode: blocks.DecodeQ4_K, Encode: blocks.EncodeQ4_K, layout: layout{units: &unitsQ4_K}},
	Q5_K:    {Name: "Q5_K", Elements: 256, Bytes: 176, Decode: blocks.DecodeQ5_K, Encode: blocks.EncodeQ5_K, layout: layout{units: &unitsQ5_K}},
	Q6_K:    {Name: "Q6_K", Elements: 256, Bytes: 210, Decode: blocks.DecodeQ6_K, Encode: blocks.EncodeQ6_K, layout: layout{units: &unitsQ6_K}},
	IQ4_NL:  {Name: "IQ4_NL", Elements: 32, Bytes: 18, Decode: blocks.DecodeIQ4_NL, Encode: blocks.EncodeIQ4_NL, layout: layout{units: &unitsIQ4_NL}},
	IQ4_XS:  {Name: "IQ4_XS", Elements: 256, Bytes: 136, Decode: blocks.DecodeIQ4_XS, Encode: blocks.EncodeIQ4_XS, layout: layout{units: &unitsIQ4_XS}},
	IQ1_S:   {Name: "IQ1_S", Elements: 256, Bytes: 50, Decode: blocks.DecodeIQ1_S},
	IQ1_M:   {Name: "IQ1_M", Elements: 256, Bytes: 56, Decode: blocks.DecodeIQ1_M},
	IQ2_XXS: {Name: "IQ2_XXS", Elements: 256, Bytes: 66, Decode: blocks.DecodeIQ2_XXS},
	IQ2_XS:  {Name: "IQ2_XS", Elements: 256, Bytes: 74, Decode: blocks.DecodeIQ2_XS},
	IQ2_S:   {Name: "IQ2_S", Elements: 256, Bytes: 82, Decode: blocks.DecodeIQ2_S},
	IQ3_XXS: {Name: "IQ3_XXS", Elements: 256, Bytes: 98, Decode: blocks.DecodeIQ3_XXS},
	IQ3_S:   {Name: "IQ3_S", Elements: 256, Bytes: 110, Decode: blocks.DecodeIQ3_S},
	TQ1_0:   {Name: "TQ1_0", Elements: 256, Bytes: 54, Decode: blocks.DecodeTQ1_0},
	TQ2_0:   {Name: "TQ2_0", Elements: 256, Bytes: 66, Decode: blocks.DecodeTQ2_0},
	NVFP4:   {Name: "NVFP4", Elements: 64, Bytes: 36, Decode: blocks.DecodeNVFP4},
	Q1_0:    {Name: "Q1_0", Elements: 128, Bytes: 18, Decode: blocks.DecodeQ1_0},
	Q2_0:    {Name: "Q2_0", Elements: 64, Bytes: 18, Decode: blocks.DecodeQ2_0},
	W8: {
		Name: "W8", Elements: 4, Bytes: 4, RowBytes: rowTail, Decode: decodeRow, Encode: codesW8.encode,
		layout: layout{codes: &codesW8, pack: codesW8.pack, row: codesW8.row},
	},
	W7: {
		Name: "W7", Elements: 4, Bytes: 4, RowBytes: rowTail, Decode: decodeRow, Encode: codesW7.encode,
		layout: layout{codes: &codesW7, pack: codesW7.pack, row: codesW7.row},
	},
}

// int8Formats are the formats by activations of 8 bits.
var int8Formats = func() (all [len(formats)]Format) {
	for n, f := range formats {
		switch {
		case f.layout.units != nil:
			f.Activations, f.tiles = AsInt8Blocks, f.layout.units.tiles
			all[n] = f
		case f.layout.codes != nil:
			f.Activations = AsInt8Rows
			all[n] = f
		}
	}
	return all
}()

// The largest block.
const (
	maxElements = 256
	maxBytes    = 256
)

// rowBytes returns the bytes of a row of k elements.
func (f *Format) rowBytes(k int) int { return k/f.Elements*f.Bytes + f.RowBytes }

// PackedLen returns the bytes of a packed [n, k] matrix. It panics if k is not a whole number of blocks.
func (f *Format) PackedLen(n, k int) int {
	if n < 0 || k < 0 || k%f.Elements != 0 || f.Elements > maxElements {
		panic(fmt.Sprintf("gemm: a [%d, %d] matrix of %s, which has blocks of %d", n, k, f.Name, f.Elements))
	}
	f.checkRow(k)
	return (n + 15) / 16 * 16 * f.rowBytes(k)
}

// Fast reports whether the format has tiles in assembly that are in use.
func (f *Format) Fast() bool {
	if f.Activations == AsInt8Rows {
		return f.rowsSet(simd.Active()) != rowsPortable
	}
	t := f.tilesFor(simd.Active())
	return t != nil && t.set >= inAssembly
}

func encodeF32(b []byte, src []float32) {
	for i, v := range src {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
}
