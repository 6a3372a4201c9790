package parallel

import "sync"

// Free keeps values for reuse, with the memory they hold. Unlike a sync.Pool it hands out any value that
// is free, to whichever processor asks, and garbage collection does not empty it: what runs again and
// again allocates only the first time. It keeps as many values as were in use at once. The zero value is
// ready.
type Free[T any] struct {
	mu   sync.Mutex
	list []*T
}

// Get returns a value that is free, as it was put back, or a new zero value.
func (f *Free[T]) Get() *T {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.list)
	if n == 0 {
		return new(T)
	}
	x := f.list[n-1]
	f.list[n-1] = nil
	f.list = f.list[:n-1]
	return x
}

// Put makes x free for the next Get.
func (f *Free[T]) Put(x *T) {
	f.mu.Lock()
	f.list = append(f.list, x)
	f.mu.Unlock()
}
