package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropCache takes a file, which is on the disk, out of the system's cache.
func dropCache(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }

// cpuSeconds returns the time that processors have worked for this process.
func cpuSeconds() float64 {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
