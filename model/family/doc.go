// Package family has one recipe for each family of models: the keys of its config, the names and shapes of its
// weights, and its wiring.
//
// A [Recipe] makes a model of package arch from a config and weights. [Recipes] lists those of this package by
// model_type, and says which file each is in: one for each lineage. A relative is a diff on another: qwen.go,
// mistral.go, gemma.go and phi3.go take [Llama] and change what is different; roberta.go, electra.go, albert.go
// and mpnet.go take what builds BERT.
//
// # A family of your own
//
// A recipe needs nothing that this package keeps to itself. Write a struct with the names of the config's keys,
// fill it with the defaults of the reference's class, and read the config into it; ask the loader for each layer
// by its name and shape; put them together. Errors are noted on the way and reported together at the end, and a
// tensor that nobody asked for is one. Then give the recipe to the options of package model:
//
//	d, err := model.OpenDecoder(fsys, model.Options{Families: map[string]family.Recipe{"stablelm": {Decoder: stablelm}}})
//
// Start from qwen.go, which is short, and from gpt2.go, which is whole. examples/family is a module of its own
// that adds a family in this way.
//
// # Truth
//
// A family is done when each option of its config that changes the arithmetic has a golden file, made with the
// reference: see model/testdata/golden.
package family
