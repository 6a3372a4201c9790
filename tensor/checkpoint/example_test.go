package checkpoint_test

import (
	"encoding/binary"
	"fmt"
	"log"
	"math"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

func ExampleMemory() {
	src, err := checkpoint.Memory(
		checkpoint.Float32("up.weight", tensor.From([]float32{1, 2, 3, 4}, 2, 2)),
		checkpoint.Entry{Name: "mask", DType: "BOOL", Shape: []int{2}, Data: []byte{1, 0}})
	if err != nil {
		log.Fatal(err)
	}
	mask, err := src.Bytes("mask")
	fmt.Println(mask, err)
	// Output: [1 0] <nil>
}

func ExampleReadFloat32() {
	src, err := checkpoint.Memory(checkpoint.Entry{Name: "norm", DType: checkpoint.F16, Shape: []int{2}, Data: []byte{0, 0x3c, 0, 0xc0}})
	if err != nil {
		log.Fatal(err)
	}
	norm, err := checkpoint.ReadFloat32(src, "norm")
	fmt.Println(norm.Shape, norm.Data, err)
	// Output: [2] [1 -2] <nil>
}

func ExampleSource_chunks() {
	src := checkpoint.Zeros(tensor.BF16)
	src.Make("embed.weight", tensor.Of(10, 4)) // 8 bytes a row
	for rows, err := range src.Chunks("embed.weight", 4*8) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(rows)/8, "rows")
	}
	// Output:
	// 4 rows
	// 4 rows
	// 2 rows
}

func ExampleRename() {
	src, err := checkpoint.Memory(
		checkpoint.Float32("transformer.wte.weight", tensor.New(2, 2)),
		checkpoint.Float32("transformer.ln_f.gamma", tensor.New(2)))
	if err != nil {
		log.Fatal(err)
	}
	renamed, err := checkpoint.Rename(src, checkpoint.TrimPrefix("transformer."), checkpoint.NormNames)
	if err != nil {
		log.Fatal(err)
	}
	for name := range renamed.Names() {
		fmt.Println(name)
	}
	// Output:
	// wte.weight
	// ln_f.weight
}

func ExampleFormula() {
	shapes := map[string]tensor.Shape{"norm.weight": tensor.Of(4), "up.weight": tensor.Of(2, 3)}
	src := checkpoint.Formula(shapes, func(_ string, shape tensor.Shape) (offset, scale float64) {
		if shape.Rank() == 1 {
			return 1, 0.1
		}
		return 0, math.Sqrt(3 / float64(shape.Last()))
	})
	for name := range src.Names() {
		w, err := checkpoint.ReadFloat32(src, name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %v %.3f\n", name, w.Shape, w.Data)
	}
	// Output:
	// norm.weight [4] [0.953 0.905 1.014 0.963]
	// up.weight [2, 3] [0.490 0.206 -0.399 -0.282 -0.553 -0.407]
}

func ExampleRandom() {
	src := checkpoint.Random(1, tensor.F16)
	src.Make("up.weight", tensor.Of(1024, 256))
	info, ok := src.Lookup("up.weight")
	fmt.Println(info.DType, info.Shape, info.Size, ok)
	_, ok = src.Lookup("down.weight")
	fmt.Println(ok)
	// Output:
	// F16 [1024 256] 524288 true
	// false
}

// A layer of one output and eight inputs, in 4 bits: a word has eight codes, the first in the lowest bits.
func ExampleGPTQ_Dequantize() {
	word := func(name string, v uint32) checkpoint.Entry {
		return checkpoint.Entry{Name: name, DType: "I32", Shape: []int{1, 1}, Data: binary.LittleEndian.AppendUint32(nil, v)}
	}
	stored, err := checkpoint.Memory(
		word("up.qweight", 0xF9876540),
		word("up.qzeros", 7), // 8, less one
		checkpoint.Float32("up.scales", tensor.From([]float32{0.5}, 1, 1)))
	if err != nil {
		log.Fatal(err)
	}
	src, err := checkpoint.GPTQ{Bits: 4, GroupSize: -1}.Dequantize(stored)
	if err != nil {
		log.Fatal(err)
	}
	w, err := checkpoint.ReadFloat32(src, "up.weight")
	fmt.Println(w.Shape, w.Data, err)
	// Output:
	// [1, 8] [-4 -2 -1.5 -1 -0.5 0 0.5 3.5] <nil>
}
