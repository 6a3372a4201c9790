package mmap

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// panicOf returns what f panics with.
func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// read reads bytes as a user of the mapping does.
func read(m *Mapping, b []byte) (sum int) {
	defer m.Release(m.Acquire())
	for _, x := range b {
		sum += int(x)
	}
	return sum
}

// A fault in the mapping is a panic that names the file, and leaves the goroutine as it was.
func TestFault(t *testing.T) {
	f := create(t, make([]byte, 5*os.Getpagesize()))
	m := mustOpen(t, f)
	defer m.Close()
	b := m.Bytes()
	if read(m, b) != 0 {
		t.Fatal("it is not zero")
	}
	if err := os.Truncate(f.Name(), 1); err != nil {
		t.Skip(err)
	}
	for range 3 {
		e, ok := panicOf(func() { read(m, b) }).(*Error)
		if !ok || e.File != f.Name() || e.Closed {
			t.Errorf("reading what is no longer there: %v", e)
		}
	}
	if err := m.Check(); err == nil {
		t.Error("a shorter file is not noticed")
	}
}

// A panic that has nothing to do with the mapping goes on as it is, and so does the end of a goroutine.
func TestOtherPanics(t *testing.T) {
	m := mustOpen(t, create(t, make([]byte, 10)))
	broken := errors.New("broken")
	if v := panicOf(func() {
		defer m.Release(m.Acquire())
		panic(broken)
	}); v != broken {
		t.Errorf("panic with %v", v)
	}
	var p *int
	if v := panicOf(func() {
		defer m.Release(m.Acquire())
		*p = 1
	}); v == nil || errors.As(v.(error), new(*Error)) {
		t.Errorf("panic with %v", v)
	}
	ended := make(chan bool)
	go func() {
		defer close(ended)
		defer m.Release(m.Acquire())
		runtime.Goexit()
	}()
	<-ended
	if err := m.Close(); err != nil { // it would wait for ever for one who has not released
		t.Error(err)
	}
}

// Close waits for those who read; after it, nobody can, and asking for pages does nothing.
func TestCloseWaits(t *testing.T) {
	f := create(t, make([]byte, 100))
	m := mustOpen(t, f)
	b := m.Bytes()
	m.Fetch(b[10:20])
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	var closed atomic.Bool
	reading, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		defer m.Release(m.Acquire())
		close(reading)
		time.Sleep(20 * time.Millisecond)
		if closed.Load() {
			t.Error("closed while it is read")
		}
		_ = b[0] + b[99]
	}()
	<-reading
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	closed.Store(true)
	<-done
	e, ok := panicOf(func() { read(m, b) }).(*Error)
	if !ok || !e.Closed || e.File != f.Name() {
		t.Errorf("reading after Close: %v", e)
	}
	m.Fetch(b)
	if !errors.As(m.Check(), new(*Error)) {
		t.Errorf("checking after Close: %v", m.Check())
	}
	var none *Mapping // memory that stays
	if read(none, []byte{1, 2}) != 3 {
		t.Error("memory without a mapping reads differently")
	}
	none.Fetch([]byte{1})
}

// A file that has been written to is noticed.
func TestCheckWritten(t *testing.T) {
	f := create(t, make([]byte, 10))
	m := mustOpen(t, f)
	defer m.Close()
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(f.Name(), later, later); err != nil {
		t.Fatal(err)
	}
	if err := m.Check(); err == nil {
		t.Error("it is not")
	}
}
