package fields

import (
	"slices"
	"testing"
)

type leaf struct{ n int }

type inner struct {
	deep *leaf
	list []any
}

type holder struct {
	*leaf
	hidden any
	inner
	Shown map[string]*leaf
	none  *leaf
	data  []float32
	value leaf
}

// All finds what a struct holds wherever it lies, and stops when it is told to.
func TestAll(t *testing.T) {
	h := &holder{leaf: &leaf{1}, hidden: &leaf{2}, inner: inner{&leaf{3}, []any{&leaf{4}, "text", nil, 5}}, Shown: map[string]*leaf{"a": {6}},
		none: nil, data: make([]float32, 10), value: leaf{7}}
	var found []int
	for _, x := range []any{h, *h} {
		found = found[:0]
		for path, v := range All(x) {
			if l, ok := v.(*leaf); ok {
				found = append(found, l.n)
				if l.n == 3 && path != "inner.deep" {
					t.Errorf("the path to it is %q", path)
				}
			}
		}
		slices.Sort(found)
		if !slices.Equal(found, []int{1, 2, 3, 4, 6, 7}) {
			t.Errorf("found %v", found)
		}
	}
	for range All(h) {
		break
	}
	for _, x := range []any{nil, 3, "x", (*holder)(nil), func() {}, []int{1}} {
		for path := range All(x) {
			t.Errorf("%v holds %s", x, path)
		}
	}
}
