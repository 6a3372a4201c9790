package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Type is the type of a value, or of the elements of an array, with its number in files.
type Type uint32

// The types of values.
const (
	Uint8 Type = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	array // in files alone: an array of arrays is refused
	Uint64
	Int64
	Float64
)

var typeNames = [...]string{"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array", "uint64", "int64", "float64"}

// String returns the type's name, such as "uint32".
func (t Type) String() string {
	if int64(t) < int64(len(typeNames)) {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// size returns the bytes of a number, or 0.
func (t Type) size() int {
	switch t {
	case Uint8, Int8, Bool:
		return 1
	case Uint16, Int16:
		return 2
	case Uint32, Int32, Float32:
		return 4
	case Uint64, Int64, Float64:
		return 8
	}
	return 0
}

// Value is a value of metadata: a number, a truth value, a text, or an array of one of these. Make one with [Of] or
// [ArrayOf]. It does not change.
type Value struct {
	kind    Type
	array   bool
	numbers []byte // of all types but String, little-endian
	strings []string
}

// Element is what values are made of.
type Element interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64 | bool | string
}

// Of returns a value of the type that v has.
func Of[E Element](v E) Value {
	value := ArrayOf([]E{v})
	value.array = false
	return value
}

// ArrayOf returns an array of the type that the elements have. It copies them.
func ArrayOf[E Element](elements []E) Value {
	value := Value{array: true}
	var zero E
	value.kind, _ = bitsOf(zero)
	for _, e := range elements {
		if s, ok := any(e).(string); ok {
			value.strings = append(value.strings, s)
			continue
		}
		t, b := bitsOf(e)
		value.numbers = appendNumber(value.numbers, t, b)
	}
	return value
}

// bitsOf returns the type of a value, and the bits of a number.
func bitsOf[E Element](v E) (Type, uint64) {
	switch v := any(v).(type) {
	case uint8:
		return Uint8, uint64(v)
	case int8:
		return Int8, uint64(v)
	case uint16:
		return Uint16, uint64(v)
	case int16:
		return Int16, uint64(v)
	case uint32:
		return Uint32, uint64(v)
	case int32:
		return Int32, uint64(v)
	case uint64:
		return Uint64, v
	case int64:
		return Int64, uint64(v)
	case float32:
		return Float32, uint64(math.Float32bits(v))
	case float64:
		return Float64, math.Float64bits(v)
	case bool:
		if v {
			return Bool, 1
		}
		return Bool, 0
	}
	return String, 0
}

// appendNumber appends the low bytes of a number.
func appendNumber(b []byte, t Type, bits uint64) []byte {
	return append(b, binary.LittleEndian.AppendUint64(nil, bits)[:t.size()]...)
}

// Len returns the number of elements of an array, and 1 for any other value.
func (v Value) Len() int {
	if v.kind == String {
		return len(v.strings)
	}
	return len(v.numbers) / max(1, v.kind.size())
}

// Text returns element i of texts, or the text with i = 0. It panics for another type.
func (v Value) Text(i int) string { return v.strings[i] }

// Int returns element i of integers that an int64 holds, or the integer with i = 0; ok is false for others, and for
// another type.
func (v Value) Int(i int) (n int64, ok bool) {
	if !v.isInteger() {
		return 0, false
	}
	return v.int(i)
}

// Equal reports whether two values have the same type and elements.
func (v Value) Equal(o Value) bool {
	return v.kind == o.kind && v.array == o.array && bytes.Equal(v.numbers, o.numbers) && slices.Equal(v.strings, o.strings)
}

// String shows a value, of an array its first elements.
func (v Value) String() string {
	const most = 8
	var list []string
	for i := range min(v.Len(), most) {
		switch {
		case v.isString():
			list = append(list, fmt.Sprintf("%.200q", v.strings[i]))
		case v.isFloat():
			list = append(list, fmt.Sprint(v.float(i)))
		case v.isBool():
			list = append(list, fmt.Sprint(v.bits(i) != 0))
		case v.isSigned():
			list = append(list, fmt.Sprint(int64(v.bits(i))))
		default:
			list = append(list, fmt.Sprint(v.bits(i)))
		}
	}
	if v.Len() > most {
		list = append(list, "…")
	}
	if !v.array {
		return v.describe() + " " + strings.Join(list, "")
	}
	return v.describe() + " " + strings.Join(list, " ")
}

// Type returns the type of the value, or of an array's elements, and whether it is an array.
func (v Value) Type() (t Type, isArray bool) { return v.kind, v.array }

// describe names the type of a value.
func (v Value) describe() string {
	if v.array {
		return fmt.Sprintf("an array of %d × %s", v.Len(), v.kind)
	}
	return v.kind.String()
}

// bits returns the bits of a number; those of signed ones are extended.
func (v Value) bits(i int) uint64 {
	b := v.numbers[i*v.kind.size():]
	switch v.kind {
	case Uint16:
		return uint64(binary.LittleEndian.Uint16(b))
	case Int16:
		return uint64(int16(binary.LittleEndian.Uint16(b)))
	case Uint32, Float32:
		return uint64(binary.LittleEndian.Uint32(b))
	case Int32:
		return uint64(int32(binary.LittleEndian.Uint32(b)))
	case Uint64, Int64, Float64:
		return binary.LittleEndian.Uint64(b)
	case Int8:
		return uint64(int8(b[0]))
	}
	return uint64(b[0])
}

// isInteger reports whether the elements are integers.
func (v Value) isInteger() bool {
	switch v.kind {
	case Uint8, Int8, Uint16, Int16, Uint32, Int32, Uint64, Int64:
		return true
	}
	return false
}

// isSigned reports whether the elements are integers with a sign.
func (v Value) isSigned() bool {
	return v.kind == Int8 || v.kind == Int16 || v.kind == Int32 || v.kind == Int64
}

// int returns an integer, or false if it exceeds an int64.
func (v Value) int(i int) (int64, bool) {
	b := int64(v.bits(i))
	return b, b >= 0 || v.isSigned()
}

// uint returns an integer, or false if it is negative.
func (v Value) uint(i int) (uint64, bool) {
	b := v.bits(i)
	return b, int64(b) >= 0 || !v.isSigned()
}

// float returns a floating-point number.
func (v Value) float(i int) float64 {
	if v.kind == Float32 {
		return float64(math.Float32frombits(uint32(v.bits(i))))
	}
	return math.Float64frombits(v.bits(i))
}
