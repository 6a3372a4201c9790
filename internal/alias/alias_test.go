package alias

import (
	"strings"
	"testing"
)

// Every pair of slices of a short array overlaps if and only if it has an index in common.
func TestOverlap(t *testing.T) {
	var memory [6]float32
	for a := range len(memory) + 1 {
		for b := a; b <= len(memory); b++ {
			for c := range len(memory) + 1 {
				for d := c; d <= len(memory); d++ {
					want := max(a, c) < min(b, d)
					if got := Overlap(memory[a:b], memory[c:d]); got != want {
						t.Errorf("[%d:%d] and [%d:%d]: overlap is %v", a, b, c, d, got)
					}
				}
			}
		}
	}
	if Overlap(memory[:], make([]float32, 6)) || Overlap(nil, memory[:]) || Overlap(nil, nil) {
		t.Error("slices of different arrays overlap, or nil does")
	}
}

func TestChecks(t *testing.T) {
	memory := make([]float32, 8)
	for _, c := range []struct {
		name           string
		x, y           []float32
		disjoint, same bool // whether they are accepted
	}{
		{"apart", memory[:4], memory[4:], true, true},
		{"the same", memory[:4], memory[:4], false, true},
		{"the same start", memory[:4], memory, false, true},
		{"shifted up", memory[1:5], memory[:4], false, false},
		{"shifted down", memory[:4], memory[1:5], false, false},
		{"empty", memory[:0], memory, true, true},
	} {
		for check, want := range map[string]bool{"Disjoint": c.disjoint, "SameOrDisjoint": c.same} {
			f := Disjoint
			if check == "SameOrDisjoint" {
				f = SameOrDisjoint
			}
			message := panics(func() { f("pkg: Func", "dst", c.x, "x", c.y) })
			if (message == "") != want {
				t.Errorf("%s, %s: panic %q", check, c.name, message)
			}
			if message != "" && !strings.HasPrefix(message, "pkg: Func: dst overlaps x: dst ") {
				t.Errorf("%s, %s: panic %q does not name the arguments", check, c.name, message)
			}
		}
	}
}

func TestChecksAllocateNothing(t *testing.T) {
	x, y := make([]float32, 4), make([]float32, 4)
	if n := testing.AllocsPerRun(100, func() {
		Disjoint("pkg: Func", "dst", x, "x", y)
		SameOrDisjoint("pkg: Func", "dst", x, "x", x)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// panics returns what f panics with, or "".
func panics(f func()) (message string) {
	defer func() {
		if v := recover(); v != nil {
			message = v.(string)
		}
	}()
	f()
	return ""
}
