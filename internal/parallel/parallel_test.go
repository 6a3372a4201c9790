package parallel

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type counter struct {
	parts   []atomic.Int32
	workers []atomic.Int32 // calls under way by worker
	t       *testing.T
	pause   time.Duration
}

func (c *counter) Do(part, worker int) {
	if c.workers[worker].Add(1) != 1 {
		c.t.Errorf("worker %d is used twice at the same time", worker)
	}
	c.parts[part].Add(1)
	time.Sleep(c.pause)
	c.workers[worker].Add(-1)
}

func newCounter(t *testing.T, width, n int) *counter {
	return &counter{parts: make([]atomic.Int32, n), workers: make([]atomic.Int32, width), t: t}
}

func (c *counter) check() {
	for i := range c.parts {
		if n := c.parts[i].Load(); n != 1 {
			c.t.Errorf("part %d was done %d times", i, n)
		}
	}
}

func TestEveryPartOnce(t *testing.T) {
	for _, width := range []int{0, 1, 2, 3, 8} {
		for _, n := range []int{0, 1, 2, 7, 100} {
			for round := range 20 {
				c := newCounter(t, max(width, 1), n)
				if round == 0 {
					c.pause = 50 * time.Microsecond
				}
				Run(width, n, c)
				c.check()
			}
		}
	}
}

// Several callers at once: one has the workers, the others work alone, all parts are done.
func TestConcurrentCallers(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				c := newCounter(t, 4, 9)
				Run(4, 9, c)
				c.check()
			}
		})
	}
	wg.Wait()
}

// Workers that have gone to sleep wake up: both parts must be under way at the same time.
func TestWorkersWake(t *testing.T) {
	for range 3 {
		time.Sleep(5 * time.Millisecond)
		m := &meeting{}
		m.wg.Add(2)
		Run(2, 2, m)
	}
}

type meeting struct{ wg sync.WaitGroup }

func (m *meeting) Do(int, int) {
	m.wg.Done()
	m.wg.Wait()
}

func TestNoAllocation(t *testing.T) {
	c := newCounter(t, 2, 4)
	if n := testing.AllocsPerRun(100, func() { Run(2, 4, c) }); n != 0 {
		t.Errorf("%v allocations per run", n)
	}
}
