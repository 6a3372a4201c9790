package blocks

import "math"

// tiny is the magnitude below which a group counts as zero.
const tiny = 1e-15

// clamp returns v, or the nearer of the limits.
func clamp(v, low, high int) int { return max(low, min(v, high)) }

// weighted6 sets codes to 16 elements as integers from −32 to 31, plus 32, times a scale, which it returns: that of 19
// which leaves the least squared error, weighted by squares. They lie around that with −32 for the largest element.
func weighted6(codes []byte, x *[16]float32) (scale float32) {
	at, magnitude := largest(x[:])
	if magnitude < tiny {
		return 0
	}
	var best float32
	for _, step := range [19]float32{0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9} {
		inv := -(32 + float32(0.1*step)) / at
		var xl, ll float32
		for _, v := range x {
			l, w := float32(round6(inv*v)), float32(v*v)
			xl += float32(float32(w*v) * l)
			ll += float32(float32(w*l) * l)
		}
		if step != 0 && !(ll > 0 && float32(xl*xl) > float32(best*ll)) {
			continue
		}
		if ll != 0 {
			scale = xl / ll
		}
		best = scale * xl
		for i, v := range x {
			codes[i] = byte(round6(inv*v) + 32)
		}
	}
	return scale
}

// round6 returns the nearest integer from −32 to 31.
func round6(v float32) int { return clamp(nearest(v), -32, 31) }

// EncodeQ6_K: see [DecodeQ6_K].
func EncodeQ6_K(blocks []byte, src []float32) {
	encode(blocks, src, 210, 256, func(b []byte, x []float32) {
		var scales [16]float32
		var codes [256]byte
		for i := range scales {
			scales[i] = weighted6(codes[16*i:], (*[16]float32)(x[16*i:]))
		}
		at, magnitude := largest(scales[:])
		if magnitude < tiny {
			return
		}
		inv := -128 / at
		putF16(b[208:], 1/inv)
		d := f16(b[208:])
		for i, s := range scales {
			code := int8(min(127, nearest(inv*s)))
			b[192+i] = byte(code)
			if step := d * float32(code); step != 0 {
				for j, v := range x[16*i : 16*i+16] {
					codes[16*i+j] = byte(round6(v/step) + 32)
				}
			}
		}
		for i, c := range codes {
			part, group, j := i/128, i%128/32, i%32
			b[64*part+group%2*32+j] |= c & 15 << (group / 2 * 4)
			b[128+32*part+j] |= c >> 4 << (2 * group)
		}
	})
}

// search is how the scale and the minimum of 32 elements are found: integers from 0 to most, with 1/scale tried from
// most+from in steps of a tenth.
type search struct {
	most  int
	from  float32
	steps int
}

// find sets codes, and returns the scale and the minimum, negated, that leave the least squared error if elements are
// integers from 0 to most times the scale, less the minimum. Errors are weighted: see [weightsOf].
func (s search) find(codes []byte, x *[32]float32) (scale, minimum float32) {
	weights := weightsOf(x)
	least, most := extremes(x[:])
	least = min(least, 0)
	if most == least {
		return 0, -least
	}
	var sumW, sumX float32
	for i, v := range x {
		sumW += weights[i]
		sumX += float32(weights[i] * v)
	}
	var tried [32]float32
	inv := float32(s.most) / (most - least)
	scale = 1 / inv
	s.round(&tried, x, inv, least)
	best := weightedError(x, &weights, &tried, scale, least)
	keep(codes, &tried)
	for step := range s.steps + 1 {
		s.round(&tried, x, (s.from+float32(0.1*float32(step))+float32(s.most))/(most-least), least)
		var sumL, sumLL, sumXL float32
		for i, l := range tried {
			wl := float32(weights[i] * l)
			sumL += wl
			sumLL += float32(wl * l)
			sumXL += float32(wl * x[i])
		}
		d := float32(sumW*sumLL) - float32(sumL*sumL)
		if !(d > 0) {
			continue
		}
		newScale := (float32(sumW*sumXL) - float32(sumX*sumL)) / d
		newLeast := (float32(sumLL*sumX) - float32(sumL*sumXL)) / d
		if newLeast > 0 {
			newLeast, newScale = 0, sumXL/sumLL
		}
		if e := weightedError(x, &weights, &tried, newScale, newLeast); e < best {
			best, scale, least = e, newScale, newLeast
			keep(codes, &tried)
		}
	}
	return scale, -least
}

func keep(codes []byte, tried *[32]float32) {
	for i, l := range tried {
		codes[i] = byte(l)
	}
}

// weightsOf returns the magnitudes of the elements plus the root of their mean square.
func weightsOf(x *[32]float32) (weights [32]float32) {
	var squares float32
	for _, v := range x {
		squares += float32(v * v)
	}
	root := float32(math.Sqrt(float64(squares / 32)))
	for i, v := range x {
		weights[i] = root + abs(v)
	}
	return weights
}

// round sets codes to the integers from 0 to most nearest to inv times the elements less least.
func (s search) round(codes, x *[32]float32, inv, least float32) {
	for i, v := range x {
		codes[i] = float32(clamp(nearest(inv*(v-least)), 0, s.most))
	}
}

// weightedError returns the sum of weighted squared errors.
func weightedError(x, weights, codes *[32]float32, scale, least float32) (sum float32) {
	for i, l := range codes {
		d := float32(scale*l) + least - x[i]
		sum += float32(weights[i] * float32(d*d))
	}
	return sum
}

// withMinima sets the first 16 bytes of a Q4_K or Q5_K block and the codes of its elements.
func (s search) withMinima(b []byte, codes *[256]byte, x []float32) {
	var scales, minima [8]float32
	for i := range scales {
		scales[i], minima[i] = s.find(codes[32*i:], (*[32]float32)(x[32*i:]))
	}
	var mostScale, mostMinimum float32
	for i := range scales {
		mostScale, mostMinimum = max(mostScale, scales[i]), max(mostMinimum, minima[i])
	}
	putF16(b, mostScale/63)
	putF16(b[2:], mostMinimum/63)
	putScalesK(b[4:], &scales, &minima, ratio(63, mostScale), ratio(63, mostMinimum))
	d, dmin := f16(b), f16(b[2:])
	whole, wholeMinima := scalesK((*[12]byte)(b[4:]))
	for i := range whole {
		step, least := d*float32(whole[i]), dmin*float32(wholeMinima[i])
		for j, v := range x[32*i : 32*i+32] {
			if step != 0 {
				codes[32*i+j] = byte(clamp(nearest((v+float32(least))/step), 0, s.most))
			}
		}
	}
}

// ratio returns a/b, or 0 if b is not positive.
func ratio(a, b float32) float32 {
	if !(b > 0) {
		return 0
	}
	return a / b
}

// putScalesK sets 12 bytes to scales and minima of six bits: see [scalesK].
func putScalesK(b []byte, scales, minima *[8]float32, invScale, invMinimum float32) {
	for i := range scales {
		s, m := min(63, byte(nearest(invScale*scales[i]))), min(63, byte(nearest(invMinimum*minima[i])))
		if i < 4 {
			b[i], b[i+4] = s, m
			continue
		}
		b[i+4] = s&15 | m&15<<4
		b[i-4] |= s >> 4 << 6
		b[i] |= m >> 4 << 6
	}
}

// EncodeQ4_K: see [DecodeQ4_K].
func EncodeQ4_K(blocks []byte, src []float32) {
	encode(blocks, src, 144, 256, func(b []byte, x []float32) {
		var codes [256]byte
		search{15, -1, 20}.withMinima(b, &codes, x)
		for i, c := range codes {
			b[16+i/64*32+i%32] |= c << (i / 32 % 2 * 4)
		}
	})
}

// EncodeQ5_K: see [DecodeQ5_K].
func EncodeQ5_K(blocks []byte, src []float32) {
	encode(blocks, src, 176, 256, func(b []byte, x []float32) {
		var codes [256]byte
		search{31, -0.5, 15}.withMinima(b, &codes, x)
		for i, c := range codes {
			b[16+i%32] |= c >> 4 << (i / 32)
			b[48+i/64*32+i%32] |= c & 15 << (i / 32 % 2 * 4)
		}
	})
}
