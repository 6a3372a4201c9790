//go:build !linux

package mmap

func fetch([]byte) {}
