// Gen writes the assembly of package flash: score and output tiles, softmax, transpositions.
package main

import (
	"log"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

func main() {
	for path, emit := range map[string]func(*asmgen.File){
		"tiles_amd64.s":     tiles,
		"softmax_amd64.s":   softmax,
		"transpose_amd64.s": transposes,
	} {
		f := asmgen.NewFile()
		emit(f)
		if err := f.Write(path); err != nil {
			log.Fatal(err)
		}
	}
}
