package lora

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Merge shows the weights of a model with the adapter in them. config is the model's config.json. Tensors that the
// adapter changes are F32, and computed as they are read; the others are the base's. The adapter must stay open while
// the Source is in use. The Source closes base, and not the adapter.
//
// Every tensor of the adapter must fit one of the base, in name and shape; modules_to_save, such as a classifier, may
// be new. A table of word vectors that the head shares, or that encoder and decoder do, is changed where the adapter is for it
// alone, as the running adapter has it: from then on Lookup finds the others under their own names, though Names does not
// list them.
//
// A [checkpoint.Maker] has no weights to merge with, and is refused.
func (a *Adapter) Merge(base checkpoint.Source, config *hf.Config) (checkpoint.Source, error) {
	if _, ok := base.(checkpoint.Maker); ok {
		return nil, fmt.Errorf("lora: weights that are made as they are asked for cannot take an adapter")
	}
	list, wholes, err := a.sortTensors()
	if err != nil {
		return nil, err
	}
	m := &merging{Adapter: a, base: newBase(base), config: config, out: &merged{Source: base, plans: map[string]*plan{}, hidden: map[string]origin{}}}
	for _, w := range wholes {
		if err := m.whole(w); err != nil {
			return nil, err
		}
	}
	for _, mod := range list {
		if err := m.module(mod); err != nil {
			return nil, fmt.Errorf("%w (the adapter is for %s)", err, a.madeFor())
		}
	}
	m.out.names = slices.AppendSeq(slices.Collect(base.Names()), slices.Values(m.added))
	return m.out, nil
}

// merging is a merge that is being prepared.
type merging struct {
	*Adapter
	base   *base
	config *hf.Config
	out    *merged
	added  []string // names that the base does not list
}

func (m *merging) set(name string, p *plan) {
	if !m.base.listed[name] && m.out.plans[name] == nil {
		m.added = append(m.added, name)
	}
	m.out.plans[name] = p
	delete(m.out.hidden, name)
}

// origin is where a tensor comes from.
type origin struct {
	src  checkpoint.Source
	name string
}

func (o origin) info() checkpoint.Info {
	info, _ := o.src.Lookup(o.name)
	return info
}

// whole enters a tensor that is stored as it is to be.
func (m *merging) whole(w whole) error {
	mod, _ := cutLast(w.name)
	saved := m.settings.keeps(mod)
	if !saved && !w.base && !(m.settings.Bias && strings.HasSuffix(w.name, ".bias")) && !isTable(mod) && !isHead(mod) {
		return fmt.Errorf("lora: the adapter's tensor %.200q fits nothing: modules_to_save does not name it, and it is no part of LoRA", w.stored)
	}
	dest, err := m.base.find(w.name)
	if err != nil {
		return err
	}
	if dest == "" && !saved && !isHead(mod) {
		return fmt.Errorf("lora: the adapter's tensor %.200q fits nothing: the base has no %.200q; the adapter is for %s", w.stored, w.name, m.madeFor())
	}
	if dest == "" && w.base && m.tied() {
		dest = m.base.partner(mod, m.sided()) // the one table of both
	}
	from := origin{m.src, w.stored}
	if dest == "" {
		m.set(w.name, &plan{info: renamed(from.info(), w.name), from: from})
		return nil
	}
	have, _ := m.base.Lookup(dest)
	if !slices.Equal(have.Shape, from.info().Shape) {
		return fmt.Errorf("lora: the adapter's tensor %.200q has shape %.100s, the base's %.200q has %.100s: if tokens were added while it was trained, "+
			"resize the base in the same way, with resize_token_embeddings, and save it", w.stored, fmt.Sprint(from.info().Shape), dest, fmt.Sprint(have.Shape))
	}
	if saved {
		if err := m.untie(mod, dest, m.current(dest)); err != nil {
			return err
		}
	}
	m.set(dest, &plan{info: renamed(from.info(), dest), from: from})
	return nil
}

func renamed(info checkpoint.Info, name string) checkpoint.Info {
	info.Name = name
	return info
}

// tied reports whether the head may share the table of word vectors: classes differ in what they do if the config is silent.
func (m *merging) tied() bool { return m.config.Bool("tie_word_embeddings", true) }

// sided reports whether encoder and decoder have a table each, which may be one.
func (m *merging) sided() bool { return m.config.Bool("is_encoder_decoder", false) }

// untie shows the table from which dest is about to be made, as it is now, under the other names that it has while it is
// tied.
func (m *merging) untie(module, dest string, from origin) error {
	if !m.tied() {
		return nil
	}
	if _, last := cutLast(module); last == "shared" && m.sided() {
		return fmt.Errorf("lora: the adapter changes %.200q, which no part of the running model reads: it cannot be told what was trained", dest)
	}
	for _, name := range m.base.untied(module, m.sided()) {
		if m.out.plans[name] == nil {
			m.out.hidden[name] = from
		}
	}
	return nil
}

// current returns where a tensor of the base comes from, before the adapter's matrices.
func (m *merging) current(dest string) origin {
	if p := m.out.plans[dest]; p != nil {
		return p.from
	}
	return origin{m.out.Source, dest}
}

// module enters what is to be added to the weight of a module, and to its bias.
func (m *merging) module(mod *module) error {
	if ok, why := m.settings.targets(mod.name); !ok {
		return fmt.Errorf("lora: the adapter's tensors of %.200q fit nothing: %s", mod.name, why)
	}
	dest, from, err := m.destination(mod.name)
	if err != nil {
		return err
	}
	if err := m.untie(mod.name, dest, from); err != nil {
		return err
	}
	info, ok := checkpoint.NewInfo(dest, checkpoint.F32, from.info().Shape)
	if !ok {
		return fmt.Errorf("lora: %.200q of the base cannot be merged as float32", dest)
	}
	d, err := m.delta(mod, from.info())
	if err != nil {
		return err
	}
	m.set(dest, &plan{info: info, from: from, delta: d})
	if mod.parts[partBBias] != "" {
		return m.bias(mod)
	}
	return nil
}

// destination returns the name of the tensor that a module's matrices change, and where it comes from.
func (m *merging) destination(module string) (dest string, from origin, err error) {
	dest, err = m.base.find(module + ".weight")
	if err != nil {
		return "", origin{}, err
	}
	if dest != "" {
		return dest, m.current(dest), nil
	}
	if m.tied() {
		if tied := m.base.partner(module, m.sided()); tied != "" {
			return module + ".weight", m.current(tied), nil
		}
	}
	return "", origin{}, fmt.Errorf("lora: the adapter's tensors of %.200q fit nothing: the base has no tensor %.200q", module, module+".weight")
}

// bias enters what is to be added to a bias.
func (m *merging) bias(mod *module) error {
	dest, err := m.base.find(mod.name + ".bias")
	if err != nil {
		return err
	}
	if dest == "" {
		return fmt.Errorf("lora: lora_bias: the adapter adds to the bias of %.200q, which has none", mod.name)
	}
	from := m.current(dest)
	add, err := m.read(mod.parts[partBBias], from.info().Shape...)
	if err != nil {
		return err
	}
	if _, err := from.info().DType.Tensor(); err != nil || len(from.info().Shape) != 1 {
		return fmt.Errorf("lora: %.200q of the base is no bias", dest)
	}
	info, _ := checkpoint.NewInfo(dest, checkpoint.F32, from.info().Shape)
	m.set(dest, &plan{info: info, from: from, delta: biasDelta(add, m.settings.scale(mod.name))})
	return nil
}
