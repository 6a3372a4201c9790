package simd

import (
	"slices"
	"testing"
)

const everything = AVX2 | AVXVNNI | AVX512 | AVX512VNNI | AVX512BF16

func TestRestricted(t *testing.T) {
	for _, c := range []struct {
		machine Set
		names   string
		want    Set
	}{
		{everything, "", everything},
		{everything, "generic", Generic},
		{everything, "avx2", AVX2},
		{everything, "avx512", AVX2 | AVX512},
		{everything, "avxvnni", AVX2 | AVXVNNI},
		{everything, "avx512vnni+avxvnni", AVX2 | AVXVNNI | AVX512 | AVX512VNNI},
		{AVX2, "avx512", AVX2},
		{AVX2 | AVX512, "avx512bf16", AVX2 | AVX512},
		{Generic, "avx2", Generic},
		{AVX2, "sse", AVX2},
		{everything, "avx2+sse", everything},
		{everything, "avx2+", everything},
	} {
		if got := restricted(c.machine, c.names); got != c.want {
			t.Errorf("%v restricted to %q is %v, want %v", c.machine, c.names, got, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for s, want := range map[Set]string{
		Generic:                       "generic",
		AVX2:                          "avx2",
		AVX2 | AVX512:                 "avx512",
		AVX2 | AVX512 | AVX512BF16:    "avx512bf16",
		AVX2 | AVXVNNI | AVX512:       "avxvnni+avx512",
		everything:                    "avxvnni+avx512vnni+avx512bf16",
		AVX2 | AVX512 | 1<<30:         "avx512+Set(0x40000000)",
		AVX2 | AVX512 | AVX512VNNI:    "avx512vnni",
		AVX2 | AVX512VNNI:             "avx512vnni", // not sound
		AVX2 | AVXVNNI | AVX512VNNI:   "avxvnni+avx512vnni",
		AVX512BF16 | AVX512 | AVXVNNI: "avxvnni+avx512bf16",
	} {
		if got := s.String(); got != want {
			t.Errorf("set %#x is called %q, want %q", uint32(s), got, want)
		}
	}
	for bits := range everything + 1 {
		if s := bits.sound(); s == bits {
			if got, ok := parse(s.String()); got != s || !ok {
				t.Errorf("%v is read back as %v, %v", s, got, ok)
			}
		}
	}
}

// A set without what it builds on is no use: a hypervisor may hide AVX-512 and forget its extensions.
func TestSound(t *testing.T) {
	for s, want := range map[Set]Set{
		AVXVNNI | AVX512:               Generic,
		AVX2 | AVX512VNNI | AVX512BF16: AVX2,
		AVX512 | AVX512BF16:            Generic,
		AVX2 | AVX512 | AVX512BF16:     AVX2 | AVX512 | AVX512BF16,
		AVX2 | AVXVNNI | AVX512VNNI:    AVX2 | AVXVNNI,
		everything:                     everything,
	} {
		if got := s.sound(); got != want {
			t.Errorf("%v leaves %v, want %v", s, got, want)
		}
	}
}

func TestForce(t *testing.T) {
	before := Active()
	sets := Sets()
	for i, s := range sets {
		if slices.Contains(sets[:i], s) || s != s.sound() {
			t.Errorf("sets %v: %v is there twice or not sound", sets, s)
		}
		restore := Force(s)
		if Active() != s {
			t.Errorf("after Force(%v) the set is %v", s, Active())
		}
		restore()
		if Active() != before {
			t.Errorf("restored to %v, want %v", Active(), before)
		}
	}
	if sets[0] != Generic || sets[len(sets)-1] != machine {
		t.Errorf("sets %v do not go from nothing to %v", sets, machine)
	}
}

func TestForcePanics(t *testing.T) {
	for _, s := range []Set{1 << 31, AVX512VNNI} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Force(%v) did not panic", s)
				}
			}()
			Force(s)
		}()
	}
}
