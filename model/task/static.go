package task

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/nn"
	"github.com/seed2010d43f/transformer/tokenizer"
)

// static assembles a StaticEmbedding: a table of word vectors, whose mean is the vector of a text (model2vec; Tulkens
// and van Dongen, 2024). Texts are read without special tokens around them, by tokenizer.json as it stands, whose
// truncation alone cuts them.
func (f *folder) static(fsys fs.FS) error {
	data, err := sidefile.Read(fsys, "tokenizer.json", sidefile.MaxVocabulary)
	if err != nil {
		return fmt.Errorf("task: a StaticEmbedding needs a tokenizer.json: %w", err)
	}
	t, err := tokenizer.ParseJSON(data)
	if err != nil {
		return err
	}
	var c struct {
		Truncation *struct {
			Length    int    `json:"max_length"`
			Direction string `json:"direction"`
		} `json:"truncation"`
	}
	if err := json.Unmarshal(sidefile.TrimMark(data), &c); err != nil {
		return fmt.Errorf("task: tokenizer.json: %w", err)
	}
	src, err := hf.OpenWeights(fsys)
	if err != nil {
		return err
	}
	defer src.Close()
	words, err := wordVectors(src, f.opt)
	if err != nil {
		return err
	}
	e := &model.Encoder{Tokenizer: t, Encoder: &arch.Encoder{Trunk: &arch.Trunk{Vocab: words.Weight.Out, Stack: arch.Stack{Dim: words.Weight.In},
		MaxLen: hf.MaxLength, Embeddings: arch.Embeddings{Words: words}}}}
	if f.e, err = NewEmbedder(e); err != nil {
		return err
	}
	f.e.Modules, f.e.bare, f.pooled = nil, true, true
	if c.Truncation != nil && c.Truncation.Length > 0 {
		if f.e.MaxTokens = c.Truncation.Length; c.Truncation.Direction == "Left" {
			f.e.Side = tokenizer.Left
		}
	}
	return nil
}

// wordVectors reads the table: embedding.weight of sentence-transformers, or embeddings of model2vec, which may have
// a row for several tokens (mapping) and a weight for each token (weights).
func wordVectors(src checkpoint.Source, opt model.Options) (nn.Embedding, error) {
	table, ok := src.Lookup("embedding.weight")
	if !ok {
		table, ok = src.Lookup("embeddings")
	}
	if !ok || len(table.Shape) != 2 || slices.Contains(table.Shape, 0) {
		return nn.Embedding{}, fmt.Errorf("task: a StaticEmbedding has a matrix embedding.weight or embeddings; this file has %v", firstNames(src))
	}
	renamed, err := checkpoint.Rename(src, func(name string) string {
		if name == "embeddings" {
			return "embedding.weight"
		}
		return name
	})
	if err != nil {
		return nn.Embedding{}, err
	}
	w := nn.NewLoader(renamed, nn.Options{Convert: opt.Convert, Converted: opt.Converted})
	words := w.Table("embedding", table.Shape[0], table.Shape[1])
	mapping, err := tokenRows(renamed, table.Shape[0])
	if err != nil {
		return nn.Embedding{}, err
	}
	w.Ignore(func(name string) bool { return name == "mapping" })
	var weights []float32
	if info, ok := renamed.Lookup("weights"); ok {
		n := table.Shape[0]
		if mapping != nil {
			n = len(mapping)
		}
		if len(info.Shape) == 1 && info.Shape[0] == n {
			weights = w.Vector("weights", n)
		}
	}
	if err := w.Err(true); err != nil {
		return nn.Embedding{}, err
	}
	if mapping == nil && weights == nil {
		return words, nil
	}
	return foldVectors(w, words, mapping, weights)
}

// foldVectors returns the table with a row for each token.
func foldVectors(w nn.Loader, words nn.Embedding, mapping []int, weights []float32) (nn.Embedding, error) {
	n, dim := words.Weight.Out, words.Weight.In
	if mapping != nil {
		n = len(mapping)
	}
	if !w.Derive("embeddings by token", n, dim) {
		return nn.Embedding{}, w.Err(false)
	}
	x := tensor.New(n, dim)
	for i := range n {
		row := i
		if mapping != nil {
			row = mapping[i]
		}
		words.Weight.Row(x.Row(i), row)
		if weights != nil {
			for j := range x.Row(i) {
				x.Row(i)[j] *= weights[i]
			}
		}
	}
	return nn.Embedding{Weight: tensor.WeightFrom(x)}, nil
}

// tokenRows reads the row of each token, or returns nil if each has its own.
func tokenRows(src checkpoint.Source, rows int) ([]int, error) {
	info, ok := src.Lookup("mapping")
	if !ok {
		return nil, nil
	}
	size := map[checkpoint.DType]int{"I64": 8, "I32": 4}[info.DType]
	if size == 0 || len(info.Shape) != 1 {
		return nil, fmt.Errorf("task: the tensor mapping is %v %v; a vector of I64 or I32 is needed", info.DType, info.Shape)
	}
	b, err := src.Bytes("mapping")
	if err != nil {
		return nil, err
	}
	out := make([]int, info.Shape[0])
	for i := range out {
		row := uint64(0)
		if size == 8 {
			row = binary.LittleEndian.Uint64(b[8*i:])
		} else {
			row = uint64(binary.LittleEndian.Uint32(b[4*i:]))
		}
		if row >= uint64(rows) {
			return nil, fmt.Errorf("task: the tensor mapping gives token %d the row %d of %d", i, int64(row), rows)
		}
		out[i] = int(row)
	}
	return out, nil
}

// firstNames returns some names of tensors.
func firstNames(src checkpoint.Source) []string {
	var names []string
	for name := range src.Names() {
		if names = append(names, fmt.Sprintf("%.100s", name)); len(names) == 5 {
			break
		}
	}
	return names
}
