package hf_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/torch"
)

// A model's folder is usually os.DirFS("path/to/model"); here it is made in memory.
func ExampleOpenWeights() {
	weights, err := checkpoint.Memory(
		checkpoint.Float32("norm.weight", tensor.From([]float32{1, 2, 3}, 3)),
		checkpoint.Entry{Name: "position_ids", DType: "I64", Shape: []int{1, 2}, Data: make([]byte, 16)})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := safetensors.Write(&file, weights, map[string]string{"format": "pt"}); err != nil {
		log.Fatal(err)
	}

	src, err := hf.OpenWeights(fstest.MapFS{"model.safetensors": {Data: file.Bytes()}})
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

func ExampleOpenWeights_errors() {
	_, err := hf.OpenWeights(fstest.MapFS{"pytorch_model.bin": {}})
	fmt.Println(errors.Is(err, torch.ErrPickle))

	_, err = hf.OpenWeights(fstest.MapFS{"model.safetensors": {Data: []byte("version https://git-lfs")}})
	fmt.Println(errors.Is(err, checkpoint.ErrHeaderTooLarge))
	// Output:
	// true
	// true
}
