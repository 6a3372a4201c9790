package mmap

import (
	"fmt"
	"runtime/debug"
)

// Error is what Acquire and Release panic with: the file cannot be read in place any more.
type Error struct {
	File   string
	Closed bool // the mapping was closed; otherwise the file became shorter, or could not be read
}

// Error names the file and says what to do.
func (e *Error) Error() string {
	if e.Closed {
		return fmt.Sprintf("mmap: %s: the mapping is closed", e.File)
	}
	return fmt.Sprintf("mmap: %s could not be read while it was mapped: it has become shorter, or its disk failed; open it again", e.File)
}

// Acquire holds the mapping open while the calling goroutine reads its bytes. It panics with an *[Error] if the mapping
// is closed. Until Release, a fault in the mapping is such a panic too, of the goroutine that reads. It returns what
// Release takes. A nil Mapping is memory that stays: nothing happens.
//
//	defer m.Release(m.Acquire())
func (m *Mapping) Acquire() (panics bool) {
	if m == nil {
		return false
	}
	m.readers.RLock()
	if m.closed {
		m.readers.RUnlock()
		panic(&Error{m.name, true})
	}
	return debug.SetPanicOnFault(true)
}

// Release ends what Acquire began. It must be deferred, as it recovers from a fault.
func (m *Mapping) Release(panics bool) {
	if m == nil {
		return
	}
	debug.SetPanicOnFault(panics)
	v := recover()
	at, faulted := v.(interface{ Addr() uintptr })
	if faulted && m.holds(at.Addr()) {
		v = &Error{File: m.name}
	}
	m.readers.RUnlock()
	if v != nil {
		panic(v)
	}
}
