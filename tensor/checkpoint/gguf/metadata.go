package gguf

import (
	"fmt"
	"slices"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// Metadata are the values of a file by key, such as "general.architecture", in the order of the file. The zero value is
// empty and ready to use. Metadata may be read from several goroutines at once while nothing is set.
//
// The getters return [ErrNoKey] if there is no such key, and [ErrKeyType] if its value is none of their type. Both errors
// name the key, the type that it has, and what was expected. Integers are read whatever their size and sign are, if their
// value fits, and floating-point numbers whatever their size is; neither is ever taken for the other.
type Metadata struct {
	keys   []string
	values map[string]Value
}

// Keys returns the keys, in the order in which they are stored.
func (m *Metadata) Keys() []string { return slices.Clone(m.keys) }

// Has reports whether there is a value for the key.
func (m *Metadata) Has(key string) bool {
	_, ok := m.values[key]
	return ok
}

// Value returns the value for the key, and whether there is one.
func (m *Metadata) Value(key string) (Value, bool) {
	v, ok := m.values[key]
	return v, ok
}

// Set sets the value for a key. A new key comes last.
func (m *Metadata) Set(key string, v Value) {
	if m.values == nil {
		m.values = map[string]Value{}
	}
	if !m.Has(key) {
		m.keys = append(m.keys, key)
	}
	m.values[key] = v
}

// Delete takes a key away, if it is there.
func (m *Metadata) Delete(key string) {
	if m.Has(key) {
		delete(m.values, key)
		m.keys = slices.DeleteFunc(m.keys, func(k string) bool { return k == key })
	}
}

// Clone returns a copy that changes alone.
func (m *Metadata) Clone() *Metadata {
	c := &Metadata{}
	for _, key := range m.keys {
		c.Set(key, m.values[key])
	}
	return c
}

// Uint returns an integer that is not negative.
func (m *Metadata) Uint(key string) (uint64, error) {
	v, err := m.get(key, false, "an integer", Value.isInteger)
	if err != nil {
		return 0, err
	}
	n, ok := v.uint(0)
	if !ok {
		return 0, outside(key, int64(n), "0 or more")
	}
	return n, nil
}

// Int returns an integer.
func (m *Metadata) Int(key string) (int64, error) {
	v, err := m.get(key, false, "an integer", Value.isInteger)
	if err != nil {
		return 0, err
	}
	n, ok := v.int(0)
	if !ok {
		return 0, outside(key, uint64(n), "at most 2⁶³ − 1")
	}
	return n, nil
}

// Float returns a floating-point number.
func (m *Metadata) Float(key string) (float64, error) {
	v, err := m.get(key, false, "a floating-point number", Value.isFloat)
	if err != nil {
		return 0, err
	}
	return v.float(0), nil
}

// Bool returns a truth value.
func (m *Metadata) Bool(key string) (bool, error) {
	v, err := m.get(key, false, "bool", Value.isBool)
	return err == nil && v.bits(0) != 0, err
}

// String returns a text. It need not be UTF-8.
func (m *Metadata) String(key string) (string, error) {
	v, err := m.get(key, false, "string", Value.isString)
	if err != nil {
		return "", err
	}
	return v.strings[0], nil
}

// Uints returns an array of integers that are not negative, in new memory.
func (m *Metadata) Uints(key string) ([]uint64, error) {
	v, err := m.get(key, true, "integers", Value.isInteger)
	if err != nil {
		return nil, err
	}
	ns := make([]uint64, v.Len())
	for i := range ns {
		n, ok := v.uint(i)
		if !ok {
			return nil, outside(key, int64(n), "0 or more")
		}
		ns[i] = n
	}
	return ns, nil
}

// Ints returns an array of integers, in new memory.
func (m *Metadata) Ints(key string) ([]int64, error) {
	v, err := m.get(key, true, "integers", Value.isInteger)
	if err != nil {
		return nil, err
	}
	ns := make([]int64, v.Len())
	for i := range ns {
		n, ok := v.int(i)
		if !ok {
			return nil, outside(key, uint64(n), "at most 2⁶³ − 1")
		}
		ns[i] = n
	}
	return ns, nil
}

// Floats returns an array of floating-point numbers, in new memory.
func (m *Metadata) Floats(key string) ([]float64, error) {
	v, err := m.get(key, true, "floating-point numbers", Value.isFloat)
	if err != nil {
		return nil, err
	}
	xs := make([]float64, v.Len())
	for i := range xs {
		xs[i] = v.float(i)
	}
	return xs, nil
}

// Bools returns an array of truth values, in new memory.
func (m *Metadata) Bools(key string) ([]bool, error) {
	v, err := m.get(key, true, "bool", Value.isBool)
	if err != nil {
		return nil, err
	}
	bs := make([]bool, v.Len())
	for i := range bs {
		bs[i] = v.bits(i) != 0
	}
	return bs, nil
}

// Strings returns an array of texts, which need not be UTF-8. It is that of the metadata: do not change it.
func (m *Metadata) Strings(key string) ([]string, error) {
	v, err := m.get(key, true, "string", Value.isString)
	if err != nil {
		return nil, err
	}
	return v.strings, nil
}

func (v Value) isFloat() bool  { return v.kind == Float32 || v.kind == Float64 }
func (v Value) isBool() bool   { return v.kind == Bool }
func (v Value) isString() bool { return v.kind == String }

// get returns the value for a key if it is of the wanted type.
func (m *Metadata) get(key string, isArray bool, want string, is func(Value) bool) (Value, error) {
	v, ok := m.values[key]
	if !ok {
		return v, &checkpoint.Error{Kind: ErrNoKey, Detail: fmt.Sprintf("%.200q", key)}
	}
	if v.array != isArray || !is(v) {
		if isArray {
			want = "an array of " + want
		}
		return v, &checkpoint.Error{Kind: ErrKeyType, Detail: fmt.Sprintf("%.200q is %s, expected %s", key, v.describe(), want)}
	}
	return v, nil
}

// outside is the error for an integer that does not fit.
func outside[N int64 | uint64](key string, n N, want string) error {
	return &checkpoint.Error{Kind: ErrKeyType, Detail: fmt.Sprintf("%.200q is %d, expected %s", key, n, want)}
}
