// Package tensortest holds helpers for tests: the instruction sets to run a test with, random numbers,
// comparison of bits, and memory that shows accesses out of bounds. Only tests import it.
//
// It works on slices, so that the lowest packages can use it. To make a tensor:
//
//	x := tensor.From(tensortest.Normal(r, 3*4), 3, 4)
package tensortest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/seed2010d43f/transformer/internal/simd"
)

// EachSet runs f as a sub-test for each instruction set of this machine, which it puts in use.
func EachSet(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, set := range simd.Sets() {
		t.Run(set.String(), func(t *testing.T) {
			defer simd.Force(set)()
			f(t)
		})
	}
}

// Normal returns n normally distributed numbers.
func Normal(r *rand.Rand, n int) []float32 { return Gaussian(r, n, 0, 1) }

// Gaussian returns n normally distributed numbers with this mean and standard deviation.
func Gaussian(r *rand.Rand, n int, mean, deviation float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(mean + deviation*r.NormFloat64())
	}
	return x
}

// SameBits reports whether a and b have the same length and bits; i is the first difference otherwise.
func SameBits(a, b []float32) (i int, same bool) {
	for i := range min(len(a), len(b)) {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i, false
		}
	}
	return min(len(a), len(b)), len(a) == len(b)
}

// CheckBits ends the test unless got and want have the same length and bits.
func CheckBits(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	if i, same := SameBits(got, want); !same {
		t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
	}
}

// Near reports whether a is as far from b as tolerance, of 1 or of b's magnitude where that is larger, or nearer.
func Near(a, b float32, tolerance float64) bool {
	return math.Abs(float64(a-b)) <= tolerance*max(1, math.Abs(float64(b)))
}

// CheckError fails the test if got is further from the exact numbers than twice the error of loops in float32, and
// slack. Errors are the largest differences.
func CheckError(t testing.TB, what string, got []float32, exact []float64, loop []float32, slack float64) {
	t.Helper()
	var worst, naive float64
	for i, want := range exact {
		worst = max(worst, math.Abs(float64(got[i])-want))
		naive = max(naive, math.Abs(float64(loop[i])-want))
	}
	if !(worst <= 2*naive+slack) {
		t.Errorf("%s: error %.2g, that of a plain loop is %.2g", what, worst, naive)
	}
}

// Allocated returns the bytes that are allocated while f runs, in all goroutines.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// MulAdd returns x·y + z as the instructions in use compute it: rounded once by assembly, twice by portable Go.
func MulAdd(x, y, z float32) float32 {
	if simd.Active() == simd.Generic {
		return float32(x*y) + z
	}
	return fma(x, y, z)
}

// fma rounds x·y + z once: the product is exact in float64; the sum's rounding to float64 is undone
// where it could make the second rounding wrong by rounding to odd.
func fma(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	v := s - p
	if e := (p - (s - v)) + (c - v); e != 0 && !math.IsInf(s, 0) && math.Float64bits(s)&1 == 0 {
		if (e > 0) == (s > 0) {
			s = math.Float64frombits(math.Float64bits(s) + 1)
		} else {
			s = math.Float64frombits(math.Float64bits(s) - 1)
		}
	}
	return float32(s)
}

// Guarded is memory between two bands that must stay as they are.
type Guarded[T float32 | uint16] struct {
	X   []T
	all []T
}

// Panics fails the test unless f panics with a message that contains want.
func Panics(t testing.TB, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got == nil {
			t.Errorf("no panic, want %q", want)
		} else if !strings.Contains(fmt.Sprint(got), want) {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	f()
}

const (
	band     = 32 // elements
	sentinel = 46123
)

// Guard returns guarded memory with the values of x. It begins offset elements after the band that lies before
// it, so that tests can try alignments.
func Guard[T float32 | uint16](x []T, offset int) Guarded[T] {
	all := make([]T, offset+len(x)+2*band)
	for i := range all {
		all[i] = sentinel
	}
	first := band + offset
	g := Guarded[T]{X: all[first : first+len(x) : first+len(x)], all: all}
	copy(g.X, x)
	return g
}

// Check fails the test if something was written outside of g.X.
func (g Guarded[T]) Check(t testing.TB, what string) {
	t.Helper()
	first := len(g.all) - band - len(g.X)
	for i, x := range g.all {
		if (i < first || i >= first+len(g.X)) && x != sentinel {
			t.Fatalf("%s: wrote at index %d of a slice of length %d", what, i-first, len(g.X))
		}
	}
}

// Generated fails the test unless the files that generate writes to a folder are those in dir.
func Generated(t *testing.T, dir string, generate func(dir string) error) {
	t.Helper()
	fresh := t.TempDir()
	if err := generate(fresh); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(fresh)
	if err != nil || len(names) == 0 {
		t.Fatalf("nothing was generated (%v)", err)
	}
	for _, name := range names {
		want, err := os.ReadFile(filepath.Join(fresh, name.Name()))
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join(dir, name.Name()))
		// Git may have changed line ends.
		if err != nil || !bytes.Equal(bytes.ReplaceAll(have, []byte("\r\n"), []byte("\n")), want) {
			t.Errorf("%s is not what the generator writes: run go generate (%v)", name.Name(), err)
		}
	}
}

// Logits returns n numbers of a normal distribution with the standard deviation spread, as a model gives for the tokens
// of a vocabulary. The same seed gives the same numbers.
func Logits(n int, spread float64, seed uint64) []float32 {
	return Gaussian(rand.New(rand.NewPCG(seed, 2)), n, 0, spread)
}
