// Package family holds one recipe for each family of models.
//
// A [Recipe] builds a model of package arch from a config and weights. It knows the keys of the config, the
// names and shapes of the weights, and how layers are connected. [Recipes] lists the recipes by model_type
// and says which file each is in: one file for each lineage. A relative is written as a difference. qwen.go,
// mistral.go, gemma.go and phi3.go take [Llama] and change what differs; roberta.go, electra.go, albert.go
// and mpnet.go do the same with BERT.
//
// # A family of your own
//
// A recipe can be written outside this module:
//
//   - Write a struct with the keys of the config, filled with the defaults of the class in transformers, and
//     read the config into it.
//   - Ask the loader for each layer, by its name and shape.
//   - Put the layers together.
//
// Errors are collected on the way and reported together at the end. A tensor of the checkpoint that was not
// asked for is an error too. Then pass the recipe to package model:
//
//	d, err := model.OpenDecoder(fsys, model.Options{Families: map[string]family.Recipe{"stablelm": {Decoder: stablelm}}})
//
// Start from qwen.go, which is short, or from gpt2.go, which is complete. examples/family is a module of its
// own that adds a family in this way. Package modeltest checks the result.
//
// A family is done when each option of its config that changes the arithmetic has a golden file made with
// transformers: see model/testdata/golden.
package family
