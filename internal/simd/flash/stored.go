package flash

import (
	"fmt"
	"unsafe"
)

// Keys and values may be stored in fewer bits than float32. Keys then lie in columns, [d][Block]: their dimensions are
// rows, so that the scores of one query need no transposition.

// Q8Elements is the number of neighbours in a key or value that share a scale. What is left of it at the end is a
// shorter block.
const Q8Elements = 32

// Q8Scales returns the number of scales of a key or value of dimension d.
func Q8Scales(d int) int { return (d + Q8Elements - 1) / Q8Elements }

// Q8Columns sets dst[x·Block+j] = codes[x·Block+j]·scales[x/32·Block+j] for x < d and j < Block. Products are exact
// if scales are float16 numbers.
func Q8Columns(dst []float32, d int, codes []int8, scales []float32) {
	checkTile(1, 0, d)
	checkLen("dst", dst, d*Block)
	checkCodes(codes, d*Block)
	checkLen("scales", scales, Q8Scales(d)*Block)
	q8Columns(dst, d, codes, scales)
}

// Q8Rows sets dst[j·d+x] = codes[j·d+x]·scales[j·Q8Scales(d)+x/32] for n keys or values, and x < d. Products are
// exact if scales are float16 numbers.
func Q8Rows(dst []float32, n, d int, codes []int8, scales []float32) {
	checkTile(1, n, d)
	checkLen("dst", dst, n*d)
	checkCodes(codes, n*d)
	checkLen("scales", scales, n*Q8Scales(d))
	if n > 0 {
		q8Rows(dst, n, d, codes, scales)
	}
}

// Rows transposes: it sets dst[j·d+x] = columns[x·Block+j] for x < d and the first n keys.
func Rows(dst []float32, n, d int, columns []float32) {
	checkTile(1, n, d)
	checkLen("dst", dst, n*d)
	checkLen("columns", columns, d*Block)
	if n > Block {
		panic(fmt.Sprintf("flash: %d keys in columns of %d", n, Block))
	}
	if n > 0 {
		rows(dst, n, d, columns)
	}
}

// ScoresColumns is [Scores] for one query and keys in columns: s[j] = Σ k[x·Block+j]·q[x] over x < d for n keys. It
// has the bits of Scores. It may also write the scores of the keys that follow, up to a multiple of 16: s has to have
// room for them.
func ScoresColumns(s []float32, n, d int, k, q []float32) {
	checkTile(1, n, d)
	checkLen("s", s, (n+15)&^15)
	checkLen("k", k, d*Block)
	checkLen("q", q, d)
	if n > Block {
		panic(fmt.Sprintf("flash: %d keys in columns of %d", n, Block))
	}
	if n > 0 {
		scoresColumns(s, n, d, k, q)
	}
}

// Prefetch asks for x to be brought near the processor, where it can. It changes nothing.
func Prefetch[T int8 | uint16](x []T) {
	if len(x) > 0 {
		prefetch((*byte)(unsafe.Pointer(&x[0])), (len(x)*int(unsafe.Sizeof(x[0]))+63)/64)
	}
}

func checkCodes(codes []int8, want int) {
	if len(codes) < want {
		panic(fmt.Sprintf("flash: codes has length %d, want %d", len(codes), want))
	}
}
