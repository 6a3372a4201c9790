package tensor

import "github.com/seed2010d43f/transformer/internal/parallel"

// Panic is the value with which a panic goes on in the caller of the library, when a function that the
// caller gave it (an activation, a norm, a bias) panicked on one of the library's goroutines. It holds the
// value of the panic and the stack of where it began. All work of the call has stopped then, and the next
// call computes as if there had been none. runtime.Goexit in such a function ends the calling goroutine.
type Panic = parallel.Panic
