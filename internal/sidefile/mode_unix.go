//go:build unix

package sidefile

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// modeIn returns the type of what name, a path from the folder, leads to.
func modeIn(folder *os.File, name string) (fs.FileMode, bool) {
	var s unix.Stat_t
	if unix.Fstatat(int(folder.Fd()), name, &s, 0) != nil {
		return 0, false
	}
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return 0, true
	case unix.S_IFDIR:
		return fs.ModeDir, true
	case unix.S_IFIFO:
		return fs.ModeNamedPipe, true
	case unix.S_IFSOCK:
		return fs.ModeSocket, true
	case unix.S_IFCHR:
		return fs.ModeDevice | fs.ModeCharDevice, true
	case unix.S_IFBLK:
		return fs.ModeDevice, true
	}
	return fs.ModeIrregular, true
}
