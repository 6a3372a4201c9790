package strictjson

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestObject(t *testing.T) {
	s, ok := New([]byte(` { "a" : "\u0061\n" , "b" : [ 1, 18446744073709551615 ] , "c":null, "d":{"e":[true,{"f":-1.5e3}]},"a":"x" } `))
	if !ok {
		t.Fatal("refused")
	}
	var got []string
	found, err := s.Object(func(key string) error {
		var v any
		var ok bool
		switch key {
		case "a":
			v, ok = s.String()
		case "b":
			v, ok = s.Integers()
		case "c":
			ok = s.Null()
		default:
			s.Skip()
		}
		got = append(got, fmt.Sprintf("%s %v %v", key, v, ok))
		return nil
	})
	want := []string{"a a\n true", "b [1 18446744073709551615] true", "c <nil> true", "d <nil> false", "a x true"}
	if !found || err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, %v; want %q", got, found, err, want)
	}
}

func TestOtherForms(t *testing.T) {
	for _, text := range []string{`[1.0]`, `[-1]`, `[1e2]`, `["1"]`, `[18446744073709551616]`, `[null]`, `[[1]]`, `{}`, `1`} {
		if s, ok := New([]byte(text)); !ok {
			t.Errorf("%s is refused", text)
		} else if v, ok := s.Integers(); ok {
			t.Errorf("%s is %v", text, v)
		}
	}
	for _, text := range []string{`1`, `null`, `["a"]`, `{"a":1}`} {
		s, _ := New([]byte(text))
		if v, ok := s.String(); ok {
			t.Errorf("%s is %q", text, v)
		}
	}
	for _, text := range []string{``, `{`, `{} {}`, `{"a":1,}`, strings.Repeat("[", 1<<20)} {
		if _, ok := New([]byte(text)); ok {
			t.Errorf("%.20s is accepted", text)
		}
	}
}
