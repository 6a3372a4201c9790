// Package lora merges LoRA adapters, as the library peft saves them, into the weights of the model that they were trained
// for.
//
// An adapter says of some matrices W of a model, [out, in], what is to be added: scale·B·A, with A [r, in] and B
// [out, r], r being far below in and out. [Open] reads an adapter's folder, adapter_config.json and
// adapter_model.safetensors or .bin. [Adapter.Merge] shows a model's weights with the adapter in them: a
// [checkpoint.Source] over a Source, so that every recipe takes it. Several adapters are merged one after the other, as
// merge_and_unload of peft does it.
//
//	a, err := lora.Open(os.DirFS("my-adapter"))
//	…
//	src, err := a.Merge(weights, config)
//
// Options.Adapters of package model does this while it opens a folder.
//
// What is merged is computed in float32, piece by piece as it is read, and is float32, whatever the base's type. Nothing
// is kept of it, and of the adapter only its small matrices.
//
//   - config.go reads adapter_config.json, and refuses what changes weights in other ways.
//   - pattern.go says which modules an adapter is for, and with which rank and alpha.
//   - names.go finds out what each tensor of the adapter belongs to.
//   - merge.go pairs them with the base's, tables.go where one table has two names.
//   - head.go fits the base's config to a head that the adapter brings.
//   - source.go is the Source, delta.go the arithmetic.
package lora

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/torch"
)

// The files of an adapter.
const (
	configFile = "adapter_config.json"
	safeFile   = "adapter_model.safetensors"
	torchFile  = "adapter_model.bin"
)

// Adapter is the folder of an adapter. It is read-only, and any number of goroutines may merge it.
type Adapter struct {
	// Base is the name of the model that the adapter was trained for, as adapter_config.json has it, or "".
	Base string

	settings settings
	src      checkpoint.Source
}

// Open opens a folder with adapter_config.json and adapter_model.safetensors or adapter_model.bin. An adapter of another
// type than LORA, and a key that changes weights in a way that this package does not know, is refused by name.
func Open(fsys fs.FS) (*Adapter, error) {
	data, err := sidefile.Read(fsys, configFile, sidefile.MaxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("lora: no %s here: an adapter is a folder with %s and %s; %w", configFile, configFile, safeFile, err)
	}
	if err != nil {
		return nil, fmt.Errorf("lora: %w", err)
	}
	a := &Adapter{}
	if a.settings, err = parseSettings(data); err != nil {
		return nil, err
	}
	a.Base = a.settings.Base
	switch {
	case sidefile.Exists(fsys, safeFile):
		a.src, err = safetensors.Open(fsys, safeFile)
	case sidefile.Exists(fsys, torchFile):
		a.src, err = torch.Open(fsys, torchFile)
	default:
		err = fmt.Errorf("lora: the adapter's folder has neither %s nor %s", safeFile, torchFile)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Close closes the adapter's files. Sources that [Adapter.Merge] returned must not be used after it.
func (a *Adapter) Close() error { return a.src.Close() }

// madeFor names the model that the adapter is for, in errors.
func (a *Adapter) madeFor() string {
	if a.Base == "" {
		return "a model that " + configFile + " does not name"
	}
	return fmt.Sprintf("%.200q", a.Base)
}
