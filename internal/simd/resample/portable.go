package resample

func rowsPortable(dst, src []byte, stride, n, channels int, t *Table) {
	row := [...]func(dst, src []byte, t *Table){rows1, rows2, rows3, rows4}[channels-1]
	width := len(t.First) * channels
	for y := range n {
		row(dst[y*width:][:width], src[y*stride:], t)
	}
}

// weights returns the weights of output i, and what it adds up, from its first pixel.
func (t *Table) weights(i int, src []byte, channels int) ([]int32, []byte) {
	first, n := t.First[i], t.Count[i]
	return t.K[i*t.Taps:][:n], src[first*channels:][:n*channels]
}

func clip(sum int32, shift uint) byte { return byte(min(max(sum>>shift, 0), 255)) }

func rows1(dst, src []byte, t *Table) {
	for i := range t.First {
		k, p := t.weights(i, src, 1)
		a := int32(1) << (t.Shift - 1)
		for x, w := range k {
			a += w * int32(p[x])
		}
		dst[i] = clip(a, t.Shift)
	}
}

func rows2(dst, src []byte, t *Table) {
	for i := range t.First {
		k, p := t.weights(i, src, 2)
		a := int32(1) << (t.Shift - 1)
		b := a
		for x, w := range k {
			q := p[2*x : 2*x+2]
			a += w * int32(q[0])
			b += w * int32(q[1])
		}
		dst[2*i], dst[2*i+1] = clip(a, t.Shift), clip(b, t.Shift)
	}
}

func rows3(dst, src []byte, t *Table) {
	for i := range t.First {
		k, p := t.weights(i, src, 3)
		a := int32(1) << (t.Shift - 1)
		b, c := a, a
		for _, w := range k {
			a += w * int32(p[0])
			b += w * int32(p[1])
			c += w * int32(p[2])
			p = p[3:]
		}
		d := dst[3*i : 3*i+3]
		d[0], d[1], d[2] = clip(a, t.Shift), clip(b, t.Shift), clip(c, t.Shift)
	}
}

func rows4(dst, src []byte, t *Table) {
	for i := range t.First {
		k, p := t.weights(i, src, 4)
		a := int32(1) << (t.Shift - 1)
		b, c, e := a, a, a
		for _, w := range k {
			a += w * int32(p[0])
			b += w * int32(p[1])
			c += w * int32(p[2])
			e += w * int32(p[3])
			p = p[4:]
		}
		d := dst[4*i : 4*i+4]
		d[0], d[1], d[2], d[3] = clip(a, t.Shift), clip(b, t.Shift), clip(c, t.Shift), clip(e, t.Shift)
	}
}

func columnsPortable(dst, src []byte, stride int, t *Table, i int) {
	var sums [256]int32
	k := t.K[i*t.Taps:][:t.Count[i]]
	for from := 0; from < len(dst); from += len(sums) {
		out := dst[from:min(len(dst), from+len(sums))]
		s := sums[:len(out)]
		for x := range s {
			s[x] = 1 << (t.Shift - 1)
		}
		for y, w := range k {
			row := src[from+y*stride:][:len(s)]
			for x, v := range row {
				s[x] += w * int32(v)
			}
		}
		for x, v := range s {
			out[x] = clip(v, t.Shift)
		}
	}
}
