package gemm

import "unsafe"

// multiplyPortable computes a tile in plain Go. Conversions to float32 keep compilers from fusing multiplication and
// addition.
func (t *tile) multiplyPortable(c, a []float32) {
	if t.set == portableInt8 {
		t.int8s(c, a)
		addPortable(c, t.ldc, t.rows, t.width, t.bias, t.add)
		return
	}
	w := unsafe.Slice((*float32)(t.panel), t.k*t.width)
	switch {
	case t.set == portableBF16Pairs:
		t.pairs(c, a, w)
	case t.rows == 1:
		t.row(c, a, w)
	default:
		for i := 0; i < t.rows; i += 4 {
			for j := 0; j < t.width; j += 2 {
				t.four(c[i*t.ldc+j:], a[i:], w[j:])
			}
		}
	}
	addPortable(c, t.ldc, t.rows, t.width, t.bias, t.add)
}

// addPortable adds to rows × cols outputs the bias and then add, with rows ldc apart, if they are not nil.
func addPortable(c []float32, ldc, rows, cols int, bias, add []float32) {
	for i := range rows {
		row := c[i*ldc:][:cols]
		if bias != nil {
			for j, v := range bias[:cols] {
				row[j] += v
			}
		}
		if add != nil {
			for j, v := range add[i*ldc:][:cols] {
				row[j] += v
			}
		}
	}
}

// pairs computes a tile of pairs: the second product of a pair is added before the first. (VDPBF16PS does not round
// between product and addition, and takes denormals for 0.)
func (t *tile) pairs(c, a, b []float32) {
	for i := range t.rows {
		for j := range t.width {
			var s float32
			if t.chain {
				s = c[i*t.ldc+j]
			}
			for k := range t.k {
				x0, x1 := pair(a[k*t.rows+i])
				w0, w1 := pair(b[k*t.width+j])
				s += float32(x1 * w1)
				s += float32(x0 * w0)
			}
			c[i*t.ldc+j] = s
		}
	}
}

// four computes 4 × 2 outputs.
func (t *tile) four(c, a, b []float32) {
	var s00, s01, s10, s11, s20, s21, s30, s31 float32
	c0, c1, c2, c3 := c, c[t.ldc:], c[2*t.ldc:], c[3*t.ldc:]
	if t.chain {
		s00, s01, s10, s11 = c0[0], c0[1], c1[0], c1[1]
		s20, s21, s30, s31 = c2[0], c2[1], c3[0], c3[1]
	}
	for k := range t.k {
		x := (*[4]float32)(a[k*t.rows:])
		w := (*[2]float32)(b[k*t.width:])
		s00 += float32(x[0] * w[0])
		s01 += float32(x[0] * w[1])
		s10 += float32(x[1] * w[0])
		s11 += float32(x[1] * w[1])
		s20 += float32(x[2] * w[0])
		s21 += float32(x[2] * w[1])
		s30 += float32(x[3] * w[0])
		s31 += float32(x[3] * w[1])
	}
	c0[0], c0[1], c1[0], c1[1] = s00, s01, s10, s11
	c2[0], c2[1], c3[0], c3[1] = s20, s21, s30, s31
}

// row computes one row of outputs, 8 at a time.
func (t *tile) row(c, a, w []float32) {
	for j := 0; j < t.width; j += 8 {
		var s [8]float32
		if t.chain {
			copy(s[:], c[j:])
		}
		s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
		b := w[j:]
		for k, x := range a[:t.k] {
			w := (*[8]float32)(b[k*t.width:])
			s0 += float32(x * w[0])
			s1 += float32(x * w[1])
			s2 += float32(x * w[2])
			s3 += float32(x * w[3])
			s4 += float32(x * w[4])
			s5 += float32(x * w[5])
			s6 += float32(x * w[6])
			s7 += float32(x * w[7])
		}
		*(*[8]float32)(c[j:]) = [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
	}
}
