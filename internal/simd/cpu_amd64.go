//go:build amd64 && !purego

package simd

import "golang.org/x/sys/cpu"

// detect returns what the processor has and the operating system lets programs use.
func detect() (s Set) {
	x := &cpu.X86
	for _, f := range [...]struct {
		has bool
		bit Set
	}{
		{x.HasAVX && x.HasAVX2 && x.HasFMA && x.HasOSXSAVE && hasF16C(), AVX2},
		{x.HasAVXVNNI, AVXVNNI},
		{x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL, AVX512},
		{x.HasAVX512VNNI, AVX512VNNI},
		{x.HasAVX512BF16, AVX512BF16},
	} {
		if f.has {
			s |= f.bit
		}
	}
	return s
}

// hasF16C reports CPUID.1:ECX bit 29, which x/sys/cpu does not.
func hasF16C() bool {
	_, _, ecx, _ := cpuid(1, 0)
	return ecx&(1<<29) != 0
}

func cpuid(leaf, sub uint32) (eax, ebx, ecx, edx uint32)
