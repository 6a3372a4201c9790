// Cost prints what models cost: parameters, operations, memory. It needs their configs and no weights.
//
//	go run ./examples/cost
//	go run ./examples/cost -model ~/models/Mixtral-8x7B-v0.1
//	go run ./examples/cost -model - < config.json
//
// Without -model it prints a table of well-known models, what a prompt twice as long costs, what 200 tokens of
// reasoning cost, and what a million tokens of context take, and draws the last as a picture. With -model it prints
// the bill of one model.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/seed2010d43f/transformer/cost"
	"github.com/seed2010d43f/transformer/examples/internal/cli"
	"github.com/seed2010d43f/transformer/model"
)

func main() {
	from := flag.String("model", "", "`PATH` of a config.json, or of a folder that has one; - reads it from standard input. Without it well-known models are compared")
	out := flag.String("o", "cost.png", "picture to write, a PNG `FILE`")
	tokens := flag.Int("tokens", 4096, "length of the text in the bill of one model")
	cli.Parse("", "Cost prints parameters, operations and memory of models from their configs alone.")
	cli.Exit(run(os.Stdout, os.Stdin, *from, *out, *tokens))
}

func run(w io.Writer, stdin io.Reader, from, out string, tokens int) error {
	if tokens < 1 || tokens > 1<<30 {
		return fmt.Errorf("-tokens is %d; it must be from 1 to %d", tokens, 1<<30)
	}
	if from != "" {
		m, err := read(from, stdin)
		if err != nil {
			return err
		}
		return bill(w, m, tokens)
	}
	models, err := presets()
	if err != nil {
		return err
	}
	for _, section := range []func(io.Writer, map[string]entry) error{table, mixtral, longer, reasoning, context} {
		if err := section(w, models); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	if err := picture(out, models); err != nil {
		return err
	}
	fmt.Fprintln(w, "wrote", out)
	return nil
}

// read returns the model of a config.json, of a folder that has one, or of standard input.
func read(path string, stdin io.Reader) (*cost.Model, error) {
	if path == "-" {
		data, err := io.ReadAll(io.LimitReader(stdin, 16<<20))
		if err != nil {
			return nil, err
		}
		return cost.New(data, model.Options{})
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if filepath.Base(path) != "config.json" {
			return nil, fmt.Errorf("-model is %s; a config.json, or a folder that has one, is needed", path)
		}
		path = filepath.Dir(path)
	}
	return cost.Open(os.DirFS(path), model.Options{})
}

// entry is a well-known model.
type entry struct {
	*cost.Published
	m *cost.Model
}

func presets() (map[string]entry, error) {
	all := map[string]entry{}
	for _, name := range cost.Presets() {
		p, err := cost.Preset(name)
		if err != nil {
			return nil, err
		}
		m, err := p.Model()
		if err != nil {
			return nil, err
		}
		all[name] = entry{p, m}
	}
	return all, nil
}
