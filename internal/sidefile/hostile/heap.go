package hostile

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

// HeapFactor bounds what opening takes of the heap for each byte of the files that it reads. It is what the guide
// of package model states.
const HeapFactor = 100

// CheckHeap runs open, which reads a folder, and fails the test if that takes more of the heap than HeapFactor
// times the bytes of its files, and base, or takes too long, or gives an error that is long.
func CheckHeap(t testing.TB, folder fstest.MapFS, base int, open func() error) {
	t.Helper()
	bytes := 0
	for _, f := range folder {
		bytes += len(f.Data)
	}
	start := time.Now()
	var err error
	peak := Heap(func() { err = open() })
	took := time.Since(start)
	t.Logf("%d bytes of files take %d of the heap, %.1f times as much, and %v; error %.200v", bytes, peak, float64(peak)/float64(bytes), took, err)
	if most := uint64(HeapFactor*bytes + base); peak > most {
		t.Errorf("%d bytes of files take %d of the heap, more than %d", bytes, peak, most)
	}
	if took > 20*time.Second { // a few, if nothing else is running
		t.Errorf("opening takes %v", took)
	}
	if err != nil && len(err.Error()) > 20_000 { // a regular expression and more
		t.Errorf("an error of %d bytes: %.500v", len(err.Error()), err)
	}
}

// Many returns what f makes of 0, 1, …, up to size bytes and a little more.
func Many(size int, f func(i int) string) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		b.WriteString(f(i))
	}
	return b.String()
}

// Heap returns the most bytes by which the heap is larger while f runs, with little garbage.
func Heap(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
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
