//go:build !amd64 || purego

package resample

func rows(dst, src []byte, stride, n, channels int, t *Table) {
	rowsPortable(dst, src, stride, n, channels, t)
}

func columns(dst, src []byte, stride int, t *Table, i int) { columnsPortable(dst, src, stride, t, i) }
