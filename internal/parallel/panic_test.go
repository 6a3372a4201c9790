package parallel

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// breaking panics, or exits, in some parts, and counts those that are running.
type breaking struct {
	at      map[int]func()
	running atomic.Int32
	done    atomic.Int32
	meet    *sync.WaitGroup // if not nil, the first parts begin together
}

func (b *breaking) Do(part, _ int) {
	b.running.Add(1)
	defer b.running.Add(-1)
	if b.meet != nil && part < 2 {
		b.meet.Done()
		b.meet.Wait()
	}
	if f := b.at[part]; f != nil {
		f()
	}
	for range 1000 {
		runtime.Gosched()
	}
	b.done.Add(1)
}

func breakHere() { panic("the part is broken") }

// caught returns what f panics with, and whether f ended its goroutine.
func caught(f func()) (value any, exited bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		exited = true
		defer func() {
			if value = recover(); value != nil {
				exited = false
			}
		}()
		f()
		exited = false
	}()
	<-done
	return value, exited
}

// A panic in any part, of the caller or of a worker, reaches the caller with its value and the stack of
// where it began, when no part runs any more; the next task runs as if nothing had been.
func TestPanicReachesCaller(t *testing.T) {
	for _, width := range []int{1, 2, 4} {
		for part := range 6 {
			b := &breaking{at: map[int]func(){part: breakHere}}
			value, _ := caught(func() { Run(width, 40, b) })
			p, ok := value.(*Panic)
			if !ok || p.Value != "the part is broken" || !strings.Contains(p.Error(), "breakHere") || !strings.HasPrefix(p.Error(), "the part is broken") {
				t.Fatalf("width %d, part %d: panic with %v", width, part, value)
			}
			if n := b.running.Load(); n != 0 {
				t.Fatalf("width %d, part %d: %d parts run on", width, part, n)
			}
			if n := b.done.Load(); n >= 40 {
				t.Fatalf("width %d, part %d: all parts were done", width, part)
			}
			c := newCounter(t, width, 20)
			Run(width, 20, c)
			c.check()
		}
	}
}

// Both of two parts that run at the same time may break.
func TestTwoPanics(t *testing.T) {
	for range 50 {
		b := &breaking{at: map[int]func(){0: breakHere, 1: breakHere}, meet: new(sync.WaitGroup)}
		b.meet.Add(2)
		if value, _ := caught(func() { Run(2, 9, b) }); value == nil {
			t.Fatal("no panic")
		}
		c := newCounter(t, 3, 20)
		Run(3, 20, c)
		c.check()
	}
}

// runtime.Goexit in a part, which t.FailNow calls, ends the calling goroutine and leaves the pool usable.
func TestGoexit(t *testing.T) {
	for _, width := range []int{1, 2, 3} {
		for _, parts := range [][]int{{0}, {1}, {0, 1}, {5}} {
			b := &breaking{at: map[int]func(){}}
			for _, p := range parts {
				b.at[p] = runtime.Goexit
			}
			if width > 1 {
				b.meet = new(sync.WaitGroup)
				b.meet.Add(2)
			}
			if value, exited := caught(func() { Run(width, 9, b) }); value != nil || !exited {
				t.Fatalf("width %d, parts %v: panic %v, exited %v", width, parts, value, exited)
			}
			c := newCounter(t, 3, 20)
			c.pause = 1
			Run(3, 20, c)
			c.check()
		}
	}
}

// A task within a task: the innermost stack is the one that is told.
func TestNestedPanic(t *testing.T) {
	outer := &breaking{at: map[int]func(){3: func() { Run(2, 4, &breaking{at: map[int]func(){2: breakHere}}) }}}
	value, _ := caught(func() { Run(2, 8, outer) })
	if p, ok := value.(*Panic); !ok || p.Value != "the part is broken" {
		t.Fatalf("panic with %v", value)
	}
}

func TestPanicUnwraps(t *testing.T) {
	broken := errors.New("broken")
	value, _ := caught(func() { Run(2, 4, &breaking{at: map[int]func(){1: func() { panic(broken) }}}) })
	if err, ok := value.(error); !ok || !errors.Is(err, broken) {
		t.Errorf("panic with %v", value)
	}
}

func TestEach(t *testing.T) {
	var calls atomic.Int32
	if i, err := Each(100, func(int) error { calls.Add(1); return nil }); i != 100 || err != nil || calls.Load() != 100 {
		t.Errorf("Each returned %d, %v after %d calls", i, err, calls.Load())
	}
	broken := errors.New("broken")
	if i, err := Each(100, func(i int) error {
		if i == 70 || i == 30 {
			return broken
		}
		return nil
	}); i != 30 || err != broken {
		t.Errorf("Each returned %d, %v; want the first error", i, err)
	}
	value, _ := caught(func() {
		Each(100, func(i int) error {
			if i == 10 {
				breakHere()
			}
			return nil
		})
	})
	if p, ok := value.(*Panic); !ok || !strings.Contains(p.Error(), "breakHere") {
		t.Errorf("panic with %v", value)
	}
	if value, exited := caught(func() { Each(5, func(int) error { runtime.Goexit(); return nil }) }); value != nil || !exited {
		t.Errorf("panic %v, exited %v", value, exited)
	}
	if i, err := Each(0, nil); i != 0 || err != nil {
		t.Errorf("Each of nothing returned %d, %v", i, err)
	}
}
