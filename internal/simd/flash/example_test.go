package flash_test

import (
	"fmt"

	"github.com/seed2010d43f/transformer/internal/simd/flash"
)

// Two lanes of a causal tile: the second sees one key more.
func ExampleMaskMax() {
	const lanes = 8
	s := make([]float32, 3*lanes) // keys 4, 5 and 6
	lo, hi, mx := make([]int32, lanes), make([]int32, lanes), make([]float32, lanes)
	hi[0], hi[1] = 4, 5
	for i := range mx {
		mx[i] = flash.Empty
	}
	flash.MaskMax(s, lanes, 3, 4, lo, hi, mx)
	for j := range 3 {
		fmt.Println(4+j, s[j*lanes:][:2])
	}
	fmt.Println(mx[:3])
	// Output:
	// 4 [0 0]
	// 5 [-Inf 0]
	// 6 [-Inf -Inf]
	// [0 0 -1e+30]
}

// Two halves of the keys, of equal weight, computed apart.
func ExampleMerge() {
	const lanes, D = 8, 1
	o, m, l := make([]float32, lanes), make([]float32, lanes), make([]float32, lanes)
	oc, mc, lc := make([]float32, lanes), make([]float32, lanes), make([]float32, lanes)
	for i := range lanes {
		m[i] = flash.Empty
	}
	for _, value := range []float32{10, 30} {
		for i := range lanes {
			oc[i], mc[i], lc[i] = value, 0, 1
		}
		flash.Merge(o, m, l, oc, mc, lc, lanes, D)
	}
	dst := make([]float32, 1)
	flash.Finish(dst, []int{0}, o, l, lanes, D)
	fmt.Println(o[0], l[0], dst)
	// Output:
	// 40 2 [20]
}

func ExampleSoftCap() {
	s := []float32{0, 1, 100, -1000}
	flash.SoftCap(s, 50)
	fmt.Printf("%.4f\n", s)
	// Output:
	// [0.0000 0.9999 48.2014 -50.0000]
}
