// Package parallel runs the parts of a task on all processors. There is one pool of workers for the
// process; they are started when first needed, kept, and spin for a moment after each task, because a
// forward pass hands out hundreds of tasks that take microseconds.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Task is work in independent parts. Do is called once for each part, from several goroutines at the
// same time; worker is below the width given to [Run] and differs between calls under way at the same
// time, so that it can choose a piece of scratch memory.
type Task interface {
	Do(part, worker int)
}

// Width returns the number of workers that [Run] can use now, which is GOMAXPROCS.
func Width() int { return runtime.GOMAXPROCS(0) }

// spins is how often an idle worker looks for the next task before it sleeps, some 50 µs.
const spins = 50_000

type pool struct {
	owner sync.Mutex // held by the Run that the workers serve

	mu      spinLock // guards the next four
	task    Task
	next, n int
	width   int

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
}

var shared pool

// Run calls t.Do for each part from 0 to n−1, on up to width workers of which the caller is one, and
// returns when all are done. While another Run has the workers, the caller does all parts itself.
// It allocates nothing if t is a pointer.
func Run(width, n int, t Task) {
	if width <= 1 || n <= 1 || !shared.owner.TryLock() {
		for i := range n {
			t.Do(i, 0)
		}
		return
	}
	defer shared.owner.Unlock()
	shared.run(width, n, t)
}

func (p *pool) run(width, n int, t Task) {
	for len(p.workers) < width-1 {
		w := &worker{wake: make(chan struct{}, 1)}
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
	for i := 0; p.left.Load() > 0; i++ {
		if i > spins {
			runtime.Gosched()
		}
	}
	p.mu.Lock()
	p.task = nil
	p.mu.Unlock()
}

// drain does parts of the present task until none is left to begin.
func (p *pool) drain(worker int) {
	for {
		p.mu.Lock()
		t, i := p.task, p.next
		if t == nil || i >= p.n || worker >= p.width {
			p.mu.Unlock()
			return
		}
		p.next++
		p.mu.Unlock()
		t.Do(i, worker)
		p.left.Add(-1)
	}
}

func (p *pool) work(w *worker, id int) {
	var seen uint64
	for {
		seen = p.await(w, seen)
		p.drain(id)
	}
}

// await returns the count of tasks once it is no longer seen.
func (p *pool) await(w *worker, seen uint64) uint64 {
	for range spins {
		if r := p.round.Load(); r != seen {
			return r
		}
	}
	w.sleeping.Store(true)
	if r := p.round.Load(); r != seen && w.sleeping.CompareAndSwap(true, false) {
		return r
	}
	<-w.wake // a Run that finds the worker sleeping sends exactly once
	return p.round.Load()
}
