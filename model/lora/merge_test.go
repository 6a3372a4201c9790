package lora_test

import (
	"testing"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/lora"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// merge returns the base with all adapters.
func merge(t testing.TB, g *golden) checkpoint.Source {
	t.Helper()
	_, folders := g.folders(t, false)
	config, err := hf.ParseConfig("config.json", g.Config)
	if err != nil {
		t.Fatal(err)
	}
	src := g.Tensors.source(t, g.Seed)
	for _, folder := range folders {
		a, err := lora.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close() })
		if src, err = a.Merge(src, config); err != nil {
			t.Fatal(err)
		}
	}
	return src
}
