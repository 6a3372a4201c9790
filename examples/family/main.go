package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/family"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("model", "testdata/stablelm", "`DIR` with the checkpoint of a StableLM 2")
	tokens := flag.Int("max-tokens", 24, "generate at most `N` tokens")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "usage: family [flags] [TEXT]\n\nFamily continues TEXT with a StableLM 2, a family of models that this program adds to the library.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	text := "The capital of France is"
	if flag.NArg() > 0 {
		text = strings.Join(flag.Args(), " ")
	}
	written, err := generate(*dir, text, *tokens)
	if err != nil {
		log.Fatalf("family: -model %s: %v", *dir, err)
	}
	fmt.Println(text + written)
}

// open opens a checkpoint of the new family.
func open(dir string) (*model.Decoder, error) {
	return model.OpenDecoder(os.DirFS(dir), model.Options{Families: map[string]family.Recipe{
		"stablelm": {Title: "StableLM 2", Decoder: stablelm},
	}})
}

// generate returns the greedy continuation of a text.
func generate(dir, text string, tokens int) (string, error) {
	d, err := open(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for piece, err := range d.NewSession(model.SessionOptions{}).GenerateText(context.Background(), text, nil, model.GenerateOptions{MaxTokens: tokens}) {
		if err != nil {
			return b.String(), err
		}
		b.WriteString(piece)
	}
	return b.String(), nil
}
