package safetensors

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// The bytes are those of safetensors.numpy.save, version 0.8, for the same tensors.
func TestWriterAgreesWithTheReference(t *testing.T) {
	want := "H\x01\x00\x00\x00\x00\x00\x00" + `{"__metadata__":{"format":"pt"},"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},` +
		`"b.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]},"a":{"dtype":"F16","shape":[2],"data_offsets":[32,36]},` +
		`"é<\"":{"dtype":"U8","shape":[1,0],"data_offsets":[36,36]},"mask":{"dtype":"BOOL","shape":[2],"data_offsets":[36,38]}}    ` +
		"\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00\xc0\x00\x00`@\x00\x00\x00\x00\x00\x00\x80@\x00\x00\xc0@\x00<\x00@\x01\x00"
	got := mustWrite(t, map[string]string{"format": "pt"},
		checkpoint.Float32("b.weight", tensor.From([]float32{1, -2, 3.5, 0, 4, 6}, 2, 3)),
		checkpoint.Entry{Name: "a", DType: checkpoint.F16, Shape: []int{2}, Data: []byte{0, 0x3c, 0, 0x40}},
		checkpoint.Entry{Name: "mask", DType: "BOOL", Shape: []int{2}, Data: []byte{1, 0}},
		checkpoint.Entry{Name: "ids", DType: "I64", Shape: []int{1}, Data: []byte{7, 0, 0, 0, 0, 0, 0, 0}},
		checkpoint.Entry{Name: "é<\"", DType: "U8", Shape: []int{1, 0}})
	if string(got) != want {
		t.Errorf("wrote\n%q, expected\n%q", got, want)
	}
}

func TestWriterRefuses(t *testing.T) {
	long := strings.Repeat("x", maxHeader)
	for _, c := range []struct {
		entry    checkpoint.Entry
		metadata map[string]string
		kind     checkpoint.Kind
	}{
		{checkpoint.Entry{Name: "__metadata__", DType: "U8", Data: []byte{1}}, nil, ErrName},
		{checkpoint.Entry{Name: "\xff", DType: "U8", Data: []byte{1}}, nil, ErrName},
		{checkpoint.Entry{Name: "a", DType: "U8", Data: []byte{1}}, map[string]string{"k": "\xff"}, ErrName},
		{checkpoint.Entry{Name: "a", DType: "U8", Data: []byte{1}}, map[string]string{"k": long}, checkpoint.ErrHeaderTooLarge},
	} {
		src, err := checkpoint.Memory(c.entry)
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := Write(&buf, src, c.metadata); !errors.Is(err, c.kind) || buf.Len() > 0 {
			t.Errorf("%.20q: %.100v and %d bytes, expected: %v", c.entry.Name, err, buf.Len(), c.kind)
		}
	}
}
