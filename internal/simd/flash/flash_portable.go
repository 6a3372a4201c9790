package flash

import "math"

// The conversions float32(a*b) keep compilers from fusing, so that these give the same bits on every machine.

func scoresPortable(s []float32, lanes, n, d int, k []float32, ldk int, qt, mx []float32) {
	if lanes == 1 {
		scoresOnePortable(s, n, d, k, ldk, qt)
	} else {
		for j := range n {
			row := s[j*lanes:][:lanes]
			clear(row)
			for x, a := range k[j*ldk:][:d] {
				q := qt[x*lanes:][:lanes]
				for i := range row {
					row[i] += float32(a * q[i])
				}
			}
		}
	}
	if mx != nil {
		maxPortable(s, lanes, n, mx)
	}
}

func maxPortable(s []float32, lanes, n int, mx []float32) {
	mx = mx[:lanes]
	for j := range n {
		for i, x := range s[j*lanes:][:lanes] {
			if !(x <= mx[i]) {
				mx[i] = x
			}
		}
	}
}

func maskMaxPortable(s []float32, lanes, n int, key0 int32, lo, hi []int32, mx []float32) {
	none := float32(math.Inf(-1))
	for j := range n {
		key := key0 + int32(j)
		row := s[j*lanes:][:lanes]
		for i := range row {
			if key < lo[i] || key > hi[i] {
				row[i] = none
			}
		}
	}
	maxPortable(s, lanes, n, mx)
}

func addDiagonalsPortable(s []float32, lanes, n int, e []float32) {
	for j := range n {
		row := s[j*lanes:][:lanes]
		for i, v := range e[n-1-j:][:lanes] {
			row[i] += v
		}
	}
}

func softCapPortable(s []float32, limit float32) {
	inv := 1 / limit
	for i, x := range s {
		s[i] = limit * tanhPortable(x*inv)
	}
}

func expSumPortable(s []float32, lanes, n int, m, l []float32) {
	m, l = m[:lanes], l[:lanes]
	for j := range n {
		row := s[j*lanes:][:lanes]
		for i, x := range row {
			e := expPortable(x - m[i])
			row[i] = e
			l[i] += e
		}
	}
}

func rescalePortable(o []float32, lanes, d int, m, mnew, l []float32) {
	for i := range lanes {
		if m[i] == mnew[i] {
			continue
		}
		a := expPortable(m[i] - mnew[i])
		m[i] = mnew[i]
		l[i] *= a
		for x := range d {
			o[x*lanes+i] *= a
		}
	}
}

func accumulatePortable(o []float32, lanes, d int, v []float32, ldv int, p []float32, n int) {
	if lanes == 1 {
		accumulateOnePortable(o, d, v, ldv, p, n)
		return
	}
	for j := range n {
		w := p[j*lanes:][:lanes]
		for x, a := range v[j*ldv:][:d] {
			row := o[x*lanes:][:lanes]
			for i := range row {
				row[i] += float32(a * w[i])
			}
		}
	}
}

func mergePortable(o, m, l, oc, mc, lc []float32, lanes, d int) {
	for i := range lanes {
		mn := m[i]
		if !(mc[i] <= mn) {
			mn = mc[i]
		}
		a, b := expPortable(m[i]-mn), expPortable(mc[i]-mn)
		m[i] = mn
		l[i] = float32(l[i]*a) + float32(lc[i]*b)
		for x := range d {
			o[x*lanes+i] = float32(o[x*lanes+i]*a) + float32(oc[x*lanes+i]*b)
		}
	}
}

func loadQueriesPortable(qt []float32, lanes, d int, q []float32, offsets []int, scale float32) {
	for i := range lanes {
		for x, a := range q[offsets[min(i, len(offsets)-1)]:][:d] {
			qt[x*lanes+i] = a * scale
		}
	}
}

func finishPortable(dst []float32, offsets []int, o, l []float32, lanes, d int) {
	for i, at := range offsets {
		row := dst[at:][:d]
		if l[i] == 0 {
			clear(row)
			continue
		}
		inv := 1 / l[i]
		for x := range row {
			row[x] = o[x*lanes+i] * inv
		}
	}
}
