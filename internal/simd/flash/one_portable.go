package flash

// One lane: what has its own loops because those over lanes would be short.

func scoresOnePortable(s []float32, n, d int, k []float32, ldk int, q []float32) {
	q = q[:d]
	j := 0
	for ; j+4 <= n; j += 4 {
		a, b, c, e := k[j*ldk:][:d], k[(j+1)*ldk:][:d], k[(j+2)*ldk:][:d], k[(j+3)*ldk:][:d]
		var sa, sb, sc, se float32
		for x, y := range q {
			sa += float32(a[x] * y)
			sb += float32(b[x] * y)
			sc += float32(c[x] * y)
			se += float32(e[x] * y)
		}
		s[j], s[j+1], s[j+2], s[j+3] = sa, sb, sc, se
	}
	for ; j < n; j++ {
		var sum float32
		for x, a := range k[j*ldk:][:d] {
			sum += float32(a * q[x])
		}
		s[j] = sum
	}
}

func accumulateOnePortable(o []float32, d int, v []float32, ldv int, p []float32, n int) {
	o = o[:d]
	j := 0
	for ; j+4 <= n; j += 4 {
		a, b, c, e := v[j*ldv:][:d], v[(j+1)*ldv:][:d], v[(j+2)*ldv:][:d], v[(j+3)*ldv:][:d]
		wa, wb, wc, we := p[j], p[j+1], p[j+2], p[j+3]
		for x, y := range o {
			y += float32(a[x] * wa)
			y += float32(b[x] * wb)
			y += float32(c[x] * wc)
			y += float32(e[x] * we)
			o[x] = y
		}
	}
	for ; j < n; j++ {
		w := p[j]
		for x, a := range v[j*ldv:][:d] {
			o[x] += float32(a * w)
		}
	}
}
