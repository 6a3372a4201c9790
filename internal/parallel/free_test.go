package parallel

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

// A value is never lent twice at once, and comes back with what it held.
func TestFree(t *testing.T) {
	type value struct {
		used bool
		mem  []int
	}
	var free Free[value]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				v := free.Get()
				if v.used {
					t.Error("lent twice")
				}
				v.used = true
				if v.mem == nil {
					v.mem = make([]int, 10)
				}
				v.used = false
				free.Put(v, 80)
			}
		})
	}
	wg.Wait()
	if n := len(free.list); n == 0 || n > 8 {
		t.Errorf("%d values are kept", n)
	}
	if v := free.Get(); len(v.mem) != 10 {
		t.Error("a value came back without its memory")
	}
}

// settle waits until n garbage collections have told the pools.
func settle(n int) {
	for range n {
		runtime.GC()
		time.Sleep(10 * time.Millisecond) // finalizers run in a goroutine of their own
	}
}

func (f *Free[T]) len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.list)
}

// What a large task needed goes when nobody has used it for two collections; what is in use stays, and so
// does what is small.
func TestFreeShrinks(t *testing.T) {
	type value struct{ mem []byte }
	var free Free[value]
	for range 20 {
		free.Put(new(value), 40<<10)
	}
	large := &value{make([]byte, 100<<20)}
	free.Put(large, len(large.mem))
	for range 6 {
		settle(1)
		v := free.Get()
		if v != large {
			t.Fatal("a value in regular use was dropped")
		}
		free.Put(v, len(v.mem))
	}
	settle(1)
	if n := free.len(); n != 21 {
		t.Fatalf("%d values after one collection, want 21", n)
	}
	settle(2)
	if n := free.len(); n != 20 {
		t.Fatalf("%d values after three collections, want the 20 small ones", n)
	}
	for range 200 {
		free.Put(new(value), 40<<10)
	}
	settle(4)
	if n := free.len(); n*(40<<10) > Kept || n == 0 {
		t.Errorf("%d values of 40 KiB are kept, %d bytes may be", n, Kept)
	}
}
