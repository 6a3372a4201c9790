package parallel

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Panic is the value with which a panic of a part goes on in the goroutine that called [Run] or [Each].
type Panic struct {
	Value any    // what the part panicked with
	Stack []byte // of the goroutine in which it did, as debug.Stack formats it
}

// newPanic wraps what recover returned, in the goroutine that panicked.
func newPanic(v any) *Panic {
	if p, ok := v.(*Panic); ok { // of a part of a part
		return p
	}
	return &Panic{v, debug.Stack()}
}

// Error returns the value and the stack.
func (p *Panic) Error() string {
	return fmt.Sprintf("%v\n\nThis panic began in:\n%s", p.Value, p.Stack)
}

// Unwrap returns the value if it is an error, for errors.Is and errors.As, and nil otherwise.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// failure is how a part ended that did not return: by a panic, or by runtime.Goexit if that is nil.
type failure struct{ panic *Panic }

// newFailure takes what recover returned.
func newFailure(v any) *failure {
	if v == nil {
		return &failure{}
	}
	return &failure{newPanic(v)}
}

// pass ends the calling goroutine as the part has ended.
func (f *failure) pass() {
	if f.panic != nil {
		panic(f.panic)
	}
	runtime.Goexit()
}
