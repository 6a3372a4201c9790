package blocks

import "encoding/binary"

// nearestNonlinear returns the index of the [nonlinear] value nearest to v, the upper one of two as near.
func nearestNonlinear(v float32) int {
	v = float32(v) // a product is rounded before it is compared
	if !(v > nonlinear[0]) {
		return 0
	}
	for i := 1; i < len(nonlinear); i++ {
		if v < nonlinear[i] {
			if v-nonlinear[i-1] < nonlinear[i]-v {
				return i - 1
			}
			return i
		}
	}
	return len(nonlinear) - 1
}

// nonlinearScale returns the scale for 32 elements that are [nonlinear] values times it: that of 16 which leaves the
// least squared error, weighted by squares.
func nonlinearScale(x []float32) (scale float32) {
	at, magnitude := largest(x)
	if magnitude < tiny {
		return 0
	}
	sums := func(inv float32) (qx, qq float32) {
		for _, v := range x {
			q, w := nonlinear[nearestNonlinear(inv*v)], float32(v*v)
			qx += float32(float32(w*q) * v)
			qq += float32(float32(w*q) * q)
		}
		return qx, qq
	}
	qx, qq := sums(1 / (-at / nonlinear[0]))
	if qq > 0 {
		scale = qx / qq
	}
	best := scale * qx
	for try := -7; try <= 7; try++ {
		qx, qq := sums((float32(try) + nonlinear[0]) / at)
		if qq > 0 && float32(qx*qx) > float32(best*qq) {
			scale = qx / qq
			best = scale * qx
		}
	}
	return scale
}

// putNonlinear sets 16 bytes to the nibbles of 32 elements.
func putNonlinear(b []byte, x []float32, inv float32) {
	var codes [32]byte
	for i, v := range x {
		codes[i] = byte(nearestNonlinear(inv * v))
	}
	putNibbles(b, &codes)
}

// EncodeIQ4_NL: see [DecodeIQ4_NL].
func EncodeIQ4_NL(blocks []byte, src []float32) {
	encode(blocks, src, 18, 32, func(b []byte, x []float32) {
		scale := nonlinearScale(x)
		putF16(b, scale)
		putNonlinear(b[2:], x, inverse(scale))
	})
}

// EncodeIQ4_XS: see [DecodeIQ4_XS].
func EncodeIQ4_XS(blocks []byte, src []float32) {
	encode(blocks, src, 136, 256, func(b []byte, x []float32) {
		var scales [8]float32
		for i := range scales {
			scales[i] = nonlinearScale(x[32*i : 32*i+32])
		}
		at, _ := largest(scales[:])
		d := -at / 32
		putF16(b, d)
		inv, high := inverse(d), uint16(0)
		for i, s := range scales {
			l := round6(inv * s)
			putNonlinear(b[8+16*i:], x[32*i:32*i+32], inverse(d*float32(l)))
			b[4+i/2] |= byte((l + 32) & 15 << (i % 2 * 4))
			high |= uint16((l+32)>>4) << (2 * i)
		}
		binary.LittleEndian.PutUint16(b[2:], high)
	})
}
