//go:build !amd64 || purego

package chroma

func rgb(dst, luma, cb, cr []byte) { rgbPortable(dst, luma, cb, cr) }

func double(dst, near, far []byte) { doublePortable(dst, near, far) }
