package tensor

import "github.com/seed2010d43f/transformer/internal/parallel"

// Panic is the value of a panic that began on a goroutine of the library, in a function that the caller
// provided: an activation, a norm or a bias. The library stops all work of the call and panics again with a
// *Panic in the goroutine of the caller. A Panic holds the original value and the stack where it began. Later
// calls are not affected. If the function calls runtime.Goexit, the goroutine of the caller ends.
type Panic = parallel.Panic
