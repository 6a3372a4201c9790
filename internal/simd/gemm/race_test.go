//go:build race

package gemm_test

// raceEnabled is whether the race detector runs, under which pools lose what is put back.
const raceEnabled = true
