package flash_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
)

// peak returns the best FLOP/s of a loop of register FMAs on one thread, 0 if it is not known.
func peak() float64 {
	const n = 1_000_000
	var best float64
	for range 5 {
		start := time.Now()
		flops := flash.Peak(n)
		best = max(best, flops/time.Since(start).Seconds())
	}
	return best
}

// BenchmarkHead is one head, T = S; causal counts half. It reports the best run as a fraction of the register peak
// measured beside it.
func BenchmarkHead(b *testing.B) {
	for _, tier := range simd.Tiers() {
		if tier == simd.Generic {
			continue
		}
		for _, D := range []int{64, 128} {
			for _, S := range []int{768, 1536, 3072} {
				for _, causal := range []bool{false, true} {
					b.Run(fmt.Sprintf("%v/D=%d/S=%d/causal=%v", tier, D, S, causal), func(b *testing.B) {
						defer simd.Force(tier)()
						benchmarkHead(b, newHead(48, S, S, D, D, causal))
					})
				}
			}
		}
	}
}

func benchmarkHead(b *testing.B, h *head) {
	r := rand.New(rand.NewPCG(1, 2))
	q, k, v := random(r, h.T*h.ld), random(r, h.S*h.ld), random(r, h.S*h.ld)
	dst := make([]float32, h.T*h.ld)
	flops := 4 * float64(h.T) * float64(h.S) * float64(h.D)
	if h.causal {
		flops /= 2
	}
	var best, top float64
	for b.Loop() {
		top = max(top, peak())
		start := time.Now()
		h.run(dst, q, k, v)
		best = max(best, flops/time.Since(start).Seconds())
	}
	b.ReportMetric(best/1e9, "GFLOP/s")
	b.ReportMetric(100*best/top, "%peak")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkDecode is one token of some heads that share their keys: the rate at which keys and values are read.
func BenchmarkDecode(b *testing.B) {
	const D, ld = 64, 512
	for _, tier := range simd.Tiers() {
		for _, lanes := range []int{8, 16, 48} {
			for _, S := range []int{512, 4096} {
				b.Run(fmt.Sprintf("%v/lanes=%d/S=%d", tier, lanes, S), func(b *testing.B) {
					defer simd.Force(tier)()
					h := newHead(lanes, lanes, S, D, ld, false)
					r := rand.New(rand.NewPCG(1, 2))
					q, k, v := random(r, lanes*ld), random(r, S*ld), random(r, S*ld)
					dst := make([]float32, lanes*ld)
					b.SetBytes(2 * 4 * int64(S) * D)
					for b.Loop() {
						h.run(dst, q, k, v)
					}
				})
			}
		}
	}
}
