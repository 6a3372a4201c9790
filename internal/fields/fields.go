// Package fields looks into structs of other packages, including unexported fields.
package fields

import (
	"iter"
	"reflect"
	"unsafe"
)

// All yields the values that x holds, each with the path to it: the fields of the struct that x is or points
// to, the fields of structs within it, and the elements of its slices, arrays and maps. It yields the
// pointers that it finds but does not follow them.
func All(x any) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		v := reflect.ValueOf(x)
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		} else if v.IsValid() {
			c := reflect.New(v.Type()).Elem() // a copy that has an address
			c.Set(v)
			v = c
		}
		if v.Kind() == reflect.Struct {
			walk("", v, yield)
		}
	}
}

const maxElements = 1 << 12 // of a slice that are looked at

// walk yields what v holds, and reports whether to go on.
func walk(path string, v reflect.Value, yield func(string, any) bool) bool {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if !visit(join(path, v.Type().Field(i).Name), v.Field(i), yield) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		if k := v.Type().Elem().Kind(); k <= reflect.Complex128 || k == reflect.String {
			return true
		}
		for i := range min(v.Len(), maxElements) {
			if !visit(path, v.Index(i), yield) {
				return false
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !visit(path, it.Value(), yield) {
				return false
			}
		}
	}
	return true
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func visit(path string, v reflect.Value, yield func(string, any) bool) bool {
	if v.CanAddr() {
		v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() // readable whoever may see it
	}
	switch v.Kind() {
	case reflect.Interface:
		return v.IsNil() || !v.CanInterface() || visit(path, v.Elem(), yield)
	case reflect.Pointer:
		return v.IsNil() || !v.CanInterface() || yield(path, v.Interface())
	case reflect.Struct:
		if v.CanAddr() && !yield(path, v.Addr().Interface()) {
			return false
		}
	}
	return walk(path, v, yield)
}
