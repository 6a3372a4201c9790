package hostile

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

// Bounds of what opening a folder takes of the heap: so many bytes for each byte of the files that it reads, and
// so many besides.
const (
	HeapFactor = 64
	HeapBase   = 128 << 20
)

// CheckHeap runs open, which reads files of so many bytes, and fails the test if it takes more of the heap
// than it may, or too long.
func CheckHeap(t testing.TB, bytes int, open func()) {
	t.Helper()
	start := time.Now()
	peak := Heap(open)
	t.Logf("%d bytes of files take %d of the heap: %.1f times; %v", bytes, peak, float64(peak)/float64(bytes), time.Since(start))
	if most := uint64(HeapFactor*bytes + HeapBase); peak > most {
		t.Errorf("%d bytes of files take %d of the heap, more than %d", bytes, peak, most)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("opening takes %v", took)
	}
}

// Heap returns the most bytes by which the heap is larger while f runs, with little garbage.
func Heap(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	before, most := heap(), uint64(0)
	stop := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			most = max(most, heap())
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Microsecond):
			}
		}
	})
	f()
	close(stop)
	wg.Wait()
	return max(most, before) - before
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
