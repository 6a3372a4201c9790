package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// maxHeader is what the description of a file may have in bytes, for it stays in memory.
const maxHeader = 100_000_000

const window = 1 << 16 // bytes that are read at a time

// reader reads numbers and texts from the start of a file. No memory is allocated for what the file cannot have.
type reader struct {
	r     *bufio.Reader
	order binary.ByteOrder
	at    int64 // bytes read
	size  int64 // of the file
	buf   [8]byte
}

func newReader(f *checkpoint.File) *reader {
	return &reader{r: bufio.NewReaderSize(io.NewSectionReader(f, 0, f.Size()), window), order: binary.LittleEndian, size: f.Size()}
}

// need returns an error if the rest of the file has not n elements of at least size bytes, or the description gets too long.
func (r *reader) need(n uint64, size int, what string) error {
	if n > uint64(r.size-r.at)/uint64(size) {
		return &checkpoint.Error{Kind: ErrTruncated, Detail: fmt.Sprintf("%d %s from byte %d on of %d", n, what, r.at, r.size)}
	}
	if n*uint64(size) > uint64(max(0, maxHeader-r.at)) {
		return &checkpoint.Error{Kind: checkpoint.ErrHeaderTooLarge, Detail: fmt.Sprintf("%d %s from byte %d on", n, what, r.at)}
	}
	return nil
}

// fill reads len(b) bytes.
func (r *reader) fill(b []byte) error {
	if err := r.need(uint64(len(b)), 1, "bytes"); err != nil {
		return err
	}
	n, err := io.ReadFull(r.r, b)
	r.at += int64(n)
	return failed(err)
}

// copyTo reads n bytes and appends them.
func (r *reader) copyTo(b *strings.Builder, n int) error {
	for n > 0 {
		piece, err := r.r.Peek(min(n, window))
		if err != nil {
			return failed(err)
		}
		b.Write(piece)
		r.at += int64(len(piece))
		n -= len(piece)
		if _, err := r.r.Discard(len(piece)); err != nil {
			return failed(err)
		}
	}
	return nil
}

// failed is the error of a file that cannot be read.
func failed(err error) error {
	if _, ok := err.(*checkpoint.Error); ok || err == nil {
		return err
	}
	return &checkpoint.Error{Kind: checkpoint.ErrReadFile, Cause: err}
}

func (r *reader) uint32() (uint32, error) {
	err := r.fill(r.buf[:4])
	return r.order.Uint32(r.buf[:4]), err
}

func (r *reader) uint64() (uint64, error) {
	err := r.fill(r.buf[:8])
	return r.order.Uint64(r.buf[:8]), err
}

// count reads how many elements of at least size bytes follow.
func (r *reader) count(size int, what string) (int, error) {
	n, err := r.uint64()
	if err == nil {
		err = r.need(n, size, what)
	}
	return int(n), err
}

// string reads a text.
func (r *reader) string() (string, error) {
	s, err := r.stringsOf(1)
	if err != nil {
		return "", err
	}
	return s[0], nil
}

// stringsOf reads n texts. Short ones share pieces of memory.
func (r *reader) stringsOf(n int) ([]string, error) {
	texts := make([]string, n)
	var piece strings.Builder
	for i := range texts {
		length, err := r.count(1, "bytes of a string")
		if err != nil {
			return nil, err
		}
		if piece.Cap()-piece.Len() < length {
			piece = strings.Builder{}
			piece.Grow(max(length, min(n-i, window/64)*8))
		}
		begin := piece.Len()
		if err := r.copyTo(&piece, length); err != nil {
			return nil, err
		}
		texts[i] = piece.String()[begin:]
	}
	return texts, nil
}

// value reads a value with its type.
func (r *reader) value() (Value, error) {
	id, err := r.uint32()
	if err != nil {
		return Value{}, err
	}
	v, n := Value{kind: Type(id)}, 1
	if v.kind == array {
		v.array = true
		if id, err = r.uint32(); err != nil {
			return v, err
		}
		if v.kind = Type(id); v.kind == array {
			return v, &checkpoint.Error{Kind: ErrValueType, Detail: "an array of arrays"}
		}
	}
	size := v.kind.size()
	if size == 0 && v.kind != String {
		return v, &checkpoint.Error{Kind: ErrValueType, Detail: v.kind.String()}
	}
	if v.array {
		least := size
		if v.kind == String {
			least = 8 // its length
		}
		if n, err = r.count(least, "values of type "+v.kind.String()); err != nil {
			return v, err
		}
	}
	if v.kind == String {
		v.strings, err = r.stringsOf(n)
		return v, err
	}
	v.numbers = make([]byte, n*size)
	err = r.fill(v.numbers)
	for i, b := range v.numbers {
		if v.kind == Bool && b != 0 {
			v.numbers[i] = 1
		}
	}
	if r.order == binary.BigEndian && size > 1 {
		for number := range slices.Chunk(v.numbers, size) {
			slices.Reverse(number)
		}
	}
	return v, err
}
