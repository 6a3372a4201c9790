package model_test

import (
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/internal/torchfile"
	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// torchFolder returns a folder with a pytorch_model.bin of these weights. Tensors with the same bytes share
// a storage, as tied weights do.
func torchFolder(t *testing.T, config []byte, src checkpoint.Source) fstest.MapFS {
	t.Helper()
	classes := map[checkpoint.DType]string{checkpoint.F32: "FloatStorage", "I64": "LongStorage"}
	var tensors []torchfile.Tensor
	var storages [][]byte
	keys := map[string]string{}
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		b, err := src.Bytes(name)
		if err != nil {
			t.Fatal(err)
		}
		key, known := keys[string(b)]
		if !known {
			key = strconv.Itoa(len(storages))
			keys[string(b)] = key
			storages = append(storages, b)
		}
		tensors = append(tensors, torchfile.Contiguous(name, classes[info.DType], key, info.Shape...))
	}
	file := torchfile.Zip(torchfile.State(torchfile.Pickle(tensors...), storages...)...)
	return fstest.MapFS{"config.json": {Data: config}, "pytorch_model.bin": {Data: file}}
}

// A pytorch_model.bin gives the bits that a model.safetensors gives.
func TestOpenTorchEncoderDecoders(t *testing.T) {
	eachSeq2Seq(t, func(t *testing.T, g *seq2seqGolden, _ *model.EncoderDecoder) {
		src := g.weights(t, tensor.F32)
		folders := []fstest.MapFS{torchFolder(t, g.Config, src), {"config.json": {Data: g.Config}, "model.safetensors": {Data: written(t, src)}}}
		var logits [2][]float32
		for i, fsys := range folders {
			m, err := model.OpenEncoderDecoder(fsys, model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := m.NewSession(encode1(t, m, g.Source[0]), model.SessionOptions{})
			if err := s.Append(g.Target[0]...); err != nil {
				t.Fatal(err)
			}
			logits[i] = s.Logits()
		}
		same(t, "logits", logits[0], logits[1])
	})
}

// Files of encoders have a table of positions, as integers, that is not used.
func TestOpenTorchEncoders(t *testing.T) {
	buffer, err := checkpoint.Memory(checkpoint.Entry{Name: "embeddings.position_ids", DType: "I64", Shape: []int{1, 2}, Data: make([]byte, 16)})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range encoderGoldens(t) {
		t.Run(g.Name, func(t *testing.T) {
			src := g.weights(t, tensor.F32)
			with := src
			if g.bertLike() {
				with, err = checkpoint.Join(src, buffer)
				if err != nil {
					t.Fatal(err)
				}
			}
			folders := []fstest.MapFS{torchFolder(t, g.Config, with), {"config.json": {Data: g.Config}, "model.safetensors": {Data: written(t, src)}}}
			var hidden [2][]float32
			for i, fsys := range folders {
				e, err := model.OpenEncoder(fsys, model.Options{})
				if err != nil {
					t.Fatal(err)
				}
				batch, _ := g.batch()
				hidden[i] = e.Forward(&attention.Pass{}, batch).Data
			}
			same(t, "hidden states", hidden[0], hidden[1])
		})
	}
}
