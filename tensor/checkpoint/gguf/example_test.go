package gguf_test

import (
	"bytes"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
)

// A file is written, and read again.
func Example() {
	src, err := checkpoint.Memory(checkpoint.Float32("output.weight", tensor.From([]float32{1, 2, 3, 4, 5, 6}, 2, 3)))
	if err != nil {
		log.Fatal(err)
	}
	var m gguf.Metadata
	m.Set("general.architecture", gguf.Of("example"))
	m.Set("example.block_count", gguf.Of(uint32(0)))
	m.Set("tokenizer.ggml.tokens", gguf.ArrayOf([]string{"a", "b"}))
	var b bytes.Buffer
	if err := gguf.Write(&b, &m, src); err != nil {
		log.Fatal(err)
	}

	f, err := gguf.Open(fstest.MapFS{"model.gguf": {Data: b.Bytes()}}, "model.gguf") // or os.DirFS(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	name, err := f.Metadata().String("general.architecture")
	fmt.Println(name, err)
	x, err := checkpoint.ReadFloat32(f, "output.weight")
	fmt.Println(x.Shape, x.Data, err)
	_, err = f.Metadata().Uint("example.context_length")
	fmt.Println(err)
	// Output:
	// example <nil>
	// [2, 3] [1 2 3 4 5 6] <nil>
	// checkpoint: there is no such key in the metadata: "example.context_length"
}
