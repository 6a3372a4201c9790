// Gen writes the assembly of package flash (score and output tiles, softmax, transpositions, decoding) and its declarations.
package main

import (
	"log"
	"path/filepath"

	"github.com/seed2010d43f/transformer/internal/simd/asmgen"
)

const generator = "internal/simd/flash/gen"

func main() {
	if err := generate("."); err != nil {
		log.Fatal(err)
	}
}

// generate writes the files to a folder.
func generate(dir string) error {
	var all []*asmgen.File
	for _, part := range []struct {
		name string
		emit func(*asmgen.File)
	}{
		{"tiles_amd64.s", tiles},
		{"softmax_amd64.s", softmax},
		{"transpose_amd64.s", transposes},
		{"one_amd64.s", one},
		{"stored_amd64.s", stored},
	} {
		f := asmgen.NewFile(generator)
		part.emit(f)
		if err := f.Write(filepath.Join(dir, part.name)); err != nil {
			return err
		}
		all = append(all, f)
	}
	return asmgen.WriteGo(filepath.Join(dir, "kernels_amd64.go"), generator, asmgen.AMD64, "flash", "", all...)
}
