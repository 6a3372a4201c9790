package flash_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/simd"
	"github.com/seed2010d43f/transformer/internal/simd/flash"
	"github.com/seed2010d43f/transformer/internal/tensortest"
)

// peak returns the time of one FLOP in a loop of register FMAs on one thread, the best of several short runs.
func peak(runs int) float64 {
	const n = 5000
	best := math.Inf(1)
	for range runs {
		start := time.Now()
		flops := flash.Peak(n)
		best = min(best, time.Since(start).Seconds()/flops)
	}
	return best
}

// BenchmarkHead is one head, T = S; causal counts half. Each tile of queries counts with its best time, so that
// interruptions do not, and the sum is reported as a fraction of the register peak measured beside it.
func BenchmarkHead(b *testing.B) {
	for _, set := range simd.Sets() {
		if set == simd.Generic {
			continue
		}
		for _, D := range []int{64, 128} {
			for _, S := range []int{768, 1536, 3072} {
				for _, causal := range []bool{false, true} {
					b.Run(fmt.Sprintf("%v/D=%d/S=%d/causal=%v", set, D, S, causal), func(b *testing.B) {
						defer simd.Force(set)()
						benchmarkHead(b, newHead(48, S, S, D, D, causal))
					})
				}
			}
		}
	}
}

func benchmarkHead(b *testing.B, h *head) {
	r := rand.New(rand.NewPCG(1, 2))
	q, k, v := tensortest.Normal(r, h.T*h.ld), tensortest.Normal(r, h.S*h.ld), tensortest.Normal(r, h.S*h.ld)
	dst := make([]float32, h.T*h.ld)
	flops := 4 * float64(h.T) * float64(h.S) * float64(h.D)
	if h.causal {
		flops /= 2
	}
	tiles := slices.Repeat([]float64{math.Inf(1)}, (h.T+h.lanes-1)/h.lanes)
	perFlop := math.Inf(1)
	for b.Loop() {
		for i := range tiles {
			t := i * h.lanes
			start := time.Now()
			h.tile(dst, q, k, v, t, min(h.lanes, h.T-t))
			tiles[i] = min(tiles[i], time.Since(start).Seconds())
		}
		perFlop = min(perFlop, peak(10))
	}
	var total float64
	for _, t := range tiles {
		total += t
	}
	b.ReportMetric(flops/total/1e9, "GFLOP/s")
	b.ReportMetric(100*flops/total*perFlop, "%peak")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkDecode is one token with 8 heads of keys, [S, 512] floats, that lanes query heads share: the rate at
// which keys and values are read from cache or memory, at its best.
func BenchmarkDecode(b *testing.B) {
	const D, ld = 64, 512
	r := rand.New(rand.NewPCG(1, 2))
	for _, S := range []int{256, 2048, 16384} {
		k, v := tensortest.Normal(r, S*ld), tensortest.Normal(r, S*ld)
		for _, set := range simd.Sets()[1:] {
			for _, lanes := range allLanes {
				b.Run(fmt.Sprintf("%v/lanes=%d/S=%d", set, lanes, S), func(b *testing.B) {
					defer simd.Force(set)()
					h := newHead(lanes, lanes, S, D, ld, false)
					q, dst := tensortest.Normal(r, lanes*ld), make([]float32, lanes*ld)
					best := slices.Repeat([]float64{math.Inf(1)}, ld/D)
					for b.Loop() {
						for i := range best {
							start := time.Now()
							h.run(dst, q, k[i*D:], v[i*D:])
							best[i] = min(best[i], time.Since(start).Seconds())
						}
					}
					var total float64
					for _, t := range best {
						total += t
					}
					b.ReportMetric(2*4*float64(S)*ld/total/1e9, "GB/s")
					b.ReportMetric(0, "ns/op")
				})
			}
		}
	}
}

// BenchmarkKernels is one block of keys in the cache: tiles as fractions of the register peak, exp in time per score.
func BenchmarkKernels(b *testing.B) {
	const D, n = 64, flash.Block
	r := rand.New(rand.NewPCG(1, 2))
	for _, set := range simd.Sets() {
		if set == simd.Generic {
			continue
		}
		for _, lanes := range allLanes {
			k, qt, s, o := tensortest.Normal(r, n*D), tensortest.Normal(r, D*lanes), tensortest.Normal(r, n*lanes), tensortest.Normal(r, D*lanes)
			m, l := slices.Repeat([]float32{10}, lanes), make([]float32, lanes)
			lo, hi := make([]int32, lanes), make([]int32, lanes)
			flops := float64(2 * n * D * lanes)
			for name, kernel := range map[string]func(){
				"Scores":      func() { flash.ScoresMax(s, lanes, n, D, k, D, qt, m) },
				"ExpSum":      func() { flash.ExpSum(s, lanes, n, m, l) },
				"Accumulate":  func() { flash.Accumulate(o, lanes, D, k, D, s, n) },
				"MaskMax":     func() { flash.MaskMax(s, lanes, n, 0, lo, hi, m) },
				"SoftCap":     func() { flash.SoftCap(s, 50) },
				"LoadQueries": func() { flash.LoadQueries(qt, lanes, D, k, make([]int, 48)[:lanes], 1) },
				"Finish":      func() { flash.Finish(k, make([]int, 48)[:lanes], o, l, lanes, D) },
			} {
				b.Run(fmt.Sprintf("%v/lanes=%d/%s", set, lanes, name), func(b *testing.B) {
					defer simd.Force(set)()
					best := math.Inf(1)
					for b.Loop() {
						start := time.Now()
						for range 10 {
							kernel()
						}
						best = min(best, time.Since(start).Seconds()/10)
					}
					b.ReportMetric(0, "ns/op")
					switch name {
					case "Scores", "Accumulate":
						b.ReportMetric(100*flops/best*peak(1000), "%peak")
					case "ExpSum", "SoftCap", "MaskMax":
						b.ReportMetric(best*1e9/float64(n*lanes), "ns/score")
					default:
						b.ReportMetric(best*1e9/float64(D*lanes), "ns/element")
					}
				})
			}
		}
	}
}
