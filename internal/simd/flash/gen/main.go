// Gen writes the assembly of package flash: score and output tiles, softmax, transpositions.
package main

import (
	"log"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

func main() {
	for path, f := range files() {
		if err := f.Write(path); err != nil {
			log.Fatal(err)
		}
	}
}

// files returns the assembly files by name.
func files() map[string]*asmgen.File {
	all := map[string]*asmgen.File{}
	for path, emit := range map[string]func(*asmgen.File){
		"tiles_amd64.s":     tiles,
		"softmax_amd64.s":   softmax,
		"transpose_amd64.s": transposes,
		"one_amd64.s":       one,
	} {
		all[path] = asmgen.NewFile()
		emit(all[path])
	}
	return all
}
