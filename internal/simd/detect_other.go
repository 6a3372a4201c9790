//go:build !amd64 || purego

package simd

func detect() Tier { return Generic }

func detectBF16() bool { return false }
