//go:build !unix && !windows

package mmap

import (
	"errors"
	"os"
)

func open(*os.File, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmap([]byte) error { return errors.ErrUnsupported }

func drop([]byte) {}
