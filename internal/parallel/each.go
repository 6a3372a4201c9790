package parallel

import (
	"sync"
	"sync/atomic"
)

// Each calls do for 0 to n−1, on as many new goroutines as there are processors, and waits for them. It
// returns the first index whose call failed, with its error, or n and nil. Use it for calls that take long or
// wait; they may use Run. It panics with a *[Panic] if a call panics.
func Each(n int, do func(i int) error) (int, error) {
	e := &each{n: n, do: do, errs: make([]error, n)}
	var wg sync.WaitGroup
	for range min(Width(), n) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			e.work()
		}()
	}
	wg.Wait()
	if f := e.failure.Load(); f != nil {
		f.pass()
	}
	for i, err := range e.errs {
		if err != nil {
			return i, err
		}
	}
	return n, nil
}

type each struct {
	n       int
	do      func(i int) error
	errs    []error
	next    atomic.Int64
	failure atomic.Pointer[failure] // of the first call that did not return
}

// work makes calls until none is left to begin.
func (e *each) work() {
	returned := false
	defer func() {
		if !returned {
			e.failure.CompareAndSwap(nil, newFailure(recover()))
			e.next.Store(int64(e.n))
		}
	}()
	for i := int(e.next.Add(1)) - 1; i < e.n; i = int(e.next.Add(1)) - 1 {
		e.errs[i] = e.do(i)
	}
	returned = true
}
