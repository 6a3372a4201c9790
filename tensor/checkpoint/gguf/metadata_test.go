package gguf

import (
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// values are those of values.gguf, as testdata/write_gguf.py has them.
func values() *Metadata {
	m := &Metadata{}
	m.Set("general.architecture", Of("test"))
	m.Set(alignmentKey, Of(uint32(64)))
	m.Set("u8", Of(uint8(200)))
	m.Set("i8", Of(int8(-100)))
	m.Set("u16", Of(uint16(60000)))
	m.Set("i16", Of(int16(-30000)))
	m.Set("u32", Of(uint32(4000000000)))
	m.Set("i32", Of(int32(-2000000000)))
	m.Set("u64", Of(uint64(18000000000000000000)))
	m.Set("i64", Of(int64(-9000000000000000000)))
	m.Set("f32", Of(float32(0.1)))
	m.Set("f64", Of(0.1))
	m.Set("yes", Of(true))
	m.Set("no", Of(false))
	m.Set("text", Of("naïve ☕"))
	m.Set("array.UINT8", ArrayOf([]uint8{0, 255}))
	m.Set("array.INT8", ArrayOf([]int8{-128, 127}))
	m.Set("array.UINT16", ArrayOf([]uint16{0, math.MaxUint16}))
	m.Set("array.INT16", ArrayOf([]int16{math.MinInt16, math.MaxInt16}))
	m.Set("array.UINT32", ArrayOf([]uint32{0, math.MaxUint32}))
	m.Set("array.INT32", ArrayOf([]int32{math.MinInt32, math.MaxInt32}))
	m.Set("array.UINT64", ArrayOf([]uint64{0, math.MaxUint64}))
	m.Set("array.INT64", ArrayOf([]int64{math.MinInt64, math.MaxInt64}))
	m.Set("array.FLOAT32", ArrayOf([]float32{-0.5, 1e-40}))
	m.Set("array.FLOAT64", ArrayOf([]float64{-0.1, 1e300}))
	m.Set("array.BOOL", ArrayOf([]bool{true, false, true}))
	m.Set("array.STRING", ArrayOf([]string{"a", "", "ü"}))
	return m
}

// What gguf's own writer wrote, in both byte orders.
func TestEveryTypeOfValue(t *testing.T) {
	for _, name := range []string{"values.gguf", "values-big.gguf"} {
		f, err := Open(os.DirFS("testdata"), name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		m, want := f.Metadata(), values()
		if got := slices.DeleteFunc(m.Keys(), func(key string) bool { return want.Has(key) }); len(got) > 0 || len(m.Keys()) != len(want.Keys()) {
			t.Errorf("%s: %d keys, %q are not expected", name, len(m.Keys()), got)
		}
		for _, key := range want.Keys() {
			if got, w := m.values[key], want.values[key]; !reflect.DeepEqual(got, w) {
				t.Errorf("%s: %s: %v, expected %v", name, key, got, w)
			}
		}
	}
}

func TestGetters(t *testing.T) {
	m := values()
	check := func(got any, err error, want any) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v %v, expected %v", got, err, want)
		}
	}
	for key, want := range map[string]uint64{"u8": 200, "u16": 60000, "u32": 4000000000, "u64": 18000000000000000000} {
		n, err := m.Uint(key)
		check(n, err, want)
	}
	for key, want := range map[string]int64{"u32": 4000000000, "i8": -100, "i16": -30000, "i32": -2000000000, "i64": -9000000000000000000} {
		n, err := m.Int(key)
		check(n, err, want)
	}
	for key, want := range map[string]float64{"f32": float64(float32(0.1)), "f64": 0.1} {
		x, err := m.Float(key)
		check(x, err, want)
	}
	for key, want := range map[string]bool{"yes": true, "no": false} {
		b, err := m.Bool(key)
		check(b, err, want)
	}
	s, err := m.String("text")
	check(s, err, "naïve ☕")
	u, err := m.Uints("array.UINT64")
	check(u, err, []uint64{0, math.MaxUint64})
	i, err := m.Ints("array.INT8")
	check(i, err, []int64{-128, 127})
	x, err := m.Floats("array.FLOAT32")
	check(x, err, []float64{-0.5, float64(float32(1e-40))})
	b, err := m.Bools("array.BOOL")
	check(b, err, []bool{true, false, true})
	texts, err := m.Strings("array.STRING")
	check(texts, err, []string{"a", "", "ü"})
	v, _ := m.Value("array.STRING")
	check(v.Text(2), nil, "ü")
	v, _ = m.Value("array.INT8")
	if n, ok := v.Int(0); n != -128 || !ok {
		t.Errorf("an integer is %d, %v", n, ok)
	}
	v, _ = m.Value("array.FLOAT32")
	if _, ok := v.Int(0); ok {
		t.Error("a floating-point number is taken for an integer")
	}
}

// The error of a getter names the key, the type it has and the type that was expected.
func TestWrongTypes(t *testing.T) {
	m := values()
	for _, c := range []struct {
		get  func() error
		kind checkpoint.Kind
		says string
	}{
		{func() error { _, err := m.Uint("text"); return err }, ErrKeyType, `"text" is string, expected an integer`},
		{func() error { _, err := m.Uint("f32"); return err }, ErrKeyType, `"f32" is float32, expected an integer`},
		{func() error { _, err := m.Uint("i8"); return err }, ErrKeyType, `"i8" is -100, expected 0 or more`},
		{func() error { _, err := m.Int("u64"); return err }, ErrKeyType, `"u64" is 18000000000000000000, expected at most`},
		{func() error { _, err := m.Int("yes"); return err }, ErrKeyType, `"yes" is bool, expected an integer`},
		{func() error { _, err := m.Uint("array.UINT8"); return err }, ErrKeyType, `"array.UINT8" is an array of 2 × uint8, expected an integer`},
		{func() error { _, err := m.Float("u8"); return err }, ErrKeyType, `"u8" is uint8, expected a floating-point number`},
		{func() error { _, err := m.Bool("u8"); return err }, ErrKeyType, `"u8" is uint8, expected bool`},
		{func() error { _, err := m.String("array.STRING"); return err }, ErrKeyType, `"array.STRING" is an array of 3 × string, expected string`},
		{func() error { _, err := m.Strings("text"); return err }, ErrKeyType, `"text" is string, expected an array of string`},
		{func() error { _, err := m.Ints("array.UINT64"); return err }, ErrKeyType, `"array.UINT64" is 18446744073709551615`},
		{func() error { _, err := m.Uints("array.INT8"); return err }, ErrKeyType, `"array.INT8" is -128`},
		{func() error { _, err := m.Floats("array.INT8"); return err }, ErrKeyType, `expected an array of floating-point numbers`},
		{func() error { _, err := m.Bools("array.INT8"); return err }, ErrKeyType, `expected an array of bool`},
		{func() error { _, err := m.Uint("llama.block_count"); return err }, ErrNoKey, `"llama.block_count"`},
		{func() error { _, err := new(Metadata).Strings("k"); return err }, ErrNoKey, `"k"`},
	} {
		if err := c.get(); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, expected %s", err, c.says)
		}
	}
}

func TestChange(t *testing.T) {
	m := values()
	c := m.Clone()
	c.Set("u8", Of("text"))
	c.Delete("i8")
	c.Delete("i8")
	c.Set("new", ArrayOf([]string(nil)))
	if n, err := m.Uint("u8"); n != 200 || err != nil || !m.Has("i8") || m.Has("new") {
		t.Error("a clone changes what it was made from")
	}
	want := append(slices.DeleteFunc(m.Keys(), func(k string) bool { return k == "i8" }), "new")
	if !slices.Equal(c.Keys(), want) {
		t.Errorf("%q, expected %q", c.Keys(), want)
	}
	v, _ := c.Value("new")
	if kind, isArray := v.Type(); kind != String || !isArray || v.Len() != 0 {
		t.Errorf("%v %v, expected no strings", kind, isArray)
	}
}
