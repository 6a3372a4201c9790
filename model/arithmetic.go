package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// Arithmetic says how a model keeps its matrices, and what products with them do to activations: one entry for each
// way, the one with the most bytes first. Vectors, which are float32, are not in it.
type Arithmetic []Matrices

// Matrices are those that a model keeps in one way.
type Matrices struct {
	DType tensor.DType

	// Precision is [tensor.FullPrecision] where activations stay float32 (exact), and [tensor.Int8Activations] where they
	// are rounded to 8 bits (fast).
	Precision tensor.Precision
	Lookup    bool  // a table of rows that nothing is multiplied by
	Bytes     int64 // of all of them
}

// String returns a line such as "Q4_K 271.3 MB fast, Q6_K 96.0 MB fast, F32 0.3 MB exact".
func (a Arithmetic) String() string {
	var parts []string
	for _, m := range a {
		parts = append(parts, m.String())
	}
	return strings.Join(parts, ", ")
}

// String returns the type, the size, and "exact", "fast", "bfloat16 activations" or "lookups".
func (m Matrices) String() string {
	how := "exact"
	switch {
	case m.Lookup:
		how = "lookups"
	case m.Precision == tensor.Int8Activations:
		how = "fast"
	case m.Precision == tensor.BF16Activations:
		how = "bfloat16 activations"
	}
	return fmt.Sprintf("%v %.1f MB %s", m.DType, float64(m.Bytes)/1e6, how)
}

// Arithmetic tells how the decoder keeps its matrices and multiplies by them; see [Options.Precision].
func (d *Decoder) Arithmetic() Arithmetic {
	var k kept
	k.decoder(d.Decoder)
	return k.sorted()
}

// Arithmetic is [Decoder.Arithmetic] for an encoder with its heads.
func (e *Encoder) Arithmetic() Arithmetic {
	var k kept
	k.encoder(e.Encoder)
	return k.sorted()
}

// Arithmetic is [Decoder.Arithmetic] for both parts.
func (m *EncoderDecoder) Arithmetic() Arithmetic {
	var k kept
	k.encoder(m.Encoder.Encoder)
	k.decoder(m.Decoder.Decoder)
	return k.sorted()
}

// Arithmetic is [Decoder.Arithmetic] for an encoder of pictures with its heads.
func (e *ImageEncoder) Arithmetic() Arithmetic {
	var k kept
	k.image(e.ImageEncoder)
	return k.sorted()
}

// Arithmetic is [Decoder.Arithmetic] for both towers.
func (m *ImageText) Arithmetic() Arithmetic {
	var k kept
	k.image(m.Image)
	k.encoder(m.Text)
	return k.sorted()
}

// Arithmetic is [Decoder.Arithmetic] for all parts.
func (m *ImageToText) Arithmetic() Arithmetic {
	var k kept
	k.image(m.Image)
	if m.Reader != nil {
		k.add(m.Reader.Work(attention.Span{Rows: 1, Out: 1, Source: 1}), m.Reader.Embeddings.Tables())
	}
	if m.Project != nil {
		k.matrix(m.Project.Weight, false)
	}
	if m.Match != nil {
		for _, l := range []*nn.Linear{&m.Match.Head, &m.Match.Image, &m.Match.Text} {
			k.matrix(l.Weight, false)
		}
	}
	if m.Encoder != nil {
		k.encoder(m.Encoder)
	}
	if m.Decoder != nil {
		k.decoder(m.Decoder)
	}
	return k.sorted()
}

// kept collects the matrices of a model.
type kept struct {
	seen map[*tensor.Weight]bool
	all  Arithmetic
}

func (k *kept) decoder(d *arch.Decoder) {
	w := d.Work(attention.Span{Rows: 1, Out: 1, Source: 1})
	w.Add(d.Work(attention.Span{Rows: 1 << 20, Out: 1 << 20, Source: 1})) // may go through other matrices than a token
	if d.Prediction != nil {
		w.Add(d.Prediction.Block.Work(attention.Span{Rows: 1, Out: 1}))
		w.Products = append(w.Products, attention.Product{Weight: d.Prediction.Project.Weight})
	}
	k.add(w, d.Embeddings.Tables())
}

func (k *kept) encoder(e *arch.Encoder) { k.add(e.Work(1), e.Embeddings.Tables()) }

func (k *kept) image(e *arch.ImageEncoder) { k.add(e.Work(1, 1), nil) }

// add collects matrices that a model multiplies by, and tables in which it looks rows up.
func (k *kept) add(w attention.Work, tables []*tensor.Weight) {
	for _, m := range w.Weights() {
		k.matrix(m, false)
	}
	for _, m := range tables {
		k.matrix(m, true)
	}
}

func (k *kept) matrix(w *tensor.Weight, lookup bool) {
	if w == nil || k.seen[w] {
		return
	}
	if k.seen == nil {
		k.seen = map[*tensor.Weight]bool{}
	}
	k.seen[w] = true
	for _, p := range w.Parts() {
		m := Matrices{DType: p.DType, Precision: p.Precision, Lookup: lookup}
		if lookup {
			m.Precision = tensor.FullPrecision
		}
		i := slices.IndexFunc(k.all, func(x Matrices) bool { x.Bytes = 0; return x == m })
		if i < 0 {
			i, k.all = len(k.all), append(k.all, m)
		}
		k.all[i].Bytes += p.Bytes()
	}
}

func (k *kept) sorted() Arithmetic {
	slices.SortStableFunc(k.all, func(a, b Matrices) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return k.all
}
