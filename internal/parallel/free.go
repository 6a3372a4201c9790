package parallel

import (
	"runtime"
	"slices"
	"sync"
)

// Free keeps values for reuse, with the memory they hold. Unlike a sync.Pool it hands out any value that
// is free, to whichever processor asks, and keeps what is in regular use through garbage collections: work
// that repeats allocates only the first time. Memory that two collections in a row have found unused goes,
// all but [Kept] bytes: a process that is idle does not keep what its largest task needed. The zero value
// is ready.
type Free[T any] struct {
	mu      sync.Mutex
	list    []idle[T] // the last one put is the next to go out
	watched bool      // a garbage collection will call collect
}

type idle[T any] struct {
	x           *T
	bytes       int
	collections int // that found it unused
}

// Kept is the number of bytes that a Free keeps for good.
const Kept = 1 << 20

// Get returns a value that is free, as it was put back, or a new zero value.
func (f *Free[T]) Get() *T {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.list)
	if n == 0 {
		return new(T)
	}
	x := f.list[n-1].x
	f.list[n-1] = idle[T]{}
	f.list = f.list[:n-1]
	return x
}

// Put makes x, which holds so many bytes, free for the next Get.
func (f *Free[T]) Put(x *T, bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, idle[T]{x: x, bytes: bytes})
	if !f.watched && f.excess() {
		f.watched = true
		f.watch()
	}
}

// excess reports whether more is kept than may stay for good.
func (f *Free[T]) excess() bool {
	n := 0
	for i := range f.list {
		n += f.list[i].bytes
	}
	return n > Kept
}

// watch has the next garbage collection call collect: it is what finds that nothing refers to the object.
func (f *Free[T]) watch() {
	type sentinel struct{ f *Free[T] }
	runtime.SetFinalizer(&sentinel{f}, func(s *sentinel) { s.f.collect() })
}

// collect drops what two collections have found unused, but for Kept bytes of what was used last.
func (f *Free[T]) collect() {
	f.mu.Lock()
	defer f.mu.Unlock()
	bytes := 0
	var kept []idle[T]
	for _, v := range slices.Backward(f.list) {
		if v.collections++; v.collections >= 2 {
			if bytes+v.bytes > Kept {
				continue
			}
			bytes += v.bytes
		}
		kept = append(kept, v)
	}
	slices.Reverse(kept)
	f.list = kept
	if f.watched = f.excess(); f.watched {
		f.watch()
	}
}
