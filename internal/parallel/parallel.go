// Package parallel runs the parts of a task on all processors. The process has one pool of workers. They
// start when first needed and stay. After each task they spin for a moment, because a forward pass hands out
// hundreds of tasks that take microseconds.
//
// A part may run code of the library's caller: an activation, a bias, an operation. If a part panics, no
// further part begins and Run waits for those that are running. The panic then goes on in the goroutine that
// called Run, as a [Panic] with the stack of where it began. runtime.Goexit in a part ends the calling
// goroutine in the same way. The pool stays usable.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Task is work in independent parts. Do is called once for each part, from several goroutines at the same
// time. worker is below the width given to Run; calls that run at the same time have different workers, so
// worker can choose a piece of scratch memory.
type Task interface {
	Do(part, worker int)
}

// Width returns the number of workers that Run can use now: GOMAXPROCS.
func Width() int { return runtime.GOMAXPROCS(0) }

// spins is how often an idle worker looks for the next task before it sleeps, some 100 µs: between two products of one
// token its caller has other work to do for less than that.
const spins = 250_000

type pool struct {
	owner sync.Mutex // held by the Run that the workers serve

	mu      spinLock // guards the next five
	task    Task
	next, n int
	width   int
	failure *failure // of the first part that did not return

	left    atomic.Int64  // parts not finished
	round   atomic.Uint64 // counts tasks
	workers []*worker     // guarded by owner
}

// spinLock is a lock for moments of a few nanoseconds. Those who wait do not sleep: waking up would take
// longer than most parts of a task.
type spinLock struct{ held atomic.Bool }

func (l *spinLock) Lock() {
	for i := 1; !l.held.CompareAndSwap(false, true); i++ {
		if i%1024 == 0 {
			runtime.Gosched() // the holder may have lost its processor
		}
	}
}

func (l *spinLock) Unlock() { l.held.Store(false) }

type worker struct {
	sleeping atomic.Bool
	wake     chan struct{}
	seen     uint64 // the last round it has worked on
}

var shared pool

// Run calls t.Do for each part from 0 to n−1 and returns when all are done. It uses up to width workers; the
// caller is one of them. If another Run is using the workers, the caller does all parts itself. It allocates
// nothing if t is a pointer. It panics with a *[Panic] if a part panics.
func Run(width, n int, t Task) {
	if width <= 1 || n <= 1 || !shared.owner.TryLock() {
		serial(n, t)
		return
	}
	shared.run(width, n, t)
}

// serial does all parts in the calling goroutine.
func serial(n int, t Task) {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil { // nil: runtime.Goexit, which goes on
				panic(newPanic(v))
			}
		}
	}()
	for i := range n {
		t.Do(i, 0)
	}
	returned = true
}

func (p *pool) run(width, n int, t Task) {
	defer p.finish()
	for len(p.workers) < width-1 {
		w := &worker{wake: make(chan struct{}, 1), seen: p.round.Load()}
		p.workers = append(p.workers, w)
		go p.work(w, len(p.workers))
	}
	p.left.Store(int64(n))
	p.mu.Lock()
	p.task, p.next, p.n, p.width = t, 0, n, width
	p.mu.Unlock()
	p.round.Add(1)
	for _, w := range p.workers[:min(width, n)-1] {
		if w.sleeping.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	p.drain(0)
}

// finish waits for the parts that run, frees the pool, and passes on what ended a part.
func (p *pool) finish() {
	for i := 0; p.left.Load() > 0; i++ {
		if i > spins {
			runtime.Gosched()
		}
	}
	p.mu.Lock()
	f := p.failure
	p.task, p.failure = nil, nil
	p.mu.Unlock()
	p.owner.Unlock()
	if f != nil {
		f.pass()
	}
}

// drain does parts of the present task until none is left to begin.
func (p *pool) drain(worker int) {
	busy := false
	defer func() {
		if busy { // the part did not return
			p.fail(newFailure(recover()))
		}
	}()
	for {
		p.mu.Lock()
		t, i := p.task, p.next
		if t == nil || i >= p.n || worker >= p.width {
			p.mu.Unlock()
			return
		}
		p.next++
		p.mu.Unlock()
		busy = true
		t.Do(i, worker)
		busy = false
		p.left.Add(-1)
	}
}

// fail ends the task because of a part: those that have not begun never will.
func (p *pool) fail(f *failure) {
	p.mu.Lock()
	skipped := p.n - p.next
	p.next = p.n
	if p.failure == nil {
		p.failure = f
	}
	p.mu.Unlock()
	p.left.Add(int64(-skipped - 1))
}

// work serves one task after the other. Only runtime.Goexit in a part ends it; another goroutine takes
// its place then.
func (p *pool) work(w *worker, id int) {
	defer func() { go p.work(w, id) }()
	for {
		w.seen = p.await(w)
		p.drain(id)
	}
}

// await returns the count of tasks once the worker has not seen it.
func (p *pool) await(w *worker) uint64 {
	for range spins {
		if r := p.round.Load(); r != w.seen {
			return r
		}
	}
	w.sleeping.Store(true)
	if r := p.round.Load(); r != w.seen && w.sleeping.CompareAndSwap(true, false) {
		return r
	}
	<-w.wake // a Run that finds the worker sleeping sends exactly once
	return p.round.Load()
}
