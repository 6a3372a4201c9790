package parallel

import (
	"sync"
	"testing"
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
				free.Put(v)
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
