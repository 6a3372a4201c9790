//go:build !race

package tensortest

// Race is whether the race detector runs, under which pools lose what is put back and allocations cannot be
// counted.
const Race = false
