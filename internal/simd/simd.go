// Package simd decides, in one place, which vector instructions the kernels below it use.
//
// A kernel package (gemm, vec, flash) has a generic Go implementation, which is the specification,
// and assembly for some tiers. Each kernel asks [Active] and falls back to the next lower tier it has.
// TRANSFORMER_SIMD=generic, avx2 or avx512 in the environment lowers the tier of a process; tests
// lower it with [Force].
package simd

import (
	"fmt"
	"os"
	"sync/atomic"
)

// Tier is a set of vector instructions, ordered: a higher tier includes the lower ones.
type Tier int32

const (
	Generic Tier = iota // plain Go
	AVX2                // AVX2, FMA and F16C
	AVX512              // AVX2's, and AVX-512 F, BW, DQ and VL
)

// String returns the name that TRANSFORMER_SIMD takes.
func (t Tier) String() string {
	switch t {
	case Generic:
		return "generic"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	}
	return fmt.Sprintf("Tier(%d)", int32(t))
}

var best = detect()

var active = func() *atomic.Int32 {
	v := new(atomic.Int32)
	v.Store(int32(lowered(best, os.Getenv("TRANSFORMER_SIMD"))))
	return v
}()

// lowered returns the tier that name asks for, if the machine has it, and best otherwise.
func lowered(best Tier, name string) Tier {
	for t := Generic; t <= best; t++ {
		if t.String() == name {
			return t
		}
	}
	return best
}

// Active returns the tier in use.
func Active() Tier { return Tier(active.Load()) }

var bf16 = best == AVX512 && detectBF16()

// BF16 reports whether products of bfloat16 numbers, added in float32, are in use: AVX-512's extension
// of that name, on top of the highest tier.
func BF16() bool { return bf16 && Active() == AVX512 }

// Tiers returns the tiers that this machine and build can run, lowest first.
func Tiers() []Tier {
	var all []Tier
	for t := Generic; t <= best; t++ {
		all = append(all, t)
	}
	return all
}

// Force makes t the tier in use and returns a function that puts the former one back. It is for tests
// and benchmarks, which must not run beside others then. It panics if the machine cannot run t.
func Force(t Tier) (restore func()) {
	if t < Generic || t > best {
		panic(fmt.Sprintf("simd: this machine or build has no tier %v, its best is %v", t, best))
	}
	old := active.Swap(int32(t))
	return func() { active.Store(old) }
}
