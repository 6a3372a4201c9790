package task

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/retrieval"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/torch"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// M3 computes the three kinds of embeddings of BGE-M3 in one pass: dense, sparse, and many vectors (Chen et
// al., "M3-Embedding", 2024; FlagEmbedding 1.4: BGEM3FlagModel). It may be used from several goroutines.
type M3 struct {
	Embedder
	Sparse  nn.Linear // [1, Dim]: gives the weight of each token
	ColBERT nn.Linear // [Width, Dim]: gives the vector of each token
}

// M3Embedding holds the three embeddings of a text.
type M3Embedding struct {
	Dense   []float32       // [Dim]: from the first token, normalised
	Sparse  map[int]float32 // weight, above 0, of each token id in the text without special tokens
	Vectors tensor.Tensor   // [T−1, Width]: one for each token but the first, normalised
}

// OpenM3 opens a folder like that of BGE-M3: an encoder and the layers sparse_linear and colbert_linear. Each
// layer is a file with the tensors weight and bias, in safetensors or as a .pt file, which is read as
// [torch.Open] does.
func OpenM3(fsys fs.FS, opt model.Options) (*M3, error) {
	e, err := OpenEmbedder(fsys, opt)
	if err != nil {
		return nil, err
	}
	m := &M3{Embedder: *e}
	m.Pooling, m.Modules, m.Dim = []Pooling{PoolCLS}, []Module{Normalizer{}}, m.Encoder.Dim
	if err := m.linear(fsys, "sparse_linear", &m.Sparse, 1, opt); err != nil {
		return nil, err
	}
	return m, m.linear(fsys, "colbert_linear", &m.ColBERT, 0, opt)
}

// linear reads a layer of so many outputs, 0 for as many as the file has.
func (m *M3) linear(fsys fs.FS, name string, l *nn.Linear, out int, opt model.Options) error {
	build := func(w nn.Loader, src checkpoint.Source) {
		if info, ok := src.Lookup("linear.weight"); ok && out == 0 && len(info.Shape) == 2 {
			out = info.Shape[0]
		}
		*l = w.Linear("linear", m.Encoder.Dim, out, true)
	}
	src, err := safetensors.Open(fsys, name+".safetensors")
	if errors.Is(err, fs.ErrNotExist) {
		src, err = torch.Open(fsys, name+".pt")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("task: neither %s.safetensors nor %s.pt is there: %w", name, name, err)
	}
	if err != nil {
		return err
	}
	defer src.Close()
	return loadFrom(src, opt, build)
}

// Encode returns the embeddings of each text.
func (m *M3) Encode(texts ...string) ([]M3Embedding, error) {
	batch, err := m.Read(texts...)
	if err != nil {
		return nil, err
	}
	special := m.Encoder.Tokenizer.Special()
	out := make([]M3Embedding, len(batch))
	err = m.run(batch, func(i int, x tensor.Tensor, a *tensor.Arena) error {
		dense := tensor.New(1, m.Encoder.Dim)
		copy(dense.Data, x.Row(0))
		retrieval.Normalize(dense)
		weights := a.New(x.Rows(), 1)
		m.Sparse.Forward(weights, x)
		out[i] = M3Embedding{Dense: dense.Data, Sparse: map[int]float32{}, Vectors: tensor.New(x.Rows()-1, m.ColBERT.Out())}
		for k, id := range batch[i].IDs {
			if w := weights.Data[k]; w > out[i].Sparse[id] {
				out[i].Sparse[id] = w
			}
		}
		for _, id := range []int{special.CLS, special.EOS, special.SEP, special.PAD, special.UNK, special.BOS} {
			delete(out[i].Sparse, id)
		}
		if x.Rows() > 1 {
			m.ColBERT.Forward(out[i].Vectors, x.Slice(1, x.Rows()))
			retrieval.Normalize(out[i].Vectors)
		}
		return nil
	})
	return out, err
}

// MixedScore returns the mean of the dense, sparse and many-vector scores, weighted with dense, sparse and
// vectors. BGE-M3 uses the weights 1, 1, 1, and for its benchmarks 0.4, 0.2, 0.4. It panics if the sum of the
// weights is not above 0.
func MixedScore(query, document M3Embedding, dense, sparse, vectors float32) float32 {
	sum := dense + sparse + vectors
	if !(sum > 0) {
		panic(fmt.Sprintf("task: MixedScore: the sum of the weights %v, %v and %v must be above 0", dense, sparse, vectors))
	}
	dot := float32(0)
	for i, v := range query.Dense {
		dot += v * document.Dense[i]
	}
	return (dense*dot + sparse*retrieval.Lexical(query.Sparse, document.Sparse) + vectors*retrieval.MaxSim(query.Vectors, document.Vectors)) / sum
}
