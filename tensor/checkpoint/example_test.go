package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// A model's folder is usually os.DirFS("path/to/model"); here it is made in memory.
func ExampleOpen() {
	weights, err := checkpoint.Memory(
		checkpoint.Float32("norm.weight", tensor.From([]float32{1, 2, 3}, 3)),
		checkpoint.Entry{Name: "position_ids", DType: "I64", Shape: []int{1, 2}, Data: make([]byte, 16)})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := checkpoint.WriteSafetensors(&file, weights, map[string]string{"format": "pt"}); err != nil {
		log.Fatal(err)
	}

	src, err := checkpoint.Open(fstest.MapFS{"model.safetensors": {Data: file.Bytes()}})
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		fmt.Println(info.Name, info.DType, info.Shape, info.Size)
	}
	w, err := checkpoint.ReadFloat32(src, "norm.weight")
	fmt.Println(w, err)
	_, err = checkpoint.ReadFloat32(src, "position_ids")
	fmt.Println(err)
	// Output:
	// position_ids I64 [1 2] 16
	// norm.weight F32 [3] 12
	// {[3] [1 2 3]} <nil>
	// checkpoint: tensor "position_ids": the dtype cannot be read as a floating-point weight: I64, expected F32, F16 or BF16
}

// A file that torch.save made of a module's state_dict.
func ExampleOpenTorch() {
	src, err := checkpoint.OpenTorch(os.DirFS("testdata/torch"), "module.pt")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		fmt.Println(name, info.DType, info.Shape)
	}

	_, err = checkpoint.OpenTorch(os.DirFS("testdata/torch"), "refused-nested.pt")
	fmt.Println(errors.Is(err, checkpoint.ErrPickle))
	// Output:
	// position_ids I64 [1 6]
	// embed_tokens.weight F16 [5 4]
	// lm_head.weight F16 [5 4]
	// shared.weight F16 [5 4]
	// lm_head.bias F16 [5]
	// norm.weight F16 [4]
	// norm.bias F16 [4]
	// true
}

func ExampleOpen_errors() {
	_, err := checkpoint.Open(fstest.MapFS{"pytorch_model.bin": {}})
	fmt.Println(errors.Is(err, checkpoint.ErrPickle))

	_, err = checkpoint.Open(fstest.MapFS{"model.safetensors": {Data: []byte("version https://git-lfs")}})
	fmt.Println(errors.Is(err, checkpoint.ErrHeaderTooLarge))
	// Output:
	// true
	// true
}

func ExampleWriteSafetensors() {
	src, err := checkpoint.Memory(checkpoint.Entry{Name: "w", DType: checkpoint.BF16, Shape: []int{2}, Data: []byte{0x80, 0x3f, 0, 0xc0}})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := checkpoint.WriteSafetensors(&file, src, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", file.Bytes())
	// Output: "8\x00\x00\x00\x00\x00\x00\x00{\"w\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}} \x80?\x00\xc0"
}

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
