package task

import "io/fs"

// Tiny returns the folder of a small checkpoint with random weights.
func Tiny(name string) fs.FS { return expected.Checkpoints[name].fs() }

// TinyM3 returns a folder with the layers of BGE-M3.
func TinyM3() fs.FS { return expected.Checkpoints["features"].with(nil, expected.M3.Weights).fs() }
