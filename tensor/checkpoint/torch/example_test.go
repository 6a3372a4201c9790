package torch_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/seed2010d43f/transformer/tensor/checkpoint/torch"
)

// A file that torch.save made of a module's state_dict.
func ExampleOpen() {
	src, err := torch.Open(os.DirFS("testdata"), "module.pt")
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		fmt.Println(name, info.DType, info.Shape)
	}

	_, err = torch.Open(os.DirFS("testdata"), "refused-nested.pt")
	fmt.Println(errors.Is(err, torch.ErrPickle))
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
