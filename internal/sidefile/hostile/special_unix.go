//go:build unix

package hostile

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// special are the faults that a file can have on Unix: those that never end, or that wait.
func special() []fault {
	return []fault{
		{name: "a pipe", make: func(path, _ string, _ []byte) error { return unix.Mkfifo(path, 0o666) }},
		{name: "a link to a pipe", make: func(path, spare string, _ []byte) error {
			pipe := filepath.Join(spare, "pipe")
			if err := unix.Mkfifo(pipe, 0o666); err != nil {
				return err
			}
			return os.Symlink(pipe, path)
		}},
		{name: "a socket", make: func(path, _ string, _ []byte) error { return unix.Mknod(path, unix.S_IFSOCK|0o666, 0) }},
		{name: "a link to /dev/zero", make: func(path, _ string, _ []byte) error { return os.Symlink("/dev/zero", path) }},
	}
}
