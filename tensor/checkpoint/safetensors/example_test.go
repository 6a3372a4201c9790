package safetensors_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
)

func ExampleWrite() {
	src, err := checkpoint.Memory(checkpoint.Entry{Name: "w", DType: checkpoint.BF16, Shape: []int{2}, Data: []byte{0x80, 0x3f, 0, 0xc0}})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := safetensors.Write(&file, src, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", file.Bytes())
	// Output: "8\x00\x00\x00\x00\x00\x00\x00{\"w\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}} \x80?\x00\xc0"
}
