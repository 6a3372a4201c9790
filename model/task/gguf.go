package task

import (
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/llamacpp"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// openGGUF opens the embedder in a GGUF of the folder: pooling_type says how a text's vector is made, the layers dense_2 and
// dense_3 come after it, and the vectors are normalised, as llama.cpp does. Prompts are not in a file.
func openGGUF(fsys fs.FS, name string, opt model.Options) (*Embedder, error) {
	file, err := gguf.Open(fsys, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m, err := llamacpp.Open(file.Metadata(), file)
	if err != nil {
		return nil, fmt.Errorf("task: %s: %w", name, err)
	}
	pooling := PoolMean
	switch m.Pooling {
	case llamacpp.PoolingCLS:
		pooling = PoolCLS
	case llamacpp.PoolingLast:
		pooling = PoolLast
	case llamacpp.PoolingRank:
		return nil, fmt.Errorf("task: %s: pooling_type is rank: the model scores pairs of texts; open it with OpenReranker", name)
	}
	e, err := openPlain(fsys, opt)
	if err != nil {
		return nil, err
	}
	e.Pooling, e.Modules = []Pooling{pooling}, nil
	for _, layer := range []string{"dense_2", "dense_3"} {
		if err := e.addDense(file, layer, opt); err != nil {
			return nil, fmt.Errorf("task: %s: %w", name, err)
		}
	}
	e.Modules = append(e.Modules, Normalizer{})
	return e, nil
}

// addDense adds a layer of a file, if it is there.
func (e *Embedder) addDense(file *gguf.File, layer string, opt model.Options) error {
	info, ok := file.Lookup(layer + ".weight")
	if !ok {
		return nil
	}
	if len(info.Shape) != 2 || info.Shape[1] != e.Dim || info.Shape[0] < 1 || info.Shape[0] > maxWidth {
		return fmt.Errorf("tensor %q has shape %.200s; the vectors have %d numbers", info.Name, fmt.Sprint(info.Shape), e.Dim)
	}
	w := nn.NewLoader(file, nn.Options{Convert: opt.Convert, Skip: func(string) bool { return true }})
	d := &Dense{Act: nn.Identity, Linear: w.Linear(layer, e.Dim, info.Shape[0], false)}
	e.Modules, e.Dim = append(e.Modules, d), info.Shape[0]
	return w.Err(true)
}
