package transformer_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/task"
	"github.com/seed2010d43f/transformer/sample"
	"github.com/seed2010d43f/transformer/vision"
)

// A decoder continues a text.
func Example() {
	ctx := context.Background()
	d, err := model.OpenDecoder(os.DirFS("SmolLM2-135M-Instruct"), model.Options{})
	if err != nil {
		log.Fatal(err)
	}
	s := d.NewSession(model.SessionOptions{})
	for piece, err := range s.GenerateText(ctx, "The capital of France is", sample.Greedy(), model.GenerateOptions{MaxTokens: 32}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// A CLIP says which of some labels a photo shows.
func Example_photo() {
	z := must(task.OpenZeroShotImages(os.DirFS("clip-vit-base-patch32"), model.Options{}))
	photo := must(vision.DecodeFile(os.DirFS("."), "photo.jpg", vision.DecodeOptions{Orient: true}))
	labels := must(z.Classify(photo, "cat", "dog", "car", "building"))
	for _, l := range labels {
		fmt.Printf("a photo of a %s: %.1f %%\n", l.Name, 100*l.Score) // a photo of a cat: 92.3 %
	}
}

// The programs with which README.md begins and that leave nothing out are the examples above, which the compiler has
// read. The one with a photo has six lines, as README.md says.
func TestReadmeCompiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("readme_example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(readme), "\n## Getting a checkpoint")
	whole, photo := 0, 0
	for _, m := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(first, -1) {
		if block := m[1]; !strings.Contains(block, "…") {
			whole++
			if strings.Contains(block, "photo") {
				photo = strings.Count(block, "\n")
			}
			indented := "\t" + strings.ReplaceAll(strings.TrimSuffix(block, "\n"), "\n", "\n\t") + "\n}\n"
			if !strings.Contains(string(source), indented) {
				t.Errorf("readme_example_test.go has not the end of a function like this of README.md:\n%s", indented)
			}
		}
	}
	if whole != 2 || photo != 6 {
		t.Errorf("README.md has %d whole programs; the one with a photo has %d lines, not 6", whole, photo)
	}
}
