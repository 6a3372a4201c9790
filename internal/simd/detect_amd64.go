//go:build amd64 && !purego

package simd

import "golang.org/x/sys/cpu"

func detect() Tier {
	x := &cpu.X86
	switch {
	case !(x.HasAVX && x.HasAVX2 && x.HasFMA && x.HasOSXSAVE && hasF16C()):
		return Generic
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL:
		return AVX512
	}
	return AVX2
}

// hasF16C reports CPUID.1:ECX bit 29, which x/sys/cpu does not.
func hasF16C() bool {
	_, _, ecx, _ := cpuid(1, 0)
	return ecx&(1<<29) != 0
}

func cpuid(leaf, sub uint32) (eax, ebx, ecx, edx uint32)

// detectBF16 reports whether there are products of bfloat16 (AVX512_BF16).
func detectBF16() bool { return cpu.X86.HasAVX512BF16 }
