package scene

// rgb is a colour; its values are from 0 to 255.
type rgb [3]int

var (
	dark  = rgb{40, 36, 40}
	black = rgb{25, 22, 25}
	snow  = rgb{250, 250, 248}
	glass = rgb{190, 225, 240}
	grey  = rgb{165, 165, 170}

	paints = [...]rgb{{205, 45, 40}, {45, 85, 200}, {40, 150, 70}, {235, 195, 40}, {235, 235, 235}}
	furs   = [...]rgb{{130, 130, 138}, {222, 138, 62}, {62, 58, 62}, {128, 88, 58}, {228, 204, 165}}
	mats   = [...]rgb{{170, 60, 90}, {60, 120, 150}, {120, 80, 160}, {90, 130, 60}, {200, 120, 60}, {70, 70, 110}}
	walls  = [...]rgb{{232, 222, 200}, {205, 220, 225}, {225, 205, 205}, {200, 215, 190}, {215, 210, 230}}
	floors = [...]rgb{{150, 110, 75}, {175, 150, 120}, {110, 100, 100}, {140, 125, 140}}
	skies  = [...]rgb{{150, 200, 235}, {190, 215, 235}, {240, 200, 170}, {170, 180, 205}}
	meads  = [...]rgb{{120, 170, 90}, {150, 175, 100}, {200, 185, 130}, {105, 145, 95}}
)

// mix returns share 256ths of b, the rest of a.
func mix(a, b rgb, share int) rgb {
	for i := range a {
		a[i] = (a[i]*(256-share) + b[i]*share) >> 8
	}
	return a
}

// source gives the random numbers of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
type source uint64

func (s *source) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (s *source) below(n int) int { return int(s.next() >> 33 % uint64(n)) }

// between returns a number from low to high.
func (s *source) between(low, high int) int { return low + s.below(high-low+1) }

// near returns a colour whose values differ from c's by most at most.
func (s *source) near(c rgb, most int) rgb {
	for i := range c {
		c[i] = min(max(c[i]+s.between(-most, most), 0), 255)
	}
	return c
}

// pick returns a colour near one of several.
func (s *source) pick(colours []rgb, most int) rgb {
	return s.near(colours[s.below(len(colours))], most)
}
