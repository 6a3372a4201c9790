// Package torchfile writes files like those of torch.save, sound or with faults, for tests.
package torchfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
)

// A Tensor is a view of a storage.
type Tensor struct {
	Name          string
	Class         string // of the storage: FloatStorage, …
	Key           string // of the storage
	Elements      int    // of the storage
	First         int    // element of the view
	Shape, Stride []int
}

// Contiguous returns the tensor that has all of a storage, in order.
func Contiguous(name, class, key string, shape ...int) Tensor {
	t := Tensor{Name: name, Class: class, Key: key, Elements: 1, Shape: shape, Stride: make([]int, len(shape))}
	for k, d := range slices.Backward(shape) {
		t.Stride[k] = t.Elements
		t.Elements *= d
	}
	return t
}

// Pickle returns the pickle of a dictionary.
func Pickle(tensors ...Tensor) []byte {
	b := []byte("\x80\x02}(")
	for _, t := range tensors {
		b = Text(b, t.Name)
		b = append(b, "ctorch._utils\n_rebuild_tensor_v2\n(("...)
		b = append(Text(b, "storage"), "ctorch\n"+t.Class+"\n"...)
		b = Text(Text(b, t.Key), "cpu")
		b = append(Number(b, t.Elements), "tQ"...)
		b = tuple(tuple(Number(b, t.First), t.Shape), t.Stride)
		b = append(b, "\x89ccollections\nOrderedDict\n)RtR"...)
	}
	return append(b, "u."...)
}

// Text appends the operation that makes a text.
func Text(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, 'X'), uint32(len(s)))
	return append(b, s...)
}

// Number appends the operation that makes a number.
func Number(b []byte, n int) []byte {
	return binary.LittleEndian.AppendUint64(append(b, 0x8a, 8), uint64(n))
}

func tuple(b []byte, numbers []int) []byte {
	b = append(b, '(')
	for _, n := range numbers {
		b = Number(b, n)
	}
	return append(b, 't')
}

// A Record is a file in a zip file.
type Record struct {
	Name string
	Data []byte
}

// State returns the records of a pickle and of its storages, whose keys are 0, 1, …
func State(pickle []byte, storages ...[]byte) []Record {
	records := []Record{{"archive/data.pkl", pickle}, {"archive/byteorder", []byte("little")}}
	for i, s := range storages {
		records = append(records, Record{"archive/data/" + strconv.Itoa(i), s})
	}
	return records
}

// Zip returns the file of these records.
func Zip(records ...Record) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, r := range records {
		w, err := z.CreateHeader(&zip.FileHeader{Name: r.Name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(r.Data)
		}
		if err != nil {
			panic("torchfile: " + err.Error())
		}
	}
	if err := z.Close(); err != nil {
		panic("torchfile: " + err.Error())
	}
	return b.Bytes()
}
