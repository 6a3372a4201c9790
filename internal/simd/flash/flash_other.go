//go:build !amd64 || purego

package flash

func scores(s []float32, lanes, n, d int, k []float32, ldk int, qt, mx []float32) {
	scoresPortable(s, lanes, n, d, k, ldk, qt, mx)
}

func maximum(s []float32, lanes, n int, mx []float32) { maxPortable(s, lanes, n, mx) }

func maskMax(s []float32, lanes, n int, key0 int32, lo, hi []int32, mx []float32) {
	maskMaxPortable(s, lanes, n, key0, lo, hi, mx)
}

func addDiagonals(s []float32, lanes, n int, e []float32) { addDiagonalsPortable(s, lanes, n, e) }

func softCap(s []float32, limit float32) { softCapPortable(s, limit) }

func expSum(s []float32, lanes, n int, m, l []float32) { expSumPortable(s, lanes, n, m, l) }

func rescale(o []float32, lanes, d int, m, mnew, l []float32) {
	rescalePortable(o, lanes, d, m, mnew, l)
}

func accumulate(o []float32, lanes, d int, v []float32, ldv int, p []float32, n int) {
	accumulatePortable(o, lanes, d, v, ldv, p, n)
}

func merge(o, m, l, oc, mc, lc []float32, lanes, d int) {
	mergePortable(o, m, l, oc, mc, lc, lanes, d)
}

func loadQueries(qt []float32, lanes, d int, q []float32, offsets []int, scale float32) {
	loadQueriesPortable(qt, lanes, d, q, offsets, scale)
}

func finish(dst []float32, offsets []int, o, l []float32, lanes, d int) {
	finishPortable(dst, offsets, o, l, lanes, d)
}

func q8Columns(dst []float32, d int, codes []int8, scales []float32) {
	q8ColumnsPortable(dst, d, codes, scales)
}

func q8Rows(dst []float32, n, d int, codes []int8, scales []float32) {
	q8RowsPortable(dst, n, d, codes, scales)
}

func rows(dst []float32, n, d int, columns []float32) { rowsPortable(dst, n, d, columns) }

func scoresColumns(s []float32, n, d int, k, q []float32) { scoresColumnsPortable(s, n, d, k, q) }

func prefetch(*byte, int) {}
