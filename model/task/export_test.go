package task

import (
	"io/fs"
	"testing/fstest"
)

// Tiny returns the folder of a small checkpoint with random weights.
func Tiny(name string) fs.FS { return expected.Checkpoints[name].fs() }

// Published returns a folder of testdata/heads.json.gz.
func Published(name string) fstest.MapFS {
	for _, c := range unpack1[headsGolden](headsGZ).Cases {
		if c.Name == name {
			return c.fs()
		}
	}
	panic("no folder " + name)
}

// TinyM3 returns a folder with the layers of BGE-M3.
func TinyM3() fs.FS { return expected.Checkpoints["features"].with(nil, expected.M3.Weights).fs() }
