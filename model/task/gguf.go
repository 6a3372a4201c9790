package task

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/arch"
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
	pooling, layers, err := beside(file, opt)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("task: %s: %w", name, err), file.Close())
	}
	opt.Heads = []arch.Task{arch.Features}
	enc, err := model.OpenEncoderGGUF(file, name, opt)
	if err != nil {
		return nil, err
	}
	e, err := plainEmbedder(fsys, enc)
	if err != nil {
		return nil, errors.Join(err, enc.Close())
	}
	e.Pooling, e.Modules = []Pooling{pooling}, nil
	for i, d := range layers {
		if d == nil {
			continue
		}
		if d.Linear.In() != e.Dim {
			err := fmt.Errorf("task: %s: tensor %q has shape [%d %d]; the vectors have %d numbers", name, denseNames[i]+".weight", d.Linear.Out(), d.Linear.In(), e.Dim)
			return nil, errors.Join(err, enc.Close())
		}
		e.Modules, e.Dim = append(e.Modules, d), d.Linear.Out()
	}
	e.Modules = append(e.Modules, Normalizer{})
	return e, nil
}

// denseNames are the layers that a file may have after the encoder.
var denseNames = [...]string{"dense_2", "dense_3"}

// beside returns what a file has for embeddings beside the encoder: the pooling, and layers, nil where there is none.
func beside(file *gguf.File, opt model.Options) (Pooling, [len(denseNames)]*Dense, error) {
	var layers [len(denseNames)]*Dense
	m, err := llamacpp.Open(file.Metadata(), file)
	if err != nil {
		return 0, layers, err
	}
	pooling := PoolMean
	switch m.Pooling {
	case llamacpp.PoolingCLS:
		pooling = PoolCLS
	case llamacpp.PoolingLast:
		pooling = PoolLast
	case llamacpp.PoolingRank:
		return 0, layers, errors.New("pooling_type is rank: the model scores pairs of texts; open it with OpenReranker")
	}
	for i, name := range denseNames {
		if layers[i], err = readDense(file, name, opt); err != nil {
			return 0, layers, err
		}
	}
	return pooling, layers, nil
}

// readDense reads a layer of a file, or returns nil if it is not there.
func readDense(file *gguf.File, layer string, opt model.Options) (*Dense, error) {
	info, ok := file.Lookup(layer + ".weight")
	if !ok {
		return nil, nil
	}
	if s := info.Shape; len(s) != 2 || s[0] < 1 || s[0] > maxWidth || s[1] < 1 || s[1] > maxWidth {
		return nil, fmt.Errorf("tensor %q has shape %.200s, which is not that of a layer", info.Name, fmt.Sprint(info.Shape))
	}
	w := nn.NewLoader(file, nn.Options{Convert: opt.Convert, Skip: func(string) bool { return true }})
	d := &Dense{Act: nn.Identity, Linear: w.Linear(layer, info.Shape[1], info.Shape[0], false)}
	return d, w.Err(true)
}
