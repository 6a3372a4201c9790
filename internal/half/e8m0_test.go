package half

import (
	"math"
	"testing"
)

func TestFromE8M0(t *testing.T) {
	for e := range 255 {
		if got, want := FromE8M0(byte(e)), float32(math.Ldexp(1, e-127)); got != want || got == 0 {
			t.Errorf("%d: %v, want %v", e, got, want)
		}
	}
	if v := FromE8M0(255); v == v {
		t.Errorf("255 is %v", v)
	}
}
