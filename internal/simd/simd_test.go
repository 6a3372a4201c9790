package simd

import "testing"

func TestLowered(t *testing.T) {
	for _, c := range []struct {
		best Tier
		name string
		want Tier
	}{
		{AVX512, "", AVX512}, {AVX512, "avx2", AVX2}, {AVX512, "generic", Generic},
		{AVX2, "avx512", AVX2}, {Generic, "avx2", Generic}, {AVX2, "sse", AVX2},
	} {
		if got := lowered(c.best, c.name); got != c.want {
			t.Errorf("lowered(%v, %q) = %v, want %v", c.best, c.name, got, c.want)
		}
	}
}

func TestForce(t *testing.T) {
	before := Active()
	for _, tier := range Tiers() {
		restore := Force(tier)
		if Active() != tier {
			t.Errorf("after Force(%v) the tier is %v", tier, Active())
		}
		restore()
		if Active() != before {
			t.Errorf("restored to %v, want %v", Active(), before)
		}
	}
}
