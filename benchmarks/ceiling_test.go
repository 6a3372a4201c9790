package benchmarks

import (
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed2010d43f/transformer/internal/hugepages"
	"github.com/seed2010d43f/transformer/internal/parallel"
	"github.com/seed2010d43f/transformer/internal/simd/gemm"
)

// probe reports whether this is the first call of a benchmark that uses b.Loop, in which it is to check
// whether it can run and return. The testing package makes that call with N = 1 and whatever GOMAXPROCS
// the benchmark before had, and if the loop ended there, would take it for the result, of the wrong
// -cpu. With -benchtime 1x no other call follows.
func probe(b *testing.B) bool {
	return b.N == 1 && flag.Lookup("test.benchtime").Value.String() != "1x"
}

// run is b.Run for benchmarks that use b.Loop.
func run(b *testing.B, name string, f func(b *testing.B)) {
	b.Run(name, func(b *testing.B) {
		if !probe(b) {
			f(b)
		}
	})
}

// limit is something of the machine that bounds an operation.
type limit struct {
	metric string         // "%peak"
	work   float64        // what one operation takes of it
	rate   func() float64 // what it gives in a second, measured now
}

func ofPeak(flops float64) limit      { return limit{"%peak", flops, peak} }
func ofBandwidth(bytes float64) limit { return limit{"%bandwidth", bytes, bandwidth} }

// meter compares a benchmark with limits of the machine. Operations are timed in slices, and the limits
// measured before and after each. Reported is the median of the slices' shares, each of the limits
// beside it: machines that are shared change from second to second, in both alike.
type meter struct {
	b      *testing.B
	limits []limit
	shares [][]float64 // of each limit, of each slice

	before []float64 // limits as last measured
	start  time.Time // of the slice under way
	ops    int
}

const sliceTime = 200 * time.Millisecond

// newMeter measures the limits for the first time. It comes right before the loop.
func newMeter(b *testing.B, limits ...limit) *meter {
	m := &meter{b: b, limits: limits, shares: make([][]float64, len(limits))}
	m.before = m.measure()
	m.start = time.Now()
	return m
}

// lap follows each operation.
func (m *meter) lap() {
	m.ops++
	if time.Since(m.start) >= sliceTime {
		m.b.StopTimer()
		m.end(time.Since(m.start))
		m.b.StartTimer()
	}
}

// report follows the loop.
func (m *meter) report() {
	if rest := time.Since(m.start); m.ops > 0 && (len(m.shares[0]) == 0 || rest > sliceTime/4) {
		m.end(rest)
	}
	for i, l := range m.limits {
		m.b.ReportMetric(100*median(m.shares[i]), l.metric)
	}
}

// end ends a slice, and begins the next after measuring the limits.
func (m *meter) end(took time.Duration) {
	after := m.measure()
	for i, l := range m.limits {
		got := l.work * float64(m.ops) / took.Seconds()
		m.shares[i] = append(m.shares[i], got/((m.before[i]+after[i])/2))
	}
	m.before, m.ops, m.start = after, 0, time.Now()
}

func (m *meter) measure() []float64 {
	rates := make([]float64, len(m.limits))
	for i, l := range m.limits {
		rates[i] = l.rate()
	}
	return rates
}

// perSecond reports how much of something the benchmark did, given how much an operation does.
func perSecond(b *testing.B, unit string, amount float64) {
	b.ReportMetric(amount*float64(b.N)/b.Elapsed().Seconds(), unit)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}

// samples is how often a limit is measured each time; the median counts.
const samples = 5

func medianRate(once func() float64) float64 {
	var rates [samples]float64
	for i := range rates {
		rates[i] = once()
	}
	return median(rates[:])
}

// peak returns the floating-point operations a second that multiply-adds in registers reach, in the
// vector instructions in use, on as many threads as the library uses.
func peak() float64 { return medianRate(new(registers).once) }

// registers is multiply-adds in parts of about 0.1 ms, small enough for an even end.
type registers struct{ flops atomic.Int64 }

func (r *registers) Do(_, _ int) { r.flops.Add(int64(gemm.Peak(30_000))) }

func (r *registers) once() float64 {
	r.flops.Store(0)
	start, width := time.Now(), parallel.Width()
	parallel.Run(width, 64*width, r)
	return float64(r.flops.Load()) / time.Since(start).Seconds()
}

// bandwidth returns the bytes a second that the same threads read from memory.
func bandwidth() float64 { return medianRate((&stream{buf: memory()}).once) }

// stream reads a buffer in parts of 2 MiB.
type stream struct {
	buf []float32
	sum [1 << 12]float32
}

const streamPart = 1 << 19 // floats

func (s *stream) Do(part, _ int) {
	s.sum[part%len(s.sum)] = gemm.Read(s.buf[part*streamPart:][:streamPart])
}

func (s *stream) once() float64 {
	start := time.Now()
	parallel.Run(parallel.Width(), len(s.buf)/streamPart, s)
	return 4 * float64(len(s.buf)) / time.Since(start).Seconds()
}

// memory returns a buffer that no cache holds: 256 MiB, or four times the last level and at most 1 GiB where Linux tells.
var memory = sync.OnceValue(func() []float32 {
	size := max(256<<20, min(4*lastCache(), 1<<30))
	buf := hugepages.Float32s(size / 4 / streamPart * streamPart)
	for i := range buf {
		buf[i] = 1
	}
	return buf
})

// lastCache returns the bytes of the largest cache, or 0 if they are not known.
func lastCache() int {
	size := 0
	for _, index := range []string{"index2", "index3", "index4"} {
		text, _ := os.ReadFile("/sys/devices/system/cpu/cpu0/cache/" + index + "/size")
		size = max(size, kibibytes(strings.TrimSuffix(strings.TrimSpace(string(text)), "K")))
	}
	return size
}
