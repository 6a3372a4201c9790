//go:build !linux

package main

import "os"

// dropCache does nothing: there is no portable way.
func dropCache(*os.File) {}

// cpuSeconds returns 0: there is no portable way.
func cpuSeconds() float64 { return 0 }
