// Package simd decides, in one place, which vector instructions the kernels below it use.
//
// Instruction sets are bits of a [Set], not steps of a ladder: a processor may have some and lack others.
// A kernel package (gemm, flash, vec, half) has portable Go code for everything it does and assembly for
// some sets. It asks [Active] and takes the first of its kernels, the fastest first, whose needs the set
// meets.
//
// A new instruction set is a bit, a line of extensions and a line of detect.
//
// TRANSFORMER_SIMD in the environment restricts a process to the sets it names and those that they build
// on: generic, avx2, avx512, or several joined as in avx512vnni+avx512bf16. What the processor lacks is left
// out; a value with an unknown name is ignored. Tests choose with [Force].
package simd

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
)

// Set is a set of instruction sets, one bit for each.
type Set uint32

// The instruction sets of amd64.
const (
	AVX2       Set = 1 << iota // AVX2, FMA and F16C
	AVXVNNI                    // AVX-VNNI: VPDPBUSD and VPDPWSSD of 256 bits without AVX-512
	AVX512                     // AVX-512 F, BW, DQ and VL
	AVX512VNNI                 // VPDPBUSD and VPDPWSSD of 512 bits
	AVX512BF16                 // VDPBF16PS and conversions to bfloat16
)

// Generic is the empty set: plain Go.
const Generic Set = 0

// extensions lists every bit, those that others build on first.
var extensions = [...]struct {
	name  string
	bit   Set
	needs Set // what it builds on
}{
	{"avx2", AVX2, 0},
	{"avxvnni", AVXVNNI, AVX2},
	{"avx512", AVX512, AVX2},
	{"avx512vnni", AVX512VNNI, AVX512 | AVX2},
	{"avx512bf16", AVX512BF16, AVX512 | AVX2},
}

// Has reports whether s includes all of t.
func (s Set) Has(t Set) bool { return s&t == t }

// sound returns s without the sets that lack something they build on.
func (s Set) sound() Set {
	for _, e := range extensions {
		if !s.Has(e.needs) {
			s &^= e.bit
		}
	}
	return s
}

// String returns what TRANSFORMER_SIMD takes: the names joined by +, without those that others of s imply.
func (s Set) String() string {
	var implied Set
	for _, e := range extensions {
		if s.Has(e.bit) {
			implied |= e.needs
		}
	}
	var names []string
	for _, e := range extensions {
		if s.Has(e.bit) && !implied.Has(e.bit) {
			names = append(names, e.name)
		}
		s &^= e.bit
	}
	if s != 0 {
		names = append(names, fmt.Sprintf("Set(%#x)", uint32(s)))
	}
	if len(names) == 0 {
		return "generic"
	}
	return strings.Join(names, "+")
}

// parse returns the set that names, joined by +, stand for, and whether it knows them all.
func parse(names string) (s Set, ok bool) {
	for name := range strings.SplitSeq(names, "+") {
		known := name == "generic"
		for _, e := range extensions {
			if e.name == name {
				s |= e.bit | e.needs
				known = true
			}
		}
		if !known {
			return 0, false
		}
	}
	return s, true
}

// restricted returns the part of machine that names ask for, or all of it if names are unknown.
func restricted(machine Set, names string) Set {
	if s, ok := parse(names); ok {
		return (machine & s).sound()
	}
	return machine
}

// machine is what the processor and the build can run.
var machine = detect().sound()

var active = func() *atomic.Uint32 {
	v := new(atomic.Uint32)
	v.Store(uint32(restricted(machine, os.Getenv("TRANSFORMER_SIMD"))))
	return v
}()

// Active returns the set in use.
func Active() Set { return Set(active.Load()) }

// Sets returns sets that this machine and build can run, for tests to range over: the empty one first, each
// instruction set with those it builds on, and everything last.
func Sets() []Set {
	all := []Set{Generic}
	for _, e := range extensions {
		if s := e.bit | e.needs; machine.Has(s) {
			all = append(all, s)
		}
	}
	if all[len(all)-1] != machine {
		all = append(all, machine)
	}
	return all
}

// Force makes s the set in use and returns a function that puts the former one back. It is for tests and
// benchmarks, which must not run beside others then. It panics if the machine cannot run s.
func Force(s Set) (restore func()) {
	if !machine.Has(s) || s != s.sound() {
		panic(fmt.Sprintf("simd: this machine or build cannot run %v, it has %v", s, machine))
	}
	old := active.Swap(uint32(s))
	return func() { active.Store(old) }
}
