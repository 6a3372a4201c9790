package task

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// A row of a table of word vectors may serve several tokens, each with a weight of its own.
func TestWordVectorsByToken(t *testing.T) {
	rows := tensor.From([]float32{1, 2, 3, 4}, 2, 2)
	weights := tensor.New(3)
	copy(weights.Data, []float32{1, 0.5, 2})
	for _, kind := range []checkpoint.DType{"I64", "I32"} {
		var mapping []byte
		for _, row := range []uint64{1, 0, 1} {
			if kind == "I64" {
				mapping = binary.LittleEndian.AppendUint64(mapping, row)
			} else {
				mapping = binary.LittleEndian.AppendUint32(mapping, uint32(row))
			}
		}
		src, err := checkpoint.Memory(checkpoint.Float32("embeddings", rows), checkpoint.Float32("weights", weights),
			checkpoint.Entry{Name: "mapping", DType: kind, Shape: []int{3}, Data: mapping})
		if err != nil {
			t.Fatal(err)
		}
		words, err := wordVectors(src, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []float32
		for i := range 3 {
			row := make([]float32, 2)
			words.Weight.Row(row, i)
			got = append(got, row...)
		}
		if want := []float32{3, 4, 0.5, 1, 6, 8}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
		binary.LittleEndian.PutUint32(mapping, 9)
		if _, err := wordVectors(src, model.Options{}); err == nil {
			t.Errorf("%s: a row beyond the table gave no error", kind)
		}
	}
}
