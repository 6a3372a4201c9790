package flash

func q8ColumnsPortable(dst []float32, d int, codes []int8, scales []float32) {
	for x := range d {
		out, row := dst[x*Block:][:Block], scales[x/Q8Elements*Block:][:Block]
		for j, c := range codes[x*Block:][:Block] {
			out[j] = float32(c) * row[j]
		}
	}
}

func q8RowsPortable(dst []float32, n, d int, codes []int8, scales []float32) {
	per := Q8Scales(d)
	for j := range n {
		out, row := dst[j*d:][:d], scales[j*per:][:per]
		for x, c := range codes[j*d:][:d] {
			out[x] = float32(c) * row[x/Q8Elements]
		}
	}
}

func rowsPortable(dst []float32, n, d int, columns []float32) {
	for j := range n {
		for x := range d {
			dst[j*d+x] = columns[x*Block+j]
		}
	}
}

func scoresColumnsPortable(s []float32, n, d int, k, q []float32) {
	s = s[:n]
	clear(s)
	for x := range d {
		y := q[x]
		for j, a := range k[x*Block:][:n] {
			s[j] += float32(a * y)
		}
	}
}
