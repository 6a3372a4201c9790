package resample

func rows(dst, src []byte, channels int, t *Table) { rowsPortable(dst, src, channels, t) }

func columns(dst, src []byte, stride int, t *Table, i int) { columnsPortable(dst, src, stride, t, i) }
