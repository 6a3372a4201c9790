package model

import "github.com/seed2010d43f/transformer/tensor/nn"

// tables are the matrices over the vocabulary of an encoder–decoder: those of the embeddings and of the
// head, which are one in most checkpoints. They are stored under one name, or some, or all; equal ones
// are kept once.
type tables struct {
	w          nn.Loader
	vocab, dim int
	names      []string // under which one may be stored, the common one first
	have       map[string]nn.Embedding
}

// get returns the table name, or if it is not stored, the first that is.
func (t *tables) get(name string) nn.Embedding {
	if t.have == nil {
		t.have = map[string]nn.Embedding{}
	}
	if !t.w.Has(name + ".weight") {
		name = t.first(name)
	}
	if e, ok := t.have[name]; ok {
		return e
	}
	for _, other := range t.names {
		if e, ok := t.have[other]; ok && t.w.Equal(name+".weight", other+".weight") {
			t.have[name] = e
			return e
		}
	}
	e := t.w.Embedding(name, t.vocab, t.dim)
	t.have[name] = e
	return e
}

// done says that tables which nobody has asked for need no place: what the model has replaces them.
func (t *tables) done() {
	t.w.Ignore(func(name string) bool {
		for _, n := range t.names {
			if name == t.w.Prefix()+n+".weight" {
				return true
			}
		}
		return false
	})
}

// first returns the first name that is stored, or else the common one; if there is none, name.
func (t *tables) first(name string) string {
	for _, n := range t.names {
		if t.w.Has(n + ".weight") {
			return n
		}
	}
	if len(t.names) > 0 {
		return t.names[0]
	}
	return name
}

// head returns the table as the projection to the vocabulary.
func (t *tables) head(name string) nn.Linear { return nn.Linear{Weight: t.get(name).Weight} }
